"""What was kept of an unknown voice is gone from the files of the store when it is forgotten, whichever way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from speakerid.db.models import RecordingRow
from speakerid.scoring.cosine import voiceprint
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns.inbox import dismiss
from speakerid.services.unknowns.keep import forget
from speakerid.services.unknowns.promote import look_up, promote
from tests.db.rows import unit
from tests.services.enrolled import erase_speaker, near
from tests.services.kept import KEEPING, add_keeping, inbox, keep_recording, left, stranger
from tests.services.test_erasure import SLICE

FOUND = [unit(1), near(unit(1), 0.9), near(unit(1), 0.92, seed=3)]
OTHER = unit(2)


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def traces(store: str) -> tuple[bool, bool]:
    """Whether anything of the voice, in embeddings and in what it was when heard 1, 2 and 3 times, lies in any file.

    And of the other voice.
    """
    files = b"\n".join(path.read_bytes() for path in Path(store).parent.iterdir())
    vectors = FOUND + [voiceprint(np.stack(FOUND[:n])) for n in (1, 2, 3)]
    pieces = [one.tobytes()[at : at + SLICE] for one in vectors for at in range(0, one.nbytes, SLICE)]
    return any(piece in files for piece in pieces), OTHER.tobytes()[:SLICE] in files


def _dismiss(engine: Engine) -> None:
    with engine.write(erase=True) as db:
        dismiss(db, galleries.get(engine, KEEPING), inbox(engine)[0].id)


def _switch_off(engine: Engine) -> None:
    with engine.write(erase=True) as db:
        galleries.update(engine, db, KEEPING, GallerySettings(keep_unknown_voices=False))


def _delete_gallery(engine: Engine) -> None:
    with engine.write(erase=True) as db:
        galleries.delete(db, KEEPING)


def _delete_recordings(engine: Engine) -> None:
    with engine.write(erase=True) as db:
        gallery = galleries.get(engine, KEEPING)
        for row in db.scalars(select(RecordingRow).where(RecordingRow.gallery_key == gallery.key)):
            forget(db, row)
            db.delete(row)


def _erase_the_promoted(engine: Engine) -> None:
    unknown_id, gallery = inbox(engine)[0].id, galleries.get(engine, KEEPING)
    alike = look_up(engine, gallery, unknown_id)
    with engine.write() as db:
        done = promote(engine, db, KEEPING, unknown_id, SpeakerFields(name="Ada"), alike)
    erase_speaker(engine, done.speaker.id, KEEPING)


@pytest.mark.parametrize(
    "forgotten",
    [_dismiss, _switch_off, _delete_gallery, _delete_recordings, _erase_the_promoted],
    ids=lambda one: one.__name__.strip("_"),
)
def test_no_byte_stays(engine: Engine, store_url: str, forgotten: Callable[[Engine], None]) -> None:
    add_keeping(engine)
    add_keeping(engine, "other")
    for vector in FOUND:
        keep_recording(engine, stranger(vector))
    keep_recording(engine, stranger(OTHER), gallery="other")
    assert [one.recordings for one in inbox(engine)] == [3]
    assert traces(store_url) == (True, True)
    forgotten(engine)
    assert traces(store_url) == (False, True)
    assert left(engine) == (1, 1)
