"""Is it this speaker? One probe against one voiceprint."""

from __future__ import annotations

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import speakers, voiceprints
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.errors import NoVoiceprint
from speakerid.services.engine import Engine
from speakerid.services.judge import Judgement, judge, require_same_encoder, require_unchanged, source
from speakerid.services.probe import prepare_probe
from speakerid.types import SpeakerRef, Verification, VerifyDecision


def verify(
    engine: Engine, gallery: GalleryRow, speaker_id: str, audio: bytes, *, channel: Channel = "mix"
) -> Verification:
    """Raises SpeakerNotFound, NoVoiceprint, AudioError, EncoderMismatch, Overloaded."""
    _enrolled(engine, gallery, speaker_id)  # before any work is done on the audio
    probe = prepare_probe(engine, audio, min_speech_s=gallery.min_speech_s, channel=channel)
    enrolled = _enrolled(engine, gallery, speaker_id)  # as it is now
    judged = Judgement("not_enough_speech", probe.shortage)
    if probe.embedding is not None:
        judged = judge(engine, gallery, [probe.embedding], [enrolled], 1)[0]
    decision = _decision(judged)
    engine.decided("verify", gallery.name, decision, [])
    scored = judged.candidates[0] if judged.candidates else None
    return Verification(
        decision=decision,
        speaker=SpeakerRef(enrolled.row.id, enrolled.row.name),
        score=scored.score if scored else None,
        llr=scored.llr if scored else None,
        probability=scored.probability if scored else None,
        threshold=judged.threshold,
        prior=engine.policy.prior,
        speech=probe.speech,
        encoder=engine.encoder_label,
        calibration=source(engine, gallery),
        reason=judged.reason,
        warnings=probe.warnings,
        lost_seconds=probe.lost_s,
    )


def _enrolled(engine: Engine, gallery: GalleryRow, speaker_id: str) -> Voiceprint:
    with engine.read() as db:
        row = speakers.get(db, gallery.key, speaker_id)
        found = voiceprints.with_voice(db, gallery.key, [row.key], engine.encoder.dim)
    if row.voiceprint is not None:
        require_same_encoder(engine, gallery)  # first: another encoder's voiceprint is not damaged
    require_unchanged(engine, gallery)
    if not found:
        raise NoVoiceprint(row.name)
    return found[0]


def _decision(judged: Judgement) -> VerifyDecision:
    if judged.decision == "accept" or judged.decision == "not_enough_speech":
        return judged.decision
    return "reject"
