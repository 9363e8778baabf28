"""What there is to fetch and what is here, with licenses, sizes and fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speakerid.encoders.registry import BUNDLED, PAIR, load_encoder
from speakerid.models.catalog import CAMPPLUS, CATALOG, Model
from speakerid.models.store import is_whole

State = Literal["bundled", "here", "missing", "damaged"]


@dataclass(frozen=True)
class Listed:
    name: str
    state: State
    does: str
    license: str
    size_bytes: int
    trained_on: str
    fingerprint: (
        str | None
    )  # of encoders: computed from what is loaded. Of others: SHA-256 of the graph. None: not here


def listing(models: Path) -> list[Listed]:
    """The bundled encoder, then everything of the catalog, then the encoder that both make together."""
    bundled = load_encoder("bundled")
    mini = Listed(
        name=bundled.name,
        state="bundled",
        does=f"speaker encoder: a small ECAPA-TDNN, {bundled.dim} dimensions",
        license="Apache-2.0",
        size_bytes=BUNDLED.stat().st_size,
        trained_on=", ".join(bundled.trained_on),
        fingerprint=bundled.fingerprint,
    )
    fetched = [_listed(model, models) for model in CATALOG]
    return [mini, *fetched, _pair(mini, next(one for one in fetched if one.name == CAMPPLUS.name), models)]


def _listed(model: Model, models: Path) -> Listed:
    state = _state(model, models)
    fingerprint = _fingerprint(model, models) if state == "here" else None
    return Listed(model.name, state, model.does, model.license, model.size_bytes, model.trained_on, fingerprint)


def _state(model: Model, models: Path) -> State:
    if is_whole(model, models):
        return "here"
    return "damaged" if model.graph(models).is_file() else "missing"


def _fingerprint(model: Model, models: Path) -> str:
    return model.sha256 if model.card is None else load_encoder(model.name, models).fingerprint


def _pair(mini: Listed, other: Listed, models: Path) -> Listed:
    return Listed(
        name=PAIR,
        state=other.state,
        does="speaker encoder: both side by side; the default where it is here",
        license=mini.license,
        size_bytes=0,
        trained_on="as its two parts",
        fingerprint=load_encoder(PAIR, models).fingerprint if other.state == "here" else None,
    )
