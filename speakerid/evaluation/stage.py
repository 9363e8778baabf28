"""A store of its own where people are enrolled and attempts are made, by the services that the API uses."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.wav import wav_bytes
from speakerid.errors import EnrollmentRefused
from speakerid.evaluation.faults import Attempt
from speakerid.evaluation.takes import Take
from speakerid.scoring.coach import Findings
from speakerid.services import coach, fields, galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.speakers import SpeakerFields
from speakerid.types import Enrollment, FloatArray

NEWCOMER = SpeakerFields(name="a newcomer")


class _Undone(Exception):
    """Ends a transaction so that nothing of it stays."""

    def __init__(self, enrollment: Enrollment) -> None:
        self.enrollment = enrollment


class Stage:
    """One gallery."""

    def __init__(self, engine: Engine, gallery: str) -> None:
        self._engine = engine
        with engine.write() as db:
            galleries.create(engine, db, gallery)
        self._gallery = galleries.get(engine, gallery)
        self._ids: dict[str, str] = {}

    def enroll(self, takes: Sequence[Take]) -> None:
        """Good takes of anybody, whatever the coach says."""
        voices = [coach.hear(self._engine, self._gallery, _file(take.samples)) for take in takes]
        with self._engine.write() as db:
            for take, voice in zip(takes, voices, strict=True):
                speaker_id = speakers.find_or_create(db, self._gallery, take.voice).id
                enroll(self._engine, db, self._gallery.name, speaker_id, voice, fields.EVERY_REFUSAL)
                self._ids[take.voice] = speaker_id

    def answer(self, attempt: Attempt) -> Findings:
        """What the coach says. Nothing stays enrolled."""
        voice = coach.hear(self._engine, self._gallery, _file(attempt.samples))
        try:
            with self._engine.database.write() as db:
                speaker_id = self._ids.get(attempt.speaker or "") or speakers.create(db, self._gallery, NEWCOMER).id
                raise _Undone(enroll(self._engine, db, self._gallery.name, speaker_id, voice))
        except EnrollmentRefused as refused:
            return Findings(refused.review.refusals, refused.review.warnings)
        except _Undone as undone:
            return Findings((), undone.enrollment.warnings)


def _file(samples: FloatArray) -> bytes:
    return wav_bytes((samples, SAMPLE_RATE_HZ))
