"""Add one enrollment utterance to a speaker."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import speakers, utterances
from speakerid.db.types import new_id
from speakerid.errors import UtteranceElsewhere
from speakerid.services import coach, galleries, serializers
from speakerid.services.engine import Engine
from speakerid.services.probe import Probe
from speakerid.types import Enrollment, EnrollmentRefusal, Review

NOTHING: frozenset[EnrollmentRefusal] = frozenset()


def enroll(
    engine: Engine,
    db: Handle,
    gallery_name: str,
    speaker_id: str,
    probe: Probe,
    accepted: frozenset[EnrollmentRefusal] = NOTHING,
) -> Enrollment:
    """Add a recording to the speaker's voiceprint. The same bytes for the same speaker change nothing.

    Refusals of the coach that are `accepted` are kept with the utterance instead. Raises GalleryNotFound,
    SpeakerNotFound, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch.
    """
    gallery = galleries.to_enroll(engine, db, gallery_name)
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    known = utterances.same_bytes(db, gallery.key, probe.sha256)
    if known is not None and known[1] != row.id:
        raise UtteranceElsewhere(known[1])
    review = coach.review(engine, db, gallery, row, probe)
    utterance = known[0] if known else _add(engine, db, gallery, row, probe, review, accepted)
    return Enrollment(
        speaker=serializers.speaker(speakers.with_sums(db, row), gallery),
        utterance=serializers.utterance(utterance),
        already_enrolled=known is not None,
        cohesion=review.cohesion,
        similar_speaker=review.similar_speaker,
        warnings=review.warnings,
    )


def _add(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    probe: Probe,
    review: Review,
    accepted: frozenset[EnrollmentRefusal],
) -> UtteranceRow:
    coach.refuse(review, accepted, embedded=probe.embedding is not None)
    utterance = utterance_row(engine, gallery, speaker, probe, review)
    utterances.add(db, utterance)
    galleries.refresh_voiceprints(db, gallery.key, [speaker])
    return utterance


def utterance_row(
    engine: Engine, gallery: GalleryRow, speaker: SpeakerRow, probe: Probe, review: Review
) -> UtteranceRow:
    return UtteranceRow(
        id=new_id("utt"),
        gallery_key=gallery.key,
        speaker_key=speaker.key,
        sha256=probe.sha256,
        speech_s=probe.speech.seconds,
        snr_db=probe.speech.snr_db,
        clipping_ratio=probe.speech.clipping_ratio,
        bandwidth_hz=probe.speech.bandwidth_hz,
        voices=review.voices,
        accepted=list(review.refusals),
        embedding=probe.require(),
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
        audio=(probe.audio or None) if gallery.keep_audio else None,
    )
