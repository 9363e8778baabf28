"""SpeakerID and Client: the same verbs give the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient

from speakerid import SpeakerID
from speakerid.client import Client
from speakerid.errors import VoiceNotKept
from speakerid.services import galleries
from speakerid.services.engine import Engine
from tests.classification.tone_classifier import tones, whistled
from tests.client.through import Through
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services import kept

Either = SpeakerID | Client
ASKED: dict[str, Callable[[Either], object]] = {
    "identify": lambda one: [one.identify(audio, top_k=1) for audio in (probe(ADA), stranger(), silence())],
    "identify among candidates": lambda one: [
        one.identify(probe(ADA), candidates=names) for names in (["Ada"], ["Ben"], ["Ada", "Ben"], [])
    ],
    "identify among tags": lambda one: [
        one.identify(probe(BEN), tags=tags) for tags in (["staff"], ["Staff", "guests"], ["guests"], [])
    ],
    "identify with classifiers": lambda one: one.identify(probe(ADA), classifiers=["tones"], top_k=1),
    "classify": lambda one: one.classify(whistled("low"), "tones", top_k=2),
    "classifiers": lambda one: one.classifiers(),
    "verify": lambda one: one.verify("Ada", probe(BEN)),
    "embedding": lambda one: one.embedding(probe(ADA)),
    "speakers": lambda one: [
        one.speakers(),
        one.speakers(name="Ben"),
        one.speakers(external_id="x"),
        one.speakers(consent_expired=True),
        one.speakers(tag="Staff"),
    ],
    "speaker": lambda one: one.speaker("Ada"),
    "audit": lambda one: one.audit(),
    "history": lambda one: one.history(),
    "galleries": lambda one: one.galleries(),
    "unknowns": lambda one: [one.unknowns(), one.unknowns(min_recordings=2)],
    "unknown": lambda one: one.unknown(one.unknowns()[0].id),
    "enroll": lambda one: one.enroll("Ada", utterance(ADA, 0)),  # once more: it says so
    "enroll with tags": lambda one: one.enroll("Ada", utterance(ADA, 0), tags=["staff", "b"]).speaker.tags,
    "change_speaker": lambda one: one.change_speaker("Ada", external_id="hr-1", tags=["B", "a"]).tags,
    "change_gallery": lambda one: one.change_gallery("default", target_fpir=0.02).target_fpir,
}


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str, tmp_path: Path) -> Engine:
    """With a classifier."""
    return open_engine(store_url, classifiers=tones(tmp_path / "classifiers"))


@pytest.fixture
def both(engine: Engine, client: TestClient) -> Iterator[tuple[SpeakerID, Client]]:
    """A store and a server on it, with two speakers and a person unknown to it."""
    sid = SpeakerID(engine)
    with Client("http://127.0.0.1", transport=Through(client)) as made:
        for name, voice in (("Ada", ADA), ("Ben", BEN)):
            sid.enroll(name, utterance(voice, 0), utterance(voice, 1))
        sid.change_gallery("default", keep_unknown_voices=True)
        kept.keep_recording(engine, kept.stranger(unit(1)), gallery=galleries.DEFAULT)
        sid.change_speaker("Ben", tags=["Staff"])
        sid.merge(sid.create_speaker("Twin").id, "Ada")
        yield sid, made


def test_both_answer_the_same(both: tuple[SpeakerID, Client]) -> None:
    sid, client = both
    assert [verb for verb, ask in ASKED.items() if ask(sid) != ask(client)] == []


def test_a_gallery_moves_between_both(both: tuple[SpeakerID, Client], tmp_path: Path) -> None:
    sid, client = both
    written = sid.export_gallery("default", tmp_path / "local.zip")
    assert client.export_gallery("default", tmp_path / "fetched.zip") == written
    with ZipFile(tmp_path / "fetched.zip") as fetched, ZipFile(tmp_path / "local.zip") as local:
        sizes = [[(one.filename, one.CRC) for one in file.infolist()[:-1]] for file in (fetched, local)]
    assert sizes[0] == sizes[1]  # but for the manifest, which has the time
    sent = client.import_gallery(tmp_path / "local.zip", name="sent")
    taken = sid.import_gallery(tmp_path / "fetched.zip", name="taken")
    assert sent.new_speaker_ids.keys() == taken.new_speaker_ids.keys() == {one.id for one in sid.speakers()}
    assert (sent.utterances, sent.audio, sent.gallery.speakers) == (taken.utterances, 0, taken.gallery.speakers)


def test_a_speaker_is_split_by_both(both: tuple[SpeakerID, Client]) -> None:
    sid, client = both
    given = client.enroll("Ada", probe(ADA)).utterance.id
    done = client.split("Ada", [given], "Eve", external_id="hr-9")
    assert (done.change.kind, [one.name for one in done.speakers]) == ("split", ["Ada", "Eve"])
    assert sid.speaker("Eve").external_id == "hr-9"
    assert client.history() == sid.history()
    assert client.undo().summary == "The split was undone: Ada has 1 utterance back."


def test_a_voice_of_a_recording_is_enrolled_by_both(both: tuple[SpeakerID, Client]) -> None:
    sid, client = both
    recording = sid.unknown(sid.unknowns()[0].id).hearings[0].recording
    done = client.promote_voice(recording, "unknown_1", "Eve")
    assert (done.speaker.name, done.recordings, sid.unknowns()) == ("Eve", (recording,), [])
    with pytest.raises(VoiceNotKept):
        sid.promote_voice(recording, "unknown_1", "Eve")


def test_a_server_has_every_verb_of_a_store() -> None:
    assert _verbs(SpeakerID) - _verbs(Client) == {"open", "enroll_probes"}  # a server makes its own probes


def _verbs(kind: type[object]) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_") and not isinstance(getattr(kind, name), property)}
