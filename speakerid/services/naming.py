"""Names for the voices of a recording: judged like probes, each name once; the others are `unknown_1`, `unknown_2`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from speakerid.db.models import GalleryRow
from speakerid.db.repositories import speakers
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.diarization.naming import Llrs, Named, exclusive
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import exclusive_probabilities
from speakerid.services import calibrations, scores
from speakerid.services.engine import Engine
from speakerid.services.identify import comparable
from speakerid.types import Candidate, FloatArray, RecordedVoice, SpeakerRef, Speech, Threshold

NEAREST = 16  # speakers searched for each voice


@dataclass(frozen=True)
class Cluster:
    """One voice of a recording; `probe (dim,)` is its embedding."""

    channel: int | None
    speech: Speech
    probe: FloatArray


@dataclass(frozen=True)
class _Known:
    """Whom the voices are compared with: the nearest, `found`, of `size`."""

    found: list[Voiceprint]
    size: int


def name_clusters(
    engine: Engine, gallery: GalleryRow, voices: Sequence[Cluster], wanted: Sequence[int] | None, top_k: int
) -> list[RecordedVoice]:
    """`voices` in order of first appearance; `wanted`: keys of the only speakers who may be named, None for all.

    Raises EncoderMismatch.
    """
    known = _known(engine, gallery, voices, wanted)
    long = [nth for nth, voice in enumerate(voices) if voice.speech.seconds >= gallery.min_speech_s]
    judged = _judged(engine, gallery, [voices[nth] for nth in long], known, top_k) if long and known.found else []
    by_place = dict(zip(long, judged, strict=False))
    strangers = count(1)
    return [
        replace(one, voice=one.speaker.id if one.speaker else f"unknown_{next(strangers)}")
        for one in (by_place.get(nth) or _unjudged(voice, gallery) for nth, voice in enumerate(voices))
    ]


def voiceprints(engine: Engine, gallery: GalleryRow, voices: Sequence[RecordedVoice]) -> dict[str, FloatArray]:
    """By speaker's id, `(dim,)`: the voiceprints after which `voices` were named."""
    with engine.read() as db:
        keys = speakers.keys(db, gallery.key, [one.speaker.id for one in voices if one.speaker])
        found = speakers.with_voice(db, gallery.key, keys, engine.encoder.dim)
    return {one.row.id: one.embedding for one in found}


def _known(engine: Engine, gallery: GalleryRow, voices: Sequence[Cluster], wanted: Sequence[int] | None) -> _Known:
    if not comparable(engine, gallery):
        return _Known([], 0)
    near = [engine.indexes.search(gallery.key, voice.probe, NEAREST) for voice in voices]
    keys = sorted({key for one in near for key in one.keys}) if wanted is None else wanted
    with engine.read() as db:
        found = speakers.with_voice(db, gallery.key, keys, engine.encoder.dim)
    size = max((one.size for one in near), default=0) if wanted is None else len(found)
    return _Known(found, max(size, len(found)))


def _judged(
    engine: Engine, gallery: GalleryRow, voices: Sequence[Cluster], known: _Known, top_k: int
) -> list[RecordedVoice]:
    calibration = calibrations.used(engine, gallery)
    cosines = cosine(np.stack([voice.probe for voice in voices]), scores.embeddings(known.found))
    llrs = calibration.llr(cosines)
    threshold = scores.threshold(engine, gallery, calibration, known.size, scores.own_strangers(engine, gallery))
    margin = engine.policy.ambiguous_margin_llr
    dealt = exclusive(llrs, np.full(llrs.shape, threshold.llr), margin)
    likely = exclusive_probabilities(llrs, threshold.llr, margin, [one.column for one in dealt])
    return [
        _answer(voice, named, _candidates(known, cosines[row], llrs[row], likely[row]), threshold, top_k)
        for row, (voice, named) in enumerate(zip(voices, dealt, strict=True))
    ]


def _candidates(known: _Known, cosines: FloatArray, llrs: Llrs, likely: Llrs) -> list[Candidate]:
    """In the order of `known.found`."""
    return [
        Candidate(_ref(one), float(score), float(llr), float(probability))
        for one, score, llr, probability in zip(known.found, cosines, llrs, likely, strict=True)
    ]


def _answer(
    voice: Cluster, named: Named, candidates: list[Candidate], threshold: Threshold, top_k: int
) -> RecordedVoice:
    ranked = sorted(candidates, key=lambda one: -one.llr)
    got = None if named.column is None else candidates[named.column]
    chosen = got if named.decision == "accept" else None
    return RecordedVoice(
        voice="",
        decision=named.decision,
        speaker=chosen.speaker if chosen else None,
        candidates=tuple(one for nth, one in enumerate(ranked) if nth < top_k or one is chosen),
        margin=ranked[0].llr - ranked[1].llr if len(ranked) > 1 else None,
        threshold=threshold,
        speech=voice.speech,
        channel=voice.channel,
        reason=_reason(named, (got or ranked[0]).llr, threshold.llr),
    )


def _unjudged(voice: Cluster, gallery: GalleryRow) -> RecordedVoice:
    short = voice.speech.seconds < gallery.min_speech_s
    reason = f"Found {voice.speech.seconds:.2f} s of this voice; {gallery.min_speech_s:.2f} s are needed."
    return RecordedVoice(
        voice="",
        decision="not_enough_speech" if short else "no_speakers",
        speaker=None,
        candidates=(),
        margin=None,
        threshold=None,
        speech=voice.speech,
        channel=voice.channel,
        reason=reason if short else "Nobody is enrolled in this gallery.",
    )


def _reason(named: Named, llr: float, limit: float) -> str:
    if named.decision == "accept":
        return f"The llr, {llr:.1f}, reaches the threshold of {limit:.1f}."
    if named.decision == "ambiguous":
        return f"Two speakers reach the threshold of {limit:.1f} and are too close to call."
    if named.taken:
        return "The name it resembles went to a voice of the recording that fits it better."
    return f"The best llr, {llr:.1f}, stays below the threshold of {limit:.1f}."


def _ref(one: Voiceprint) -> SpeakerRef:
    return SpeakerRef(one.row.id, one.row.name)
