"""A wheel as the package index serves it, made of tiny models, and the catalog that pins it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speakerid.audio.segmentation import Segmentation
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.errors import ConversionFailed
from speakerid.models.catalog import CAMPPLUS, SEGMENTATION, Member, Model, Wheel
from speakerid.models.store import keep
from tests.encoders.voices import LOW, speak
from tests.models import torch_campplus, torch_segmentation

REQUIREMENT = "tiny-models==1.0"
FILE = "tiny_models-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
LICENSES = "tiny_models-1.0.dist-info/licenses/LICENSES"
TEXTS = b"You may do with it what you like.\n"


@dataclass(frozen=True)
class Served:
    """`folder` is what pip looks into; `catalog` and `wheel` pin what lies there."""

    folder: Path
    catalog: tuple[Model, ...]
    wheel: Wheel
    graphs: dict[str, bytes]  # what the models become, by name


def saved(content: Any) -> bytes:
    """As `torch.save` writes it."""
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def serve(folder: Path) -> Served:
    campplus = saved(torch_campplus.tiny().state_dict())
    segmentation = saved({"format_version": 1, "state_dict": torch_segmentation.tiny().state_dict()})
    graphs = {"campplus": CAMPPLUS.convert(campplus), "segmentation": SEGMENTATION.convert(segmentation)}
    models = (
        _pinned(CAMPPLUS, campplus, graphs["campplus"], _check_encoder),
        _pinned(SEGMENTATION, segmentation, graphs["segmentation"], _check_segmentation),
    )
    data = wheel_of({CAMPPLUS.source.path: campplus, SEGMENTATION.source.path: segmentation, LICENSES: TEXTS})
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(data)
    wheel = Wheel(REQUIREMENT, sha256(data), len(data))
    return Served(folder, tuple(dataclasses.replace(model, wheel=wheel) for model in models), wheel, graphs)


def wheel_of(files: dict[str, bytes]) -> bytes:
    about = {
        "tiny_models-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.0\n",
        "tiny_models-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
        "tiny_models-1.0.dist-info/RECORD": b"",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (files | about).items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def put(served: Served, folder: Path) -> Path:
    """The models in a folder as a fetch leaves them, without asking pip."""
    for model in served.catalog:
        keep(model, folder, served.graphs[model.name], TEXTS)
    return folder


def _pinned(model: Model, weights: bytes, graph: bytes, check: Any) -> Model:
    return dataclasses.replace(
        model,
        source=Member(model.source.path, sha256(weights)),
        licenses=Member(LICENSES, sha256(TEXTS)),
        sha256=sha256(graph),
        size_bytes=len(graph),
        check=check,
    )


def _check_encoder(graph: Path) -> None:
    if OnnxEncoder.load(graph).embed([speak(LOW, 1.0)]).shape != (1, 12):
        raise ConversionFailed("not 12 dimensions")


def _check_segmentation(graph: Path) -> None:
    if not np.isfinite(Segmentation.load(graph).log_probs(speak(LOW, 3.0)[np.newaxis])).all():
        raise ConversionFailed("not a number")
