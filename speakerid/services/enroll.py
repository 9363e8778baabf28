"""Add one enrollment utterance to a speaker."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import speakers, utterances
from speakerid.db.types import new_id
from speakerid.errors import TooLittleSpeech, UtteranceElsewhere
from speakerid.services import galleries, shape
from speakerid.services.engine import Engine
from speakerid.services.listen import Voice
from speakerid.services.speakers import refresh_voiceprint
from speakerid.types import Enrollment, Speech

CLIPPED_RATIO = 0.01
NOISY_SNR_DB = 10.0
NARROW_BAND_HZ = 4_500


def enroll(engine: Engine, db: Handle, gallery_name: str, speaker_id: str, voice: Voice) -> Enrollment:
    """Add what was heard to the speaker's voiceprint. The same bytes for the same speaker change nothing.

    Raises GalleryNotFound, SpeakerNotFound, TooLittleSpeech, UtteranceElsewhere, EncoderMismatch.
    """
    gallery = galleries.to_enroll(engine, db, gallery_name)
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    known = utterances.same_bytes(db, gallery.key, voice.sha256)
    if known is not None and known[1] != row.id:
        raise UtteranceElsewhere(known[1])
    if known is not None:
        return _answer(db, gallery, row, known[0], already_enrolled=True)
    utterance = _add(engine, db, gallery, row, voice)
    refresh_voiceprint(db, row)
    return _answer(db, gallery, row, utterance, already_enrolled=False)


def warnings(speech: Speech) -> tuple[str, ...]:
    """What a better recording would change, as stable words."""
    found = {
        "clipped": speech.clipping_ratio > CLIPPED_RATIO,
        "noisy": speech.snr_db is not None and speech.snr_db < NOISY_SNR_DB,
        "narrow_band": speech.bandwidth_hz < NARROW_BAND_HZ,
    }
    return tuple(word for word, applies in found.items() if applies)


def _add(engine: Engine, db: Handle, gallery: GalleryRow, speaker: SpeakerRow, voice: Voice) -> UtteranceRow:
    if voice.embedding is None:
        raise TooLittleSpeech(voice.speech.seconds, voice.needed_s)
    row = UtteranceRow(
        id=new_id("utt"),
        gallery_key=gallery.key,
        speaker_key=speaker.key,
        sha256=voice.sha256,
        speech_s=voice.speech.seconds,
        snr_db=voice.speech.snr_db,
        clipping_ratio=voice.speech.clipping_ratio,
        bandwidth_hz=voice.speech.bandwidth_hz,
        embedding=voice.embedding,
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
        audio=voice.audio if gallery.keep_audio else None,
    )
    utterances.add(db, row)
    return row


def _answer(
    db: Handle, gallery: GalleryRow, speaker: SpeakerRow, utterance: UtteranceRow, *, already_enrolled: bool
) -> Enrollment:
    heard = shape.utterance(utterance)
    return Enrollment(
        speaker=shape.speaker(speakers.with_sums(db, speaker), gallery),
        utterance=heard,
        already_enrolled=already_enrolled,
        warnings=warnings(heard.speech),
    )
