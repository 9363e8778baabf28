from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import BUNDLED, load_encoder
from speakerid.models.catalog import CATALOG
from speakerid.models.store import is_whole
from tests.conftest import FETCHED
from tests.encoders.tiny_models import export, write_ecapa, write_waveform_graph, write_xvector
from tests.models.wheels import put, serve


def _bundled(_: Path) -> Encoder:
    if not BUNDLED.is_file():
        pytest.skip(f"there is no bundled encoder ({BUNDLED.name})")
    return load_encoder("bundled")


def _fetched(name: str) -> Encoder:
    if not all(is_whole(model, FETCHED) for model in CATALOG):
        pytest.skip(f"needs the models that 'speakerid models fetch' brings, which are not in {FETCHED}")
    return load_encoder(name, FETCHED)


ENCODERS: dict[str, Callable[[Path], Encoder]] = {
    "fake": lambda _: FakeEncoder(),
    "batcher": lambda _: Batcher(FakeEncoder()),
    "speechbrain-ecapa": lambda at: load_encoder(str(write_ecapa(at))),
    "speechbrain-xvector": lambda at: load_encoder(str(write_xvector(at))),
    "onnx": lambda at: load_encoder(str(write_waveform_graph(at / "tiny.onnx"))),
    "onnx-exported": lambda at: load_encoder(str(export(write_ecapa(at), at / "model.onnx").path)),
    "bundled": _bundled,
    "campplus-tiny": lambda at: load_encoder("campplus", put(serve(at / "wheels"), at / "models")),
    "concatenated": lambda at: load_encoder("campplus+ecapa-mini", put(serve(at / "wheels"), at / "models")),
    "campplus": lambda _: _fetched("campplus"),
    "campplus+ecapa-mini": lambda _: _fetched("campplus+ecapa-mini"),
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
