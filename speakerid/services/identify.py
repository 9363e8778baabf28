"""Who speaks? One probe against every voiceprint of a gallery, open set."""

from __future__ import annotations

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.services.engine import Engine
from speakerid.services.judge import Judgement, judge, nearest, source
from speakerid.services.probe import Probe, prepare_probe
from speakerid.types import Identification

TOP_K_LIMIT = 100
SPARE = 8  # neighbors searched beyond top_k, in case some were erased a moment ago


def identify(
    engine: Engine, gallery: GalleryRow, audio: bytes, *, top_k: int = 5, channel: Channel = "mix"
) -> Identification:
    """Name the speaker, or give the reason why not. Raises AudioError, EncoderMismatch, Overloaded."""
    probe = prepare_probe(engine, audio, min_speech_s=gallery.min_speech_s, channel=channel)
    judged = _judged(engine, gallery, probe, min(max(top_k, 1), TOP_K_LIMIT))
    return Identification(
        decision=judged.decision,
        speaker=judged.speaker,
        candidates=judged.candidates[:top_k],
        margin=judged.margin,
        threshold=judged.threshold,
        prior=engine.policy.prior,
        speech=probe.speech,
        encoder=engine.encoder_label,
        calibration=source(engine, gallery),
        reason=judged.reason,
    )


def _judged(engine: Engine, gallery: GalleryRow, probe: Probe, top_k: int) -> Judgement:
    if probe.embedding is None:
        return Judgement("not_enough_speech", probe.shortage)
    found, size = nearest(engine, gallery, [probe.embedding], top_k + SPARE)
    return judge(engine, gallery, [probe.embedding], found, size)[0]
