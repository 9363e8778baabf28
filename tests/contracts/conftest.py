from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import BUNDLED, load_encoder
from tests.encoders.tiny_models import export, write_ecapa, write_waveform_graph, write_xvector


def _bundled(_: Path) -> Encoder:
    if not BUNDLED.is_file():
        pytest.skip(f"there is no bundled encoder ({BUNDLED.name})")
    return load_encoder("bundled")


ENCODERS: dict[str, Callable[[Path], Encoder]] = {
    "fake": lambda _: FakeEncoder(),
    "batcher": lambda _: Batcher(FakeEncoder()),
    "speechbrain-ecapa": lambda at: load_encoder(str(write_ecapa(at))),
    "speechbrain-xvector": lambda at: load_encoder(str(write_xvector(at))),
    "onnx": lambda at: load_encoder(str(write_waveform_graph(at / "tiny.onnx"))),
    "onnx-exported": lambda at: load_encoder(str(export(write_ecapa(at), at / "model.onnx").path)),
    "bundled": _bundled,
}


@pytest.fixture(scope="session", params=ENCODERS)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encoder]:
    made = ENCODERS[request.param](tmp_path_factory.mktemp(request.param))
    yield made
    if isinstance(made, Batcher):
        made.close()


@pytest.fixture(scope="session", params=[write_ecapa, write_xvector])
def exported_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Encoder]:
    """One set of weights: as SpeechBrain runs it, and as ONNX."""
    directory = request.param(tmp_path_factory.mktemp("pair"))
    return load_encoder(str(directory)), load_encoder(str(export(directory, directory / "model.onnx").path))
