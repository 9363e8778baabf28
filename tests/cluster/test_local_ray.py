"""A Ray cluster, here one on this machine, gives the very answers that are given without."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import speakerid
from speakerid import SpeakerID
from speakerid.cli.server import ray_app
from speakerid.cluster import listening
from speakerid.cluster.listening import same_encoder
from speakerid.db.engine import open_database
from speakerid.db.models import SpeakerRow, UtteranceRow
from speakerid.errors import ClusterFailed, EncoderFailed, SettingsError
from tests.cli.command import Command
from tests.cluster.shaped import asked, write_kept, write_tree
from tests.cluster.spread import spread_here

ROOT = Path(speakerid.__file__).parents[1]
PATIENCE_S = 600
ID = re.compile(r"\b(spk|utt|rec|emb)_[0-9A-Z]{26}\b")
AT = re.compile(r"\"[a-z_]*_at\": \"[^\"]*\"")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ray")
    write_tree(made / "tree")
    write_kept(made / "moved.db")
    return made


@pytest.fixture(scope="module")
def on_ray(folder: Path) -> Any:
    """The answers of tests/cluster/on_local_ray.py, which works on the folder."""
    pytest.importorskip("ray.serve", reason="needs the extra 'cluster'")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SPEAKERID_"))}
    environment = kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}
    environment |= {name: os.environ[name] for name in ("SPEAKERID_MODELS",) if name in os.environ}
    program = [sys.executable, "-m", "tests.cluster.on_local_ray", str(folder)]
    subprocess.run(program, env=environment, cwd=folder, check=True, timeout=PATIENCE_S)
    return json.loads((folder / "answers.json").read_text())


def anonymous(value: Any) -> Any:
    """Ids in the order in which they appear, and no times."""
    text, numbers = AT.sub('"at": ""', json.dumps(value, sort_keys=True)), dict[str, str]()
    return json.loads(ID.sub(lambda found: numbers.setdefault(found[0], f"{found[1]}_{len(numbers)}"), text))


def rows(store: Path) -> list[tuple[Any, ...]]:
    """Every utterance with its speaker, and the speaker's voiceprint, oldest first."""
    order = select(UtteranceRow, SpeakerRow).join(SpeakerRow, SpeakerRow.key == UtteranceRow.speaker_key)
    with closing(open_database(store, create=False)) as database, database.read() as db:
        return [
            (who.name, said.sha256, said.fingerprint, said.voices, said.encoder_fingerprint, *vectors(said, who))
            for said, who in db.execute(order.order_by(UtteranceRow.key))
        ]


def vectors(said: UtteranceRow, who: SpeakerRow) -> tuple[list[float], list[float]]:
    assert who.voiceprint is not None
    return said.embedding.tolist(), who.voiceprint.tolist()


@pytest.mark.slow
def test_a_folder_is_enrolled_as_without_a_cluster(on_ray: Any, folder: Path, tmp_path: Path) -> None:
    alone = Command(tmp_path / "alone.db")
    ran = alone("enroll", "--tree", folder / "tree", "--json", "--encoder", "bundled")
    assert (on_ray["enrolled"]["code"], anonymous(on_ray["enrolled"]["lines"])) == (ran.code, anonymous(ran.lines))
    assert anonymous(on_ray["enrolled"]["err"]) == anonymous(ran.err)
    assert {json.loads(line)["code"] for line in ran.err.splitlines()} >= {"unsupported_audio", "utterance_elsewhere"}
    assert rows(folder / "enrolled.db") == rows(alone.store) != []


@pytest.mark.slow
def test_a_gallery_moves_as_without_a_cluster(on_ray: Any, folder: Path, tmp_path: Path) -> None:
    write_kept(tmp_path / "alone.db")
    assert Command(tmp_path / "alone.db")("reembed", "--to", "bundled").code == 0
    assert on_ray["moved"] == {"code": 0, "state": "done"}
    assert rows(folder / "moved.db") == rows(tmp_path / "alone.db") != []


@pytest.mark.slow
def test_a_replica_answers_as_without_a_cluster(on_ray: Any, tmp_path: Path) -> None:
    served = on_ray["served"]
    with SpeakerID.open(tmp_path / "alone.db", encoder="fake") as sid:
        assert anonymous(served["asked"]) == anonymous(asked(sid))
    assert (served["ready"], served["live"][-1]["type"]) == (True, "done")
    assert served["request ids"] == ["mine-1"]


@pytest.mark.slow
def test_a_replica_asks_for_keys_once_there_is_one(on_ray: Any) -> None:
    assert on_ray["served"]["without a key"] == 401


@pytest.mark.slow
def test_a_replica_that_ends_closes_its_store(on_ray: Any) -> None:
    assert on_ray["closed"]


@pytest.mark.slow
def test_a_file_is_the_store_of_one_replica(on_ray: Any) -> None:
    assert "there are 2 on 1" in on_ray["shared file"]


@pytest.mark.slow
def test_the_example_for_a_cluster_is_what_ray_and_we_take(on_ray: Any) -> None:
    found = on_ray["example"]
    assert found["import_path"] == f"{ray_app.__name__}:{ray_app.app.__name__}"
    assert found["deployments"] == [ray_app.NAME]
    assert ray_app._read(found["args"]).recording_workers == 0


def test_a_replica_that_others_may_reach_needs_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_app, "_refuse_shared_file", lambda settings: None)
    with pytest.raises(SettingsError, match="the store has no key"):
        ray_app._replica({"store": str(tmp_path / "voices.db"), "encoder": "fake", "host": ray_app.EVERYWHERE})


def test_an_unknown_setting_of_replicas_is_refused() -> None:
    with pytest.raises(SettingsError, match="no setting 'stroe'"):
        ray_app._read({"stroe": "voices.db"})


def test_another_encoder_on_a_machine_of_the_cluster_is_refused() -> None:
    with pytest.raises(EncoderFailed, match="another encoder"):
        same_encoder("fake", "0" * 64)


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clusters whose workers end at the fourth item."""

    def spread(
        work: Callable[..., Callable[[Any], Any]], arguments: tuple[object, ...], items: Sequence[Any], *, workers: int
    ) -> Generator[Any]:
        yield from spread_here(work, arguments, items[:3], workers=workers)
        raise ClusterFailed("A worker ended.")

    monkeypatch.setattr(listening, "spread", spread)
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda _: True)
    yield
    monkeypatch.undo()


def test_an_enrollment_that_a_cluster_broke_off_goes_on(folder: Path, tmp_path: Path, breaking: None) -> None:
    command = Command(tmp_path / "voices.db")
    ran = command("enroll", "--tree", folder / "tree", "--engine", "ray", "--json")
    assert (ran.code, json.loads(ran.err.splitlines()[-1])["code"]) == (1, "cluster_failed")
    assert len(rows(command.store)) == 2  # of three files one is there twice
    alone = Command(tmp_path / "alone.db")
    command("enroll", "--tree", folder / "tree")
    alone("enroll", "--tree", folder / "tree")
    assert rows(command.store) == rows(alone.store)


def test_a_move_that_a_cluster_broke_off_goes_on(tmp_path: Path, breaking: None) -> None:
    store = tmp_path / "voices.db"
    write_kept(store)
    command = Command(store)
    ran = command("reembed", "--to", "bundled", "--engine", "ray")
    assert (ran.code, ran.err.split(":")[0]) == (1, "cluster_failed")
    shown = command("reembed", "--show", "--json").json
    assert (shown["state"], shown["error"]) == ("queued", None)
    assert command("reembed", "--to", "bundled").code == 0
    write_kept(tmp_path / "alone.db")
    Command(tmp_path / "alone.db")("reembed", "--to", "bundled")
    assert rows(store) == rows(tmp_path / "alone.db")


@pytest.mark.parametrize(
    "arguments",
    [
        ("enroll", "Ada", "ada.wav", "--engine", "ray"),
        ("enroll", "--tree", ".", "--workers", "2"),
        ("enroll", "--tree", ".", "--engine", "ray", "--url", "http://127.0.0.1:1"),
        ("reembed", "--show", "--engine", "ray"),
    ],
)
def test_a_cluster_is_for_folders_and_stores(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = Command(tmp_path / "voices.db")(*arguments)
    assert (ran.code, "--engine ray" in ran.err) == (2, True)
