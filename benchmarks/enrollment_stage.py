"""A gallery of its own where people are enrolled, tried and asked for, by the services that the API uses."""

from __future__ import annotations

from speakerid.audio.decode import as_wav
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.db.models import GalleryRow
from speakerid.errors import EnrollmentRefused
from speakerid.scoring.coach import Findings
from speakerid.services import coach, galleries, speakers, validation
from speakerid.services.engine import Engine
from speakerid.services.enroll import NOTHING, enroll
from speakerid.services.galleries import GallerySettings
from speakerid.services.identify import identify
from speakerid.services.speakers import SpeakerFields
from speakerid.types import Enrollment, FloatArray, Identification

NEWCOMER = SpeakerFields(name="a newcomer")


class _Undone(Exception):
    """Ends a transaction so that nothing of it stays."""

    def __init__(self, enrollment: Enrollment) -> None:
        self.enrollment = enrollment


class EnrollmentStage:
    """One gallery. Recordings are samples at 16 kHz."""

    def __init__(self, engine: Engine, gallery: str, target_fpir: float | None = None) -> None:
        self._engine = engine
        with engine.write() as db:
            galleries.create(engine, db, gallery)
            galleries.update(engine, db, gallery, GallerySettings(target_fpir=target_fpir))
        self._gallery = galleries.get(engine, gallery)
        self._ids: dict[str, str] = {}

    def enroll(self, speaker: str, samples: FloatArray, *, whatever: bool = False) -> Findings:
        """Kept unless the coach refuses it; with `whatever` it is kept all the same."""
        probe = coach.prepare(self._engine, self._current(), _file(samples))
        try:
            with self._engine.write() as db:
                speaker_id = speakers.find_or_create(db, self._gallery, speaker).id
                accepted = validation.EVERY_REFUSAL if whatever else NOTHING
                made = enroll(self._engine, db, self._gallery.name, speaker_id, probe, accepted)
        except EnrollmentRefused as refused:
            return Findings(refused.review.refusals, refused.review.warnings)
        self._ids[speaker] = speaker_id
        return Findings((), made.warnings)

    def review(self, speaker: str | None, samples: FloatArray) -> Findings:
        """What the coach finds in a recording for this speaker, or for a new one. Nothing stays enrolled."""
        probe = coach.prepare(self._engine, self._current(), _file(samples))
        try:
            with self._engine.database.write() as db:
                speaker_id = self._ids.get(speaker or "") or speakers.create(db, self._gallery, NEWCOMER).id
                raise _Undone(enroll(self._engine, db, self._gallery.name, speaker_id, probe))
        except EnrollmentRefused as refused:
            return Findings(refused.review.refusals, refused.review.warnings)
        except _Undone as undone:
            return Findings((), undone.enrollment.warnings)

    def identify(self, samples: FloatArray) -> Identification:
        return identify(self._engine, self._current(), _file(samples))

    def _current(self) -> GalleryRow:
        """As it is now: the first enrollment writes the encoder into its row."""
        return galleries.get(self._engine, self._gallery.name)


def _file(samples: FloatArray) -> bytes:
    return as_wav((samples, SAMPLE_RATE_HZ))
