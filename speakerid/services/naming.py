"""Names for the clusters of a recording: judged like probes, each name once; the others `unknown_1`, `unknown_2`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from speakerid.db.models import GalleryRow
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.errors.refusals import rounded_down
from speakerid.services.engine import Engine
from speakerid.services.judge import Judgement, among, judge, nearest
from speakerid.types import FloatArray, RecordedVoice, Speech

NEAREST = 16  # speakers searched for each cluster


@dataclass(frozen=True)
class Cluster:
    """An unnamed person of a recording; `probe (dim,)` is their embedding."""

    channel: int | None
    speech: Speech
    probe: FloatArray


def name_clusters(
    engine: Engine,
    gallery: GalleryRow,
    clusters: Sequence[Cluster],
    wanted: Sequence[int] | None,
    top_k: int,
    known: Sequence[Voiceprint] = (),
) -> list[RecordedVoice]:
    """`clusters` in order of first appearance; `wanted`: keys of the only speakers who may be named, None for all.

    `known` are speakers of this recording alone: who is one of them is not looked for in the gallery. Raises
    EncoderMismatch.
    """
    long = [one.probe for one in clusters if one.speech.seconds >= gallery.min_speech_s]
    judged, strangers = iter(_judged(engine, gallery, long, wanted, known)), count(1)
    answers = []
    for one in clusters:
        enough = one.speech.seconds >= gallery.min_speech_s
        judgement = next(judged) if enough else _too_short(one, gallery)
        label = judgement.speaker.id if judgement.speaker else f"unknown_{next(strangers)}"
        answers.append(_answer(one, label, judgement, top_k))
    return answers


def _judged(
    engine: Engine,
    gallery: GalleryRow,
    probes: Sequence[FloatArray],
    wanted: Sequence[int] | None,
    known: Sequence[Voiceprint],
) -> list[Judgement]:
    """The caller's own speakers first: one who is enrolled as well would else be two who are too close to call."""
    if not known:
        return judge(engine, gallery, probes, *_compared(engine, gallery, probes, wanted))
    first = judge(engine, gallery, probes, known, len(known))
    others = [probe for probe, one in zip(probes, first, strict=True) if one.speaker is None]
    second = iter(judge(engine, gallery, others, *_compared(engine, gallery, others, wanted)))
    return [next(second) if one.speaker is None else one for one in first]


def _compared(
    engine: Engine, gallery: GalleryRow, probes: Sequence[FloatArray], wanted: Sequence[int] | None
) -> tuple[list[Voiceprint], int]:
    """The voiceprints to compare with, and of how many they are."""
    if wanted is None:
        return nearest(engine, gallery, probes, NEAREST)
    return among(engine, gallery, wanted, probes, NEAREST)


def _too_short(cluster: Cluster, gallery: GalleryRow) -> Judgement:
    reason = f"Found {rounded_down(cluster.speech.seconds)} s of this voice; {gallery.min_speech_s:.2f} s are needed."
    return Judgement("not_enough_speech", reason)


def _answer(cluster: Cluster, label: str, judged: Judgement, top_k: int) -> RecordedVoice:
    named = judged.chosen if judged.speaker else None
    return RecordedVoice(
        voice=label,
        decision=judged.decision,
        speaker=judged.speaker,
        candidates=tuple(one for nth, one in enumerate(judged.candidates) if nth < top_k or one is named),
        margin=judged.margin,
        threshold=judged.threshold,
        speech=cluster.speech,
        channel=cluster.channel,
        reason=judged.reason,
    )
