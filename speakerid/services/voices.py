"""Names for the voices of a recording: judged like probes, each name once; the others are `unknown_1`, `unknown_2`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from speakerid.db.models import GalleryRow
from speakerid.db.repositories import speakers
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.diarization.naming import Named, exclusive
from speakerid.scoring.decision import posterior
from speakerid.scoring.scorer import Compared
from speakerid.scoring.sides import Side
from speakerid.services import calibrations, scores
from speakerid.services.engine import Engine
from speakerid.services.identify import comparable
from speakerid.timeline import RecordedVoice
from speakerid.types import Candidate, FloatArray, SpeakerRef, Speech, Threshold

NEAREST = 16  # speakers searched for each voice


@dataclass(frozen=True)
class Unnamed:
    """One voice of a recording; `probe (dim,)` is its embedding."""

    channel: int | None
    speech: Speech
    probe: FloatArray


@dataclass(frozen=True)
class _Known:
    """Whom the voices are compared with: the nearest, `found`, of `size`."""

    found: list[Voiceprint]
    size: int


def name_voices(
    engine: Engine, gallery: GalleryRow, voices: Sequence[Unnamed], wanted: Sequence[int] | None, top_k: int
) -> list[RecordedVoice]:
    """`voices` in order of first appearance; `wanted`: keys of the only speakers who may be named, None for all.

    Raises EncoderMismatch, CalibrationMissing.
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


def voiceprints(engine: Engine, gallery: GalleryRow, voices: Sequence[RecordedVoice]) -> dict[str, Side]:
    """By speaker's id, one row each: the voiceprints after which `voices` were named."""
    with engine.read() as db:
        keys = speakers.keys(db, gallery.key, [one.speaker.id for one in voices if one.speaker])
        found = speakers.with_voice(db, gallery.key, keys, engine.encoder.dim)
    return {one.row.id: scores.enrolled([one]) for one in found}


def _known(engine: Engine, gallery: GalleryRow, voices: Sequence[Unnamed], wanted: Sequence[int] | None) -> _Known:
    if not comparable(engine, gallery):
        return _Known([], 0)
    near = [engine.indexes.search(gallery.key, voice.probe, NEAREST) for voice in voices]
    keys = sorted({key for one in near for key in one.keys}) if wanted is None else wanted
    with engine.read() as db:
        found = speakers.with_voice(db, gallery.key, keys, engine.encoder.dim)
    size = max((one.size for one in near), default=0) if wanted is None else len(found)
    return _Known(found, max(size, len(found)))


def _judged(
    engine: Engine, gallery: GalleryRow, voices: Sequence[Unnamed], known: _Known, top_k: int
) -> list[RecordedVoice]:
    probes = Side.of(np.stack([voice.probe for voice in voices]), [voice.speech for voice in voices])
    scorer = calibrations.scorer(engine, gallery)
    pairs = scorer.compare(probes, scores.enrolled(known.found))
    limits = [
        [scores.threshold(scorer, gallery, pairs[v : v + 1, n : n + 1], known.size) for n in range(len(known.found))]
        for v in range(len(voices))
    ]
    thresholds = np.array([[one.llr for one in row] for row in limits])
    dealt = exclusive(pairs.llrs, thresholds, engine.policy.ambiguous_margin_llr)
    return [
        _answer(engine, voice, named, pairs[row : row + 1, :], limits[row], known, top_k)
        for row, (voice, named) in enumerate(zip(voices, dealt, strict=True))
    ]


def _answer(
    engine: Engine, voice: Unnamed, named: Named, pairs: Compared, limits: list[Threshold], known: _Known, top_k: int
) -> RecordedVoice:
    llrs = pairs.llrs[0]
    order = np.argsort(-llrs, kind="stable")
    probabilities = posterior(llrs, engine.policy.prior, known.size)
    candidates = [
        Candidate(_ref(known.found[i]), float(pairs.cosines[0, i]), float(llrs[i]), float(probabilities[i]))
        for i in order
    ]
    judged = int(order[0]) if named.column is None else named.column
    return RecordedVoice(
        voice="",
        decision=named.decision,
        speaker=None if named.column is None else _ref(known.found[named.column]),
        candidates=tuple(one for nth, one in enumerate(candidates) if nth < top_k or order[nth] == named.column),
        margin=candidates[0].llr - candidates[1].llr if len(candidates) > 1 else None,
        threshold=limits[judged],
        speech=voice.speech,
        channel=voice.channel,
        reason=_reason(named, float(llrs[judged]), limits[judged].llr),
    )


def _unjudged(voice: Unnamed, gallery: GalleryRow) -> RecordedVoice:
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
