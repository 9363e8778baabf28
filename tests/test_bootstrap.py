"""What is built from what an operator names, what of it is traced, and what is refused because it could run code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from speakerid.bootstrap import build_engine, load_backbone, snapshots_folder, with_other_encoders
from speakerid.db.engine import open_database
from speakerid.errors import BackboneNotFound
from speakerid.services.engine import Untraced
from speakerid.settings import Settings


def test_an_encoder_with_a_name_is_a_backbone() -> None:
    assert load_backbone("fake", Settings()).name == "fake"


def test_a_card_cannot_make_a_model_of_a_directory_run_its_code(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.encoders.tiny_models import write_ecapa

    for name in (str(write_ecapa(tmp_path / "model")), "somebody/model", "../model"):
        with pytest.raises(BackboneNotFound, match="models convert"):
            load_backbone(name, Settings())


class ListedSteps(Untraced):
    """The names of the steps, as they begin."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.names.append(name)
        yield


def test_every_encoder_of_a_server_is_traced(tmp_path: Path) -> None:
    settings = Settings(store=str(tmp_path / "voices.db"), encoder="fake", other_encoders="bundled")
    steps = ListedSteps()
    engine = with_other_encoders(build_engine(settings, traces=steps), settings)
    for one in engine.each:
        one.encoder.embed([np.linspace(-1, 1, one.encoder.min_samples, dtype=np.float32)])
    engine.close()
    assert (len(engine.each), steps.names.count("embed")) == (2, 2)


def test_snapshots_lie_beside_the_file_that_the_store_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "voices.db").symlink_to(tmp_path / "disk" / "real.db")
    database = open_database(tmp_path / "voices.db")
    assert snapshots_folder(database, Settings()) == tmp_path / "disk" / "real.db.snapshots"
    database.close()


def test_snapshots_of_a_postgresql_store_are_found_again_whatever_its_password() -> None:
    def folder(url: str) -> Path:
        return Settings(store=url).snapshots_folder

    one = folder("postgresql://voices:secret@db.example.org/voices")
    assert one == folder("postgresql://voices:other@db.example.org/voices?sslmode=require")
    assert one != folder("postgresql://voices:secret@db.example.org/others")
    assert "secret" not in str(one)
