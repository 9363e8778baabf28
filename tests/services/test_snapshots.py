"""Snapshots of indexes: a start begins with one, who is erased leaves it at once, and a wrong one is not used."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from speakerid.db.repositories import changes, galleries
from speakerid.db.repositories import speakers as rows
from speakerid.index import snapshot
from speakerid.index.compressed import quantized
from speakerid.index.faiss import LayeredIndex
from speakerid.services import galleries as gallery_verbs
from speakerid.services import speakers
from speakerid.services.engine import Engine
from speakerid.services.snapshots import Snapshots
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.services.enrolled import add_gallery, erase_speaker
from tests.services.snapshotted import (
    LIMIT,
    PEOPLE,
    SMALL,
    enroll,
    file_of,
    key_of,
    nearest,
    opened,
    stored,
    written,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def filled(open_engine: EngineMaker, store_url: str, folder: Path) -> Engine:
    return written(open_engine, store_url, folder)


def everybody(engine: Engine) -> dict[int, int]:
    """Who is found for each voice."""
    return {nth: nearest(engine, nth) for nth in range(PEOPLE)}


def resumed(engine: Engine) -> bool:
    """Whether the index was begun with a snapshot: its vectors are then memory-mapped."""
    vectors = in_memory(engine).catch_up(key_of(engine)).vectors
    assert isinstance(vectors, LayeredIndex)
    return vectors.base is not None and not vectors.base.stored.rows.flags.writeable


def erased_id(engine: Engine, nth: int) -> str:
    with engine.read() as db:
        gallery = galleries.get(db, "default")
        return speakers.by_name_or_id(db, gallery, f"Person {nth}").id


def test_a_large_gallery_leaves_a_snapshot_that_is_its_owners_alone(filled: Engine, folder: Path) -> None:
    assert [one.name for one in folder.iterdir()] == [file_of(filled, folder).name]
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (folder, file_of(filled, folder))]
    assert modes == [0o700, 0o600]
    assert len(stored(filled, folder)) == PEOPLE


def test_a_small_gallery_leaves_none(open_engine: EngineMaker, store_url: str, folder: Path) -> None:
    engine = opened(open_engine, store_url, folder)
    enroll(engine, 0)
    engine.indexes.load_all()
    engine.close()
    assert not folder.exists()


def test_a_start_begins_with_it_and_finds_whom_the_store_has(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path
) -> None:
    enroll(filled, PEOPLE)
    erase_speaker(filled, erased_id(filled, 3))
    again, without = opened(open_engine, store_url, folder), opened(open_engine, store_url, None)
    assert (resumed(again), resumed(without)) == (True, False)
    assert everybody(again) == everybody(without)
    assert nearest(again, PEOPLE) == nearest(without, PEOPLE)


def test_whoever_is_erased_is_overwritten_in_it_when_the_erasure_returns(filled: Engine, folder: Path) -> None:
    key, file = nearest(filled, 7), file_of(filled, folder)
    row = quantized(np.array([key]), unit(7)[None]).rows.tobytes()
    assert row in file.read_bytes()
    erase_speaker(filled, erased_id(filled, 7))
    assert row not in file.read_bytes()
    left = stored(filled, folder)
    assert (left.scales == 0).sum() == 1
    assert left.scales[left.keys == key] == 0


def test_an_erasing_process_that_has_no_index_overwrites_it_too(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path
) -> None:
    other = opened(open_engine, store_url, folder)
    erase_speaker(other, erased_id(filled, 7))
    assert other.indexes.loaded() == set()
    assert (stored(filled, folder).scales == 0).sum() == 1


def test_what_a_killed_process_did_not_overwrite_is_overwritten_by_the_next(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path
) -> None:
    blind = opened(open_engine, store_url, None)  # knows of no snapshot, as if it had been killed before
    erase_speaker(blind, erased_id(filled, 7))
    assert (stored(filled, folder).scales == 0).sum() == 0
    orphan = folder / ".1-00.part"
    orphan.write_bytes(b"half a snapshot")
    opened(open_engine, store_url, folder).scrub()
    assert (stored(filled, folder).scales == 0).sum() == 1
    assert not orphan.exists()


def test_a_voiceprint_that_changed_does_not_stay_in_it_either(filled: Engine, folder: Path) -> None:
    with filled.write() as db:
        row = rows.get(db, key_of(filled), erased_id(filled, 7))
        row.voiceprint = unit(1_000)
        changes.record(db, row.gallery_key, row.key)
    assert (stored(filled, folder).scales == 0).sum() == 1


def test_a_snapshot_goes_with_its_gallery(open_engine: EngineMaker, store_url: str, folder: Path) -> None:
    engine = opened(open_engine, store_url, folder)
    add_gallery(engine, "team")
    for nth in range(PEOPLE):
        enroll(engine, nth, "team")
    engine.indexes.load_all()
    engine.indexes.close()
    assert len(list(folder.iterdir())) == 1
    with engine.write(erase=True) as db:
        gallery_verbs.delete(db, "team")
    assert list(folder.iterdir()) == []


def test_who_is_erased_while_one_is_written_is_not_in_it(
    open_engine: EngineMaker, store_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, written = opened(open_engine, store_url, folder), snapshot.write
    for nth in range(PEOPLE):
        enroll(engine, nth)
    who = erased_id(engine, 7)

    def write_and_erase(out: BinaryIO, *arguments: Any) -> None:
        written(out, *arguments)
        erase_speaker(engine, who)

    monkeypatch.setattr(snapshot, "write", write_and_erase)
    engine.indexes.load_all()
    engine.indexes.close()
    assert (stored(engine, folder).scales == 0).sum() == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-5_000]),
        lambda file: file.write_bytes(file.read_bytes()[:100]),
        lambda file: file.write_bytes(b"x" + file.read_bytes()[1:]),
        lambda file: flip(file, 60),
        lambda file: flip(file, file.stat().st_size - 4_096),
    ],
    ids=["empty", "cut", "cut in its manifest", "another kind of file", "manifest", "a row"],
)
def test_a_damaged_one_is_said_to_be_and_made_again(
    damage: Callable[[Path], None],
    filled: Engine,
    open_engine: EngineMaker,
    store_url: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(file_of(filled, folder))
    with caplog.at_level(logging.WARNING):
        again = opened(open_engine, store_url, folder)
        assert everybody(again) == everybody(filled)
    assert "is not used, and made again" in caplog.text
    again.indexes.close()
    assert len(stored(again, folder)) == PEOPLE


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"position": 10**12}, "a later state"),
        ({"gallery": "1 1970-01-01T00:00:00+00:00"}, "another store"),
        ({"encoder": "f" * 64}, "another encoder"),
    ],
    ids=["later", "store", "encoder"],
)
def test_one_of_another_store_state_or_encoder_is_not_used(
    changed: dict[str, Any],
    why: str,
    filled: Engine,
    open_engine: EngineMaker,
    store_url: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    origin, vectors = snapshot.read(file_of(filled, folder))
    with (folder / "made").open("wb") as out:
        snapshot.write(out, replace(origin, **changed), vectors)
    os.replace(folder / "made", file_of(filled, folder))
    with caplog.at_level(logging.WARNING):
        assert everybody(opened(open_engine, store_url, folder)) == everybody(filled)
    assert why in caplog.text


def test_one_whose_vectors_are_not_those_of_the_store_is_not_used(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with filled.database.write() as db:  # as a restored backup would have it: no change was noted
        rows.every(db, key_of(filled))[-1].voiceprint = unit(1_000)
    again = opened(open_engine, store_url, folder)
    assert nearest(again, 1_000) == nearest(filled, PEOPLE - 1)
    assert "not those of the store" in caplog.text


def test_a_gallery_that_may_have_none_has_none(open_engine: EngineMaker, store_url: str, folder: Path) -> None:
    engine = open_engine(store_url, new_index=SMALL, snapshots=Snapshots(folder, may_write=False))
    for nth in range(PEOPLE):
        enroll(engine, nth)
    engine.indexes.load_all()
    engine.indexes.close()
    assert not folder.exists()


def test_one_that_may_not_be_kept_any_more_is_deleted(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path
) -> None:
    open_engine(store_url, snapshots=Snapshots(folder, may_write=False)).scrub()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_a_line_in_the_log(
    open_engine: EngineMaker, store_url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_bytes(b"no folder")
    engine = opened(open_engine, store_url, folder)
    for nth in range(PEOPLE):
        enroll(engine, nth)
    assert len(everybody(engine)) == PEOPLE
    engine.indexes.close()
    assert "no index snapshot" in caplog.text


def test_a_folder_that_cannot_be_looked_into_keeps_nobody_from_searching_and_erasing(
    open_engine: EngineMaker, store_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = opened(open_engine, store_url, tmp_path / ("x" * 300))  # the system refuses such a name
    enroll(engine, 0)
    assert nearest(engine, 0) > 0
    erase_speaker(engine, erased_id(engine, 0))
    assert "cannot be cleaned, delete it" in caplog.text


def test_many_changes_make_a_newer_one(filled: Engine, folder: Path) -> None:
    before = snapshot.origin_of(file_of(filled, folder)).position
    for nth in range(PEOPLE, PEOPLE + 10):
        enroll(filled, nth)
    filled.indexes.load_all()
    filled.indexes.close()
    assert snapshot.origin_of(file_of(filled, folder)).position > before
    assert len(stored(filled, folder)) > PEOPLE


def test_a_gallery_that_shrank_is_searched_while_it_becomes_exact_again(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, seen = in_memory(filled).catch_up(key_of(filled)), list[int]()
    load = LayeredIndex.load

    def looked_at_meanwhile(self: LayeredIndex, parts: Any) -> None:
        assert index.vectors is not None
        seen.append(len(index.vectors))
        load(self, parts)

    monkeypatch.setattr(LayeredIndex, "load", looked_at_meanwhile)
    for nth in range(PEOPLE - LIMIT // 2 + 2):  # the last one of them finds it too small
        erase_speaker(filled, erased_id(filled, nth))
    assert nearest(filled, PEOPLE - 1) > 0
    assert seen == [LIMIT // 2 - 1]
    assert isinstance(index.vectors, LayeredIndex)
    assert index.vectors.base is None
