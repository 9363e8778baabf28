"""What was erased is gone from the files of the store, byte for byte, and from every process that serves it."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from speakerid.db.erasure import BRIEFLY
from speakerid.db.models import IndexChangeRow, RepairRow, RepeatRow, SpeakerRow, UtteranceRow
from speakerid.scoring.cosine import voiceprint
from speakerid.services import galleries, idempotency, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.galleries import GallerySettings
from speakerid.services.idempotency import Repeat
from speakerid.services.repair import merge, move, undo
from speakerid.services.speakers import SpeakerFields
from speakerid.services.validation import EVERY_REFUSAL
from speakerid.types import FloatArray, to_json
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up

SLICE = 16  # bytes: four numbers of an embedding; SQLite may break a longer run over two pages


@dataclass
class Person:
    """Everything about somebody that must not survive."""

    name: str
    external_id: str
    note: str
    vectors: list[FloatArray]
    audio: list[bytes] = field(repr=False)
    id: str = ""

    def secrets(self) -> list[bytes]:
        prints = [voiceprint(np.stack(self.vectors[:n])) for n in range(1, len(self.vectors) + 1)]
        vectors = [vector.tobytes() for vector in (*self.vectors, *prints)]
        texts = [self.name, self.external_id, self.note, json.dumps(self.name)[1:-1]]
        pieces = [one[at : at + SLICE] for one in vectors for at in range(0, len(one), SLICE)]
        pieces += [one[at : at + SLICE] for one in self.audio for at in range(0, len(one) - SLICE, 100)]
        return pieces + [text.encode() for text in texts]


def invent(rng: random.Random, number: int) -> Person:
    """The vectors of one person and sizes as different as real rows have them."""
    vectors = [unit(1000 * number + n) for n in range(rng.randint(1, 3))]
    text = "".join(rng.choice("abcdefgh") for _ in range(rng.randint(5, 60)))
    return Person(
        name=f"Zoë {number} {text}",
        external_id=f"staff-{number}-{text[::-1]}",
        note=f"note {number} {text * rng.randint(1, 5)}",
        vectors=vectors,
        audio=[rng.randbytes(rng.choice((300, 3_000, 9_000))) for _ in vectors],
    )


def bring_in(engine: Engine, person: Person, gallery: str) -> None:
    voices = [made_up(vector, audio) for vector, audio in zip(person.vectors, person.audio, strict=True)]
    given = {"external_id": person.external_id, "metadata": {"note": person.note}}
    person.id = add_speaker(engine, person.name, *voices, gallery=gallery, **given).id


def traces(store: str, person: Person) -> int:
    """How many pieces of what is known about a person lie in any file of the store."""
    files = b"\n".join(path.read_bytes() for path in Path(store).parent.iterdir())
    return sum(secret in files for secret in person.secrets())


@pytest.fixture
def keeping(engine: Engine) -> Engine:
    """With a gallery 'keeping', which keeps audio."""
    add_gallery(engine, "keeping", GallerySettings(keep_audio=True))
    return engine


sqlite_only = pytest.mark.parametrize("store_kind", ["sqlite"])


@sqlite_only
def test_no_byte_of_an_erased_speaker_stays(keeping: Engine, store_url: str) -> None:
    rng = random.Random(2)
    people: list[Person] = []
    for number in range(15):
        people.append(invent(rng, number))
        bring_in(keeping, people[-1], "keeping")
        if rng.random() < 0.3:
            erased = people.pop(rng.randrange(len(people)))
            erase_speaker(keeping, erased.id, "keeping")
            assert traces(store_url, erased) == 0
    assert all(traces(store_url, person) > 10 for person in people)


@sqlite_only
def test_no_byte_stays_in_a_store_whose_rows_have_moved(engine: Engine, store_url: str) -> None:
    """Rows that grow are moved between pages, and SQLite leaves copies behind: with this seed, one of 34 names."""
    rng = random.Random(4)
    people = [invent(rng, number) for number in range(100)]
    gallery = galleries.get(engine, "default")
    with engine.write() as db:
        for person in people:
            person.id = speakers.create(db, gallery, SpeakerFields(name=person.name)).id
        for person in rng.sample(people, len(people)):
            given = SpeakerFields(external_id=person.external_id, metadata={"note": person.note})
            speakers.update(db, gallery, person.id, given)
            for vector, audio in zip(person.vectors, person.audio, strict=True):
                enroll(engine, db, "default", person.id, made_up(vector, audio), EVERY_REFUSAL)
    with engine.write(erase=True) as db:
        for person in people[::3]:
            speakers.delete(db, gallery, person.id)
    assert [traces(store_url, person) for person in people[::3]] == [0] * 34


@sqlite_only
def test_no_byte_of_an_erased_gallery_stays(keeping: Engine, store_url: str) -> None:
    rng = random.Random(3)
    people = [invent(rng, number) for number in range(12)]
    for person in people:
        bring_in(keeping, person, "keeping")
    with keeping.write(erase=True) as db:
        galleries.delete(db, "keeping")
    assert [traces(store_url, person) for person in people] == [0] * 12


@sqlite_only
def test_no_byte_of_an_erased_utterance_stays(keeping: Engine, store_url: str) -> None:
    ada = add_speaker(keeping, "Ada", made_up(unit(1), b"the first recording of Ada"), gallery="keeping")
    enroll_voice(keeping, ada.id, made_up(unit(2), b"the other recording of Ada"), "keeping")
    gallery = galleries.get(keeping, "keeping")
    with keeping.write(erase=True) as db:
        first = speakers.list_utterances(db, gallery, ada.id).items[0]
        speakers.delete_utterance(db, gallery, ada.id, first.id)
    mixed = voiceprint(np.stack([unit(1), unit(2)])).tobytes()
    files = b"\n".join(path.read_bytes() for path in Path(store_url).parent.iterdir())
    gone = [unit(1).tobytes()[:SLICE], mixed[:SLICE], mixed[-SLICE:], b"the first recording"]
    assert [one in files for one in gone] == [False] * 4
    assert unit(2).tobytes()[:SLICE] in files


@sqlite_only
def test_kept_answers_are_erased_with_the_speaker_they_name(keeping: Engine, store_url: str) -> None:
    gallery = galleries.get(keeping, "keeping")
    with keeping.write() as db:
        made = speakers.create(db, gallery, SpeakerFields(name="Ada Lovelace-Testing"))
        idempotency.keep(db, Repeat.of("", "/speakers", "once", b"{}"), 201, to_json(made), "keeping", made.id)
    erase_speaker(keeping, made.id, "keeping")
    assert counts(keeping)["RepeatRow"] == 0
    assert not any(b"Lovelace-Testing" in path.read_bytes() for path in Path(store_url).parent.iterdir())


@sqlite_only
@pytest.mark.parametrize("undone", [False, True])
def test_no_byte_of_those_merged_into_an_erased_speaker_stays(keeping: Engine, store_url: str, undone: bool) -> None:
    """Ada became Ben, and Ben became Eve, unless that was undone: then Ben is erased, who Ada still is."""
    rng, gallery = random.Random(5), galleries.get(keeping, "keeping")
    people = [invent(rng, number) for number in range(8)]
    for person in people:
        bring_in(keeping, person, "keeping")
    ada, ben, eve, *others = people
    with keeping.write() as db:
        merge(db, gallery, others[0].id, others[1].id)
        merge(db, gallery, ada.id, ben.id)
        merge(db, gallery, ben.id, eve.id)
    if undone:
        with keeping.write() as db:
            undo(db, gallery)
    assert all(traces(store_url, person) > 10 for person in people)
    erase_speaker(keeping, ben.id if undone else eve.id, "keeping")
    assert [traces(store_url, person) for person in (ada, ben)] == [0, 0]
    assert (traces(store_url, eve) > 0) is undone
    assert all(traces(store_url, person) > 10 for person in others)


@sqlite_only
def test_no_byte_of_a_merged_speaker_stays_once_an_utterance_of_theirs_is_erased(
    keeping: Engine, store_url: str
) -> None:
    """The merge cannot be undone any more, so nothing is kept for it: neither the name nor the ids."""
    gallery = galleries.get(keeping, "keeping")
    ada = add_speaker(keeping, "Ada Lovelace-Testing", made_up(unit(1)), gallery="keeping", metadata={"note": "Zebra"})
    ben = add_speaker(keeping, "Ben", made_up(unit(2)), gallery="keeping")
    with keeping.write() as db:
        moved = merge(db, gallery, ada.id, ben.id).change.utterances[0]
    with keeping.write(erase=True) as db:
        speakers.delete_utterance(db, gallery, ben.id, moved)
    files = b"\n".join(path.read_bytes() for path in Path(store_url).parent.iterdir())
    gone = [b"Lovelace-Testing", b"Zebra", moved.encode(), ada.id.encode(), unit(1).tobytes()[:SLICE]]
    assert [one in files for one in gone] == [False] * 5
    assert b"Ben" in files


@sqlite_only
def test_no_byte_of_a_speaker_merged_without_utterances_stays(keeping: Engine, store_url: str) -> None:
    """No utterance leads from Eve, who is erased, back to Ada: only the merges do."""
    gallery = galleries.get(keeping, "keeping")
    names = ("Ada Lovelace-Testing", "Ben", "Eve")
    ada, ben, eve = (add_speaker(keeping, name, gallery="keeping") for name in names)
    with keeping.write() as db:
        merge(db, gallery, ada.id, ben.id)
        merge(db, gallery, ben.id, eve.id)
    erase_speaker(keeping, eve.id, "keeping")
    assert not any(b"Lovelace-Testing" in path.read_bytes() for path in Path(store_url).parent.iterdir())


@sqlite_only
def test_no_id_of_a_moved_utterance_stays_once_its_speaker_is_erased(keeping: Engine, store_url: str) -> None:
    gallery = galleries.get(keeping, "keeping")
    ada = add_speaker(keeping, "Ada", made_up(unit(1)), made_up(unit(2)), gallery="keeping")
    ben = add_speaker(keeping, "Ben", made_up(unit(3)), gallery="keeping")
    with keeping.write() as db:
        first = speakers.list_utterances(db, gallery, ada.id).items[0].id
        move(db, gallery, ada.id, first, ben.id)
    erase_speaker(keeping, ben.id, "keeping")
    files = b"\n".join(path.read_bytes() for path in Path(store_url).parent.iterdir())
    assert [one.encode() in files for one in (first, ben.id, ada.id)] == [False, False, True]


def test_erasing_a_gallery_leaves_no_row_and_no_neighbor_touched(keeping: Engine) -> None:
    add_speaker(keeping, "Ada", made_up(unit(1)))
    add_speaker(keeping, "Ada", made_up(unit(1)), gallery="keeping")
    with keeping.write() as db:
        made = to_json(galleries.every(keeping, db)[0])
        idempotency.keep(db, Repeat.of("", "/galleries", "once", b"{}"), 201, made, "keeping")
    gone = add_speaker(keeping, "Ben", gallery="keeping")
    with keeping.write() as db:
        gallery = galleries.get(keeping, "keeping")
        merge(db, gallery, gone.id, speakers.by_name_or_id(db, gallery, "Ada").id)
    before = counts(keeping)
    assert before["RepairRow"] == 1
    with keeping.write(erase=True) as db:
        galleries.delete(db, "keeping")
    after = {"SpeakerRow": 1, "UtteranceRow": 1, "RepeatRow": 0, "RepairRow": 0}
    assert counts(keeping) == after | {"IndexChangeRow": before["IndexChangeRow"]}
    assert len(keeping.indexes.search(galleries.get(keeping, "default").key, unit(1), 5).keys) == 1


def test_no_process_finds_an_erased_speaker(open_engine: EngineMaker, store_url: str) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada = add_speaker(here, "Ada", made_up(unit(1)))
    key = galleries.get(here, "default").key
    assert all(len(engine.indexes.search(key, unit(1), 5).keys) == 1 for engine in (here, there))
    erase_speaker(here, ada.id)
    assert [engine.indexes.search(key, unit(1), 5).keys for engine in (here, there)] == [(), ()]


@sqlite_only
def test_an_erasure_that_a_reader_delays_is_committed_and_finished_later(keeping: Engine, store_url: str) -> None:
    ada = add_speaker(keeping, "Ada", made_up(unit(1)), gallery="keeping")
    hurried = replace(keeping, effort=BRIEFLY)
    with keeping.read() as reader:
        reader.scalar(select(func.count(SpeakerRow.key)))
        with hurried.write(erase=True) as db:
            speakers.delete(db, galleries.get(keeping, "keeping"), ada.id)
        assert not hurried.erased(db)
    assert counts(keeping)["SpeakerRow"] == 0
    assert keeping.database.scrub()
    assert keeping.erased(db)
    assert not any(unit(1).tobytes()[:SLICE] in path.read_bytes() for path in Path(store_url).parent.iterdir())


def counts(engine: Engine) -> dict[str, int]:
    with engine.read() as db:
        models = (SpeakerRow, UtteranceRow, RepeatRow, RepairRow, IndexChangeRow)
        return {model.__name__: db.scalar(select(func.count()).select_from(model)) or 0 for model in models}


def test_erasing_amid_enrolling_and_searching_disturbs_no_one(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    key = galleries.get(engine, "default").key

    def come_and_go(number: int) -> None:
        speaker = add_speaker(engine, f"Speaker {number}", made_up(unit(number)))
        engine.indexes.search(key, unit(number), 3)
        if number % 2:
            erase_speaker(engine, speaker.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(40)))
    assert counts(engine)["SpeakerRow"] == 20
    assert len(engine.indexes.search(key, unit(0), 100).keys) == 20
    assert caplog.text == ""
