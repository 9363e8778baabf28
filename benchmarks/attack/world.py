"""Two tenants in one store: everything of one has a twin in the other, and secrets that only its owner may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.bootstrap import build_engine
from speakerid.services import galleries, keys, repair, speakers
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import FloatArray, Scope
from tests.services.enrolled import add_speaker, made_up
from tests.services.kept import add_keeping, inbox, keep_recording, stranger

SCOPES: tuple[Scope, ...] = ("enroll", "identify", "read", "admin")


@dataclass(frozen=True)
class Tenant:
    gallery: str
    ids: Mapping[str, str]  # by the names of path parameters
    values: Mapping[str, str]  # by the names of fields in bodies and queries
    secrets: tuple[str, ...]  # texts and ids that no other tenant may see


@dataclass(frozen=True)
class World:
    own: Tenant
    foreign: Tenant
    keys: Mapping[str, str]  # Authorization headers by what they may do


def make_world(store: Path) -> World:
    """In a new store."""
    engine = build_engine(Settings(store=str(store), encoder="fake"))
    try:
        own, foreign = _tenant(engine, "team-a", 0), _tenant(engine, "team-b", 100)
        return World(own, foreign, _keys(engine, own.gallery))
    finally:
        engine.close()


def _tenant(engine: Engine, gallery: str, seed: int) -> Tenant:
    add_keeping(engine, gallery)
    secret = f"secret-of-{gallery}"
    values = {
        "external_id": f"ext-{secret}",
        "metadata": {"note": f"meta-{secret}"},
        "consent": {"by": f"con-{secret}"},
        "tags": [f"staff-of-{gallery}"],
    }
    one, other, gone = (
        add_speaker(engine, f"{name} {secret}", made_up(_vector(engine, seed + nth)), gallery=gallery, **fields)
        for nth, (name, fields) in enumerate((("Ada", values), ("Ben", {}), ("Eve", {})))
    )
    recording = keep_recording(engine, stranger(_vector(engine, seed + 9)), gallery=gallery)
    with engine.write() as db:
        row = galleries.get(engine, gallery)
        change = repair.merge(db, row, gone.id, other.id).change.id
        key = keys.create(db, secret, ("read",), (gallery,)).key.id
    utterance, unknown = _first_utterance(engine, gallery, one.id), inbox(engine, gallery)[0].id
    ids = {
        "name": gallery,  # of /hf
        "classifier": "commands",
        "gallery": gallery,
        "speaker_id": one.id,
        "utterance_id": utterance,
        "recording_id": recording,
        "unknown_id": unknown,
        "change_id": change,
        "voice": "unknown_1",
        "key_id": key,
    }
    fields = {
        "name": one.name,
        "external_id": f"ext-{secret}",
        "speaker_id": one.id,
        "candidates": one.id,
        "tag": f"staff-of-{gallery}",
        "tags": f"staff-of-{gallery}",
        "into": other.id,
        "to": other.id,
        "cursor": one.id,
    }
    return Tenant(gallery, ids, fields, (secret, one.id, other.id, utterance, recording, unknown, change, key))


def _first_utterance(engine: Engine, gallery: str, speaker_id: str) -> str:
    with engine.read() as db:
        return speakers.list_utterances(db, galleries.get(engine, gallery), speaker_id).items[0].id


def _vector(engine: Engine, seed: int) -> FloatArray:
    vector = np.random.default_rng(seed).standard_normal(engine.encoder.dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _keys(engine: Engine, gallery: str) -> dict[str, str]:
    """`admin` is the operator's; all others are bound to `gallery`, one a scope; `all` has every scope."""
    with engine.write() as db:
        made = {str(scope): keys.create(db, scope, (scope,), (gallery,)).secret for scope in SCOPES}
        made |= {"all": keys.create(db, "all", SCOPES, (gallery,)).secret}
        made |= {"operator": keys.create(db, "operator", SCOPES, ()).secret}
        revoked = keys.create(db, "revoked", SCOPES, ())
        keys.revoke(db, revoked.key.id)
    made |= {"revoked": revoked.secret, "wrong": made["all"][:-1] + ("A" if made["all"][-1] != "A" else "B")}
    return {name: f"Bearer {secret}" for name, secret in made.items()}
