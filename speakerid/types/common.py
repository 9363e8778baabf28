"""Arrays, speech, embeddings, pages, keys, and how an answer becomes JSON."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
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
Step = Callable[[str], AbstractContextManager[object]]  # the block is a step of that name, for whoever collects traces
AudioWarning = Literal["audio_lost"]  # the answer rests on what is left; `lost_seconds` cannot be decoded
Scope = Literal["enroll", "identify", "read", "admin"]


@dataclass(frozen=True)
class Embedding:
    """One L2-normalized embedding; comparable only with others of the same fingerprint."""

    embedding: tuple[float, ...]
    dim: int
    encoder: str
    fingerprint: str
    speech: Speech
    warnings: tuple[AudioWarning, ...] = ()
    lost_seconds: float = 0.0


@dataclass(frozen=True)
class Readiness:
    ready: bool
    database: Literal["ok", "read_only", "unavailable"]
    encoder: Literal["ok", "failing"]
    last_inference_age_s: float | None
    index_lag: int | None  # committed changes that were not in memory when this was asked
    erasures_pending: int | None = None  # whose bytes are still to be removed from the store's files
    quarantined: int = 0  # speakers whose row is damaged: kept, but not searched
    quarantined_speakers: tuple[str, ...] = ()  # ids of the first hundred
    workers: int | None = None  # processes that embed and are ready; None: the service does it itself
    workers_wanted: int | None = None
    reason: str | None = None  # why it is not ready


@dataclass(frozen=True)
class Key:
    """An API key without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    galleries: tuple[str, ...]  # empty: every gallery
    created_at: datetime
    expires_at: datetime | None = None
    requests_per_minute: int | None = None  # None: as many as the server takes
    audio_seconds_per_day: int | None = None  # likewise; a day is one in UTC
    audio_seconds_today: float = 0.0  # sent by now, of a key with such a limit
    last_used_on: date | None = None  # in UTC; None: never, or before days were noted
    former_secret_until: datetime | None = None  # after a rotation


@dataclass(frozen=True)
class NewKey:
    key: Key
    secret: str  # shown this once: only a hash of it is kept


@dataclass(frozen=True)
class AccessEvent:
    """Who asked or changed what; about several speakers there are several, with one `request_id`."""

    id: int
    at: datetime
    key_id: str  # "local": a program of the server's own machine, without a key
    action: str  # method and route template, or the command
    gallery: str | None
    speaker_id: str | None  # whom it was about; None: nobody in particular, or somebody who was erased since
    outcome: str  # "ok", or the code of the problem
    request_id: str


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
    from pydantic import TypeAdapter  # 0.1 s, which processes that decode need not wait for

    return TypeAdapter(kind)


JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class JobError:
    code: str  # of the same kind as in a problem document
    detail: str
