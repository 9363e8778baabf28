"""Arrays, speech, embeddings, pages, keys, and how an answer becomes JSON."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter


@dataclass(frozen=True)
class Speech:
    """How much and how good the speech in one recording is."""

    seconds: float  # net speech after voice activity detection
    snr_db: float | None  # None when there is no pause to measure the noise in
    clipping_ratio: float  # share of samples at full scale, 0..1
    bandwidth_hz: int  # highest frequency that carries speech; 4000 for telephone


T = TypeVar("T")
FloatArray = NDArray[np.float32]
Span = tuple[int, int]  # start and end (exclusive) in samples at 16 kHz
Scope = Literal["enroll", "identify", "read", "admin"]


@dataclass(frozen=True)
class Embedding:
    """One L2-normalized embedding; comparable only with others of the same fingerprint."""

    embedding: tuple[float, ...]
    dim: int
    encoder: str
    fingerprint: str
    speech: Speech


@dataclass(frozen=True)
class Readiness:
    ready: bool
    database: Literal["ok", "read_only", "unavailable"]
    encoder: Literal["ok", "failing"]
    last_inference_age_s: float | None
    index_lag: int | None  # committed changes that the index does not show yet
    erasures_pending: int | None = None  # whose bytes are still to be removed from the store's files
    quarantined: int = 0  # speakers whose row is damaged: kept, but not searched
    quarantined_speakers: tuple[str, ...] = ()  # ids of the first hundred
    reason: str | None = None  # why it is not ready


@dataclass(frozen=True)
class Key:
    """An API key without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    galleries: tuple[str, ...]  # empty: every gallery
    created_at: datetime


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None = field(default=None)


def to_json(answer: object) -> Any:
    """An answer as plain JSON values: what the API sends and `--json` prints."""
    return _adapter(cast(Hashable, type(answer))).dump_python(answer, mode="json", by_alias=True)


def from_json(kind: type[T], values: object) -> T:
    """The answer that `to_json` wrote."""
    found: T = _adapter(cast(Hashable, kind)).validate_python(values)
    return found


@cache  # building an adapter takes hundreds of times longer than using it
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
