"""Add one enrollment utterance to a speaker."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import speakers, utterances
from speakerid.db.types import new_id
from speakerid.errors import SpeakerOptedOut, UtteranceElsewhere
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
    """Add a recording to the speaker's voiceprint. The same bytes for the same speaker change nothing, nor does the
    same take in another encoding, which would count twice; only that a gallery that keeps audio by now keeps the bytes.

    Refusals of the coach that are `accepted` are kept with the utterance instead. Raises GalleryNotFound,
    SpeakerNotFound, SpeakerOptedOut, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch.
    """
    gallery = galleries.to_enroll(engine, db, gallery_name)
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    if row.opted_out_at is not None:
        raise SpeakerOptedOut(row.id, row.name)
    known = utterances.same_bytes(db, gallery.key, probe.sha256)
    if known is not None and known[1].id != row.id:
        raise UtteranceElsewhere(known[1].id, known[1].name)
    if known is not None:
        _keep_audio(gallery, known[0], probe)
    take = known[0] if known else coach.same_take(db, row, probe)
    review = coach.review(engine, db, gallery, row, probe, take)
    utterance = take or _add(engine, db, gallery, row, probe, review, accepted)
    return Enrollment(
        speaker=serializers.speaker(speakers.with_sums(db, row), gallery),
        utterance=serializers.utterance(utterance),
        already_enrolled=take is not None,
        cohesion=review.cohesion,
        similar_speaker=review.similar_speaker,
        warnings=review.warnings if known or take is None else (*review.warnings, "same_take"),
        lost_seconds=probe.lost_s,
    )


def _keep_audio(gallery: GalleryRow, utterance: UtteranceRow, probe: Probe) -> None:
    """Of what was enrolled before the gallery kept audio: without it there is no way to another encoder."""
    if gallery.keep_audio and utterance.audio is None:
        utterance.audio = probe.audio or None


def _add(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    probe: Probe,
    review: Review,
    accepted: frozenset[EnrollmentRefusal],
) -> UtteranceRow:
    coach.refuse(db, speaker, review, accepted, probe)
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
        fingerprint=probe.fingerprint or None,
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
