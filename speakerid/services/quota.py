"""Seconds of audio that a key may send a day, counted in the store: all processes on it count together.

Where a file says how long it is, that is taken before it is decoded, and what it turns out to hold is settled
afterwards. What it holds and did not say is refused only if nothing is left by then: the last file of a day may go
beyond the quota, and none of those that were sent beside it. Who asks is known from `db/asked.py`; without a key, or a
quota, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from speakerid.audio.file_decoder import Announced
from speakerid.db.asked import AudioQuota, asking
from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import keys, recordings
from speakerid.db.types import now
from speakerid.errors import AudioBeyondQuota, AudioError, KeyQuotaReached

SETTLED_S = 0.05  # less of a difference is rounding, and not worth a transaction
STREAM_S = 10.0  # taken at a time while a stream goes on
RECORDING_S = 60.0  # and while a recording is gone through


def take(db: Handle, quota: AudioQuota, seconds: float) -> None:
    """Count it; 0: only look whether anything is left. Raises KeyQuotaReached, AudioBeyondQuota."""
    if seconds > quota.seconds_per_day:
        raise AudioBeyondQuota(seconds, quota.seconds_per_day)
    at = now()
    if not keys.take_audio(db, quota.key_id, seconds, at.date()):
        raise _reached(db, quota, at)


def add(database: Database, key_id: str, seconds: float) -> None:
    """Count what was not taken before; below 0: give back."""
    if abs(seconds) > SETTLED_S:
        with asking(None), database.write() as db:
            keys.add_audio(db, key_id, seconds, now().date())


@contextmanager
def spending(database: Database, quota: AudioQuota, announced: Callable[[], Announced]) -> Iterator[list[float]]:
    """Around the decoding of one file, of which the block notes how many seconds it held.

    What is noted stays counted however the block ends; where nothing is noted, all is given back.

    Raises KeyQuotaReached, AudioBeyondQuota before the block begins, and KeyQuotaReached after it.
    """
    known = _known_s(announced)
    _take_now(database, quota, known)
    spent = list[float]()
    try:
        yield spent
    finally:
        more = sum(spent) - known
        if more > SETTLED_S:
            _take_more(database, quota, more, known)
        else:
            add(database, quota.key_id, more)


class StreamMeter:
    """Of a live stream: takes a few seconds ahead, and gives back what was not needed."""

    def __init__(self, database: Database, quota: AudioQuota | None) -> None:
        self._database, self._quota = database, quota
        self._taken = self._counted = 0.0

    def count(self, seconds: float) -> None:
        """So much more. Raises KeyQuotaReached."""
        self._counted += seconds
        while self._quota is not None and self._counted >= self._taken:
            _take_now(self._database, self._quota, STREAM_S)
            self._taken += STREAM_S

    def close(self) -> None:
        if self._quota is not None:
            add(self._database, self._quota.key_id, self._counted - self._taken)


class RecordingMeter:
    """Of a recording, while it is gone through: takes what it did not announce. `seconds` are taken by now."""

    def __init__(
        self, database: Database, key_id: str, quota: AudioQuota | None, recording: int, seconds: float
    ) -> None:
        self._database, self._quota, self._recording = database, quota, recording
        self.key_id, self.seconds = key_id, seconds

    def before(self, watch: Callable[[float, float | None], None]) -> Callable[[float, float | None], None]:
        """`watch`, which hears of nothing that is beyond the quota: that raises KeyQuotaReached."""

        def watched(done: float, total: float | None) -> None:
            self.count(done)
            watch(done, total)

        return watched

    def count(self, seconds: float) -> None:
        """So much of it. Raises KeyQuotaReached."""
        while self._quota is not None and seconds > self.seconds + SETTLED_S:
            _take_more(self._database, self._quota, RECORDING_S, recording=self._recording)
            self.seconds += RECORDING_S


def _take_more(
    database: Database, quota: AudioQuota, seconds: float, taken: float = 0.0, recording: int | None = None
) -> None:
    """Raises KeyQuotaReached."""
    with asking(None), database.write() as db:
        at = now()
        if not keys.take_more_audio(db, quota.key_id, seconds, at.date(), taken):
            raise _reached(db, quota, at)
        if recording is not None:
            recordings.count(db, recording, seconds)


def _reached(db: Handle, quota: AudioQuota, at: datetime) -> KeyQuotaReached:
    sent = keys.audio_sent(db, quota.key_id, at.date())
    return KeyQuotaReached(_until_midnight_s(at), sent, quota.seconds_per_day)


def _take_now(database: Database, quota: AudioQuota, seconds: float) -> None:
    """In a transaction of its own, which is no change that the access log is to have."""
    with asking(None), database.write() as db:
        take(db, quota, seconds)


def _known_s(announced: Callable[[], Announced]) -> float:
    try:
        return announced().seconds or 0.0
    except AudioError:  # decoding it says what is wrong
        return 0.0


def _until_midnight_s(at: datetime) -> int:
    end = datetime.combine(at.date() + timedelta(days=1), time(), UTC)
    return int((end - at).total_seconds()) + 1
