from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.errors import ConversionFailed
from speakerid.models.conversion import read_checkpoint
from tests.models.wheels import saved


def test_reads_what_torch_saves() -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    content = {
        "turned": base.T,  # strides that are not those of a plain array
        "part": base[1:3, 2:5],  # begins within the data of another
        "long": torch.tensor([1, 2]),
        "half": torch.tensor([0.5], dtype=torch.float16),
        "number": torch.tensor(3.5),
        "facts": {"format_version": 1, "name": "x", "list": [1.5, True, None]},
    }
    read = read_checkpoint(saved(content))
    for name in ("turned", "part", "long", "half", "number"):
        np.testing.assert_array_equal(read[name], content[name].numpy())  # type: ignore[attr-defined]  # a tensor
        assert read[name].dtype == content[name].numpy().dtype  # type: ignore[attr-defined]  # a tensor
    assert read["facts"] == content["facts"]


def test_state_dicts_keep_their_order() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    assert list(read_checkpoint(saved(model.state_dict()))) == list(model.state_dict())


class Harmful:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.file),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    with pytest.raises(ConversionFailed, match=r"asks for .*mkdir"):
        read_checkpoint(saved({"weights": Harmful(tmp_path / "harm")}))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("data", [b"", b"not a zip", saved({"a": 1})[:-40]], ids=["empty", "text", "cut"])
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(ConversionFailed, match="cannot be read"):
        read_checkpoint(data)


def test_a_tensor_larger_than_its_data_is_refused() -> None:
    whole = zipfile.ZipFile(io.BytesIO(saved({"a": torch.zeros(1000)})))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, b"\0" * 8 if "/data/" in name else whole.read(name))
    with pytest.raises(ConversionFailed, match=r"shape \(1000,\)"):
        read_checkpoint(out.getvalue())


def test_other_pickles_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(np.float64(1.0)))
    with pytest.raises(ConversionFailed, match="neither weights nor numbers"):
        read_checkpoint(out.getvalue())
