"""Who speaks? One probe against every voiceprint of a gallery, open set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.services.classify import classes
from speakerid.services.engine import Engine
from speakerid.services.judge import Judgement, among, judge, nearest, source
from speakerid.services.probe import Probe, prepare_probe
from speakerid.services.speakers import EVERYBODY, CandidateFilter, keys_of
from speakerid.types import Classification, FloatArray, Identification

TOP_K_LIMIT = 100
SPARE = 8  # neighbors searched beyond top_k, in case some were erased a moment ago


def identify(
    engine: Engine,
    gallery: GalleryRow,
    audio: bytes,
    *,
    top_k: int = 5,
    channel: Channel = "mix",
    classifiers: Sequence[str] = (),
    only: CandidateFilter = EVERYBODY,
) -> Identification:
    """Name the speaker, or give the reason why not. `classifiers` are asked as well, about all of the recording.

    `only`: who may be named; the threshold is that of a gallery of them. Raises AudioError, EncoderMismatch,
    Overloaded, ClassifierError, SpeakerNotFound, AmbiguousName, InvalidTag.
    """
    wanted = None if only == EVERYBODY else _keys(engine, gallery, only)
    for name in classifiers:
        engine.classifiers.get(name)  # one that is not there is refused before any work
    found: list[Classification] = []

    def ask(samples: FloatArray) -> None:
        if classifiers:
            found.extend(classes(engine, classifiers, samples, top_k))

    with engine.classifiers.queue.place() if classifiers else nullcontext():
        probe = prepare_probe(engine, audio, min_speech_s=gallery.min_speech_s, channel=channel, also=ask)
    judged = _judged(engine, gallery, probe, min(max(top_k, 1), TOP_K_LIMIT), wanted)
    engine.decided("identify", gallery.name, judged.decision, [judged.speaker])
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
        classes=tuple(found),
        warnings=probe.warnings,
        lost_seconds=probe.lost_s,
    )


def _keys(engine: Engine, gallery: GalleryRow, only: CandidateFilter) -> list[int] | None:
    with engine.read() as db:
        return keys_of(db, gallery, only)


def _judged(engine: Engine, gallery: GalleryRow, probe: Probe, top_k: int, wanted: Sequence[int] | None) -> Judgement:
    if probe.embedding is None:
        return Judgement("not_enough_speech", probe.shortage)
    probes = [probe.embedding]
    found, size = (
        nearest(engine, gallery, probes, top_k + SPARE)
        if wanted is None
        else among(engine, gallery, wanted, probes, top_k + SPARE)
    )
    return judge(engine, gallery, probes, found, size)[0]
