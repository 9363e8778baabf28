"""SpeakerID and Client: the same verbs give the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from speakerid import SpeakerID
from speakerid.client import Client
from speakerid.services import galleries
from speakerid.services.engine import Engine
from tests.client.through import Through
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services import kept

Either = SpeakerID | Client
ASKED: dict[str, Callable[[Either], object]] = {
    "identify": lambda one: [one.identify(audio, top_k=1) for audio in (probe(ADA), stranger(), silence())],
    "verify": lambda one: one.verify("Ada", probe(BEN)),
    "embedding": lambda one: one.embedding(probe(ADA)),
    "speakers": lambda one: [one.speakers(), one.speakers(name="Ben"), one.speakers(external_id="x")],
    "speaker": lambda one: one.speaker("Ada"),
    "audit": lambda one: one.audit(),
    "history": lambda one: one.history(),
    "galleries": lambda one: one.galleries(),
    "unknowns": lambda one: [one.unknowns(), one.unknowns(min_recordings=2)],
    "unknown": lambda one: one.unknown(one.unknowns()[0].id),
    "enroll": lambda one: one.enroll("Ada", utterance(ADA, 0)),  # once more: it says so
    "change_speaker": lambda one: one.change_speaker("Ada", external_id="hr-1").external_id,
    "change_gallery": lambda one: one.change_gallery("default", target_fpir=0.02).target_fpir,
}


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def both(engine: Engine, client: TestClient) -> Iterator[tuple[SpeakerID, Client]]:
    """A store and a server on it, with two speakers and a person unknown to it."""
    sid = SpeakerID(engine)
    with Client("http://127.0.0.1", transport=Through(client)) as made:
        for name, voice in (("Ada", ADA), ("Ben", BEN)):
            sid.enroll(name, utterance(voice, 0), utterance(voice, 1))
        sid.change_gallery("default", keep_unknown_voices=True)
        kept.keep_recording(engine, kept.stranger(unit(1)), gallery=galleries.DEFAULT)
        sid.merge(sid.create_speaker("Twin").id, "Ada")
        yield sid, made


def test_both_answer_the_same(both: tuple[SpeakerID, Client]) -> None:
    sid, client = both
    assert [verb for verb, ask in ASKED.items() if ask(sid) != ask(client)] == []


def test_a_server_has_every_verb_of_a_store() -> None:
    assert _verbs(SpeakerID) - _verbs(Client) == {"open"}


def _verbs(kind: type[object]) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}
