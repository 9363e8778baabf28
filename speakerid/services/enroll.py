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
from speakerid.services.speakers import refresh_voiceprint
from speakerid.types import Enrollment, EnrollmentRefusal, Review

NOTHING: frozenset[EnrollmentRefusal] = frozenset()


def enroll(
    engine: Engine,
    db: Handle,
    gallery_name: str,
    speaker_id: str,
    voice: Probe,
    accepted: frozenset[EnrollmentRefusal] = NOTHING,
) -> Enrollment:
    """Add what was heard to the speaker's voiceprint. The same bytes for the same speaker change nothing.

    Refusals of the coach that are `accepted` are kept with the utterance instead. Raises GalleryNotFound,
    SpeakerNotFound, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch.
    """
    gallery = galleries.to_enroll(engine, db, gallery_name)
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    known = utterances.same_bytes(db, gallery.key, voice.sha256)
    if known is not None and known[1] != row.id:
        raise UtteranceElsewhere(known[1])
    said = coach.review(engine, db, gallery, row, voice)
    utterance = known[0] if known else _add(engine, db, gallery, row, voice, said, accepted)
    return Enrollment(
        speaker=serializers.speaker(speakers.with_sums(db, row), gallery),
        utterance=serializers.utterance(utterance),
        already_enrolled=known is not None,
        cohesion=said.cohesion,
        similar_speaker=said.similar_speaker,
        warnings=said.warnings,
    )


def _add(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    voice: Probe,
    said: Review,
    accepted: frozenset[EnrollmentRefusal],
) -> UtteranceRow:
    coach.refuse(said, accepted, heard=voice.embedding is not None)
    utterance = _row(engine, gallery, speaker, voice, said)
    utterances.add(db, utterance)
    refresh_voiceprint(db, speaker)
    return utterance


def _row(engine: Engine, gallery: GalleryRow, speaker: SpeakerRow, voice: Probe, said: Review) -> UtteranceRow:
    return UtteranceRow(
        id=new_id("utt"),
        gallery_key=gallery.key,
        speaker_key=speaker.key,
        sha256=voice.sha256,
        speech_s=voice.speech.seconds,
        snr_db=voice.speech.snr_db,
        clipping_ratio=voice.speech.clipping_ratio,
        bandwidth_hz=voice.speech.bandwidth_hz,
        voices=said.voices,
        accepted=list(said.refusals),
        embedding=voice.require(),
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
        audio=voice.audio if gallery.keep_audio else None,
    )
