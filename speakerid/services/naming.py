"""Names for the clusters of a recording: judged like probes, each name once; the others `unknown_1`, `unknown_2`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from speakerid.db.models import GalleryRow
from speakerid.db.repositories import speakers
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.services.engine import Engine
from speakerid.services.identify import EMPTY
from speakerid.services.judge import Judgement, comparable, judge, nearest
from speakerid.types import FloatArray, RecordedVoice, Speech

NEAREST = 16  # speakers searched for each cluster


@dataclass(frozen=True)
class Cluster:
    """An unnamed person of a recording; `probe (dim,)` is their embedding."""

    channel: int | None
    speech: Speech
    probe: FloatArray


def name_clusters(
    engine: Engine, gallery: GalleryRow, clusters: Sequence[Cluster], wanted: Sequence[int] | None, top_k: int
) -> list[RecordedVoice]:
    """`clusters` in order of first appearance; `wanted`: keys of the only speakers who may be named, None for all.

    Raises EncoderMismatch.
    """
    found, size = _compared(engine, gallery, clusters, wanted)
    long = [nth for nth, one in enumerate(clusters) if found and one.speech.seconds >= gallery.min_speech_s]
    judged = judge(engine, gallery, [clusters[nth].probe for nth in long], found, size) if long else []
    answers = {nth: _judged(clusters[nth], one, top_k) for nth, one in zip(long, judged, strict=True)}
    strangers = count(1)
    return [
        replace(one, voice=one.speaker.id if one.speaker else f"unknown_{next(strangers)}")
        for one in (answers.get(nth) or _unjudged(cluster, gallery) for nth, cluster in enumerate(clusters))
    ]


def _compared(
    engine: Engine, gallery: GalleryRow, clusters: Sequence[Cluster], wanted: Sequence[int] | None
) -> tuple[list[Voiceprint], int]:
    """The voiceprints to compare with, and of how many they are."""
    if wanted is None:
        return nearest(engine, gallery, [one.probe for one in clusters], NEAREST)
    if not comparable(engine, gallery):
        return [], 0
    with engine.read() as db:
        found = speakers.with_voice(db, gallery.key, wanted, engine.encoder.dim)
    return found, len(found)


def _judged(cluster: Cluster, judged: Judgement, top_k: int) -> RecordedVoice:
    chosen = judged.chosen if judged.decision == "accept" else None
    return RecordedVoice(
        voice="",
        decision=judged.decision,
        speaker=chosen.speaker if chosen else None,
        candidates=tuple(one for nth, one in enumerate(judged.candidates) if nth < top_k or one is chosen),
        margin=judged.margin,
        threshold=judged.threshold,
        speech=cluster.speech,
        channel=cluster.channel,
        reason=judged.reason,
    )


def _unjudged(cluster: Cluster, gallery: GalleryRow) -> RecordedVoice:
    short = cluster.speech.seconds < gallery.min_speech_s
    reason = f"Found {cluster.speech.seconds:.2f} s of this voice; {gallery.min_speech_s:.2f} s are needed."
    return RecordedVoice(
        voice="",
        decision="not_enough_speech" if short else "no_speakers",
        speaker=None,
        candidates=(),
        margin=None,
        threshold=None,
        speech=cluster.speech,
        channel=cluster.channel,
        reason=reason if short else EMPTY,
    )
