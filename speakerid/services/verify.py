"""Is it this speaker? One probe against one voiceprint."""

from __future__ import annotations

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import speakers
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.errors import NoVoiceprint
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import probabilities
from speakerid.services import calibrations, scores
from speakerid.services.engine import Engine
from speakerid.services.probe import Probe, prepare_probe
from speakerid.types import SpeakerRef, Verification


def verify(
    engine: Engine, gallery: GalleryRow, speaker_id: str, audio: bytes, *, channel: Channel = "mix"
) -> Verification:
    """Raises SpeakerNotFound, NoVoiceprint, AudioError, EncoderMismatch, Overloaded."""
    _speaker(engine, gallery, speaker_id)  # before any work is done on the audio
    voice = prepare_probe(engine, audio, min_speech_s=gallery.min_speech_s, channel=channel)
    enrolled = _speaker(engine, gallery, speaker_id)  # as it is now
    if voice.embedding is None:
        return _not_enough(engine, gallery, enrolled.row, voice)
    return _judge(engine, gallery, enrolled, voice)


def _speaker(engine: Engine, gallery: GalleryRow, speaker_id: str) -> Voiceprint:
    with engine.read() as db:
        row = speakers.get(db, gallery.key, speaker_id)
        found = speakers.with_voice(db, gallery.key, [row.key], engine.encoder.dim)
    if row.voiceprint is not None:
        scores.require_same_encoder(engine, gallery)  # first: another encoder's voiceprint is not damaged
    if not found:
        raise NoVoiceprint(row.name)
    return found[0]


def _judge(engine: Engine, gallery: GalleryRow, enrolled: Voiceprint, voice: Probe) -> Verification:
    calibration = calibrations.used(engine, gallery)
    scored = cosine(voice.require()[None, :], enrolled.embedding[None, :])[0]
    score, llr, row = float(scored[0]), float(calibration.llr(scored)[0]), enrolled.row
    threshold = scores.threshold(engine, gallery, calibration, 1, scores.own_strangers(engine, gallery))
    accept = llr >= threshold.llr
    return Verification(
        decision="accept" if accept else "reject",
        speaker=SpeakerRef(row.id, row.name),
        score=score,
        llr=llr,
        probability=float(probabilities([llr], threshold.llr)[0]),
        threshold=threshold,
        prior=engine.policy.prior,
        speech=voice.speech,
        encoder=engine.encoder_label,
        calibration=calibrations.source(engine, gallery),
        reason=f"The llr, {llr:.1f}, {'reaches' if accept else 'stays below'} the threshold of {threshold.llr:.1f}.",
    )


def _not_enough(engine: Engine, gallery: GalleryRow, row: SpeakerRow, voice: Probe) -> Verification:
    return Verification(
        decision="not_enough_speech",
        speaker=SpeakerRef(row.id, row.name),
        score=None,
        llr=None,
        probability=None,
        threshold=None,
        prior=engine.policy.prior,
        speech=voice.speech,
        encoder=engine.encoder_label,
        calibration=calibrations.source(engine, gallery),
        reason=voice.shortage,
    )
