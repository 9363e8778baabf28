"""What an audit found, in words: each finding with its figures and what would repair it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerid.audit.health import Health
from speakerid.audit.leave_one_out import Indices
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.scoring.coach import CLIPPED_RATIO, NOISY_SNR_DB
from speakerid.types import Finding, FindingFigures, FindingReason, SpeakerRef, Speech, Suggestion

SHORT_S = 1.5  # below it encoders err about twice as often as at 3 s
MIN_UTTERANCES = 2  # a single one cannot be checked


@dataclass(frozen=True)
class Examined:
    gallery: GalleryRow
    silent: tuple[SpeakerRow, ...]  # speakers without an utterance
    speakers: tuple[SpeakerRow, ...]  # the others, and those who are only compared with; by place in `health`
    utterances: tuple[UtteranceRow, ...]
    places: Indices  # (utterances,) of the speaker of each
    health: Health
    speech_s: tuple[float, ...]  # of each of `speakers`

    def speaker_of(self, utterance: int) -> SpeakerRef:
        return _ref(self.speakers[self.places[utterance]])


def every(examined: Examined) -> Iterator[Finding]:
    """Worst first."""
    yield from _mislabeled(examined)
    yield from _mismatched_pairs(examined)
    yield from _duplicates(examined)
    yield from _junk(examined)
    yield from _weak(examined)


def poor(utterance: UtteranceRow) -> tuple[FindingReason, ...]:
    """Why the audio alone may be to blame for not fitting anybody."""
    found: dict[FindingReason, bool] = {
        "short": utterance.speech_s < SHORT_S,
        "noisy": utterance.snr_db is not None and utterance.snr_db < NOISY_SNR_DB,
        "clipped": utterance.clipping_ratio > CLIPPED_RATIO,
    }
    return tuple(word for word, applies in found.items() if applies)


def speech_of(utterance: UtteranceRow) -> Speech:
    return Speech(utterance.speech_s, utterance.snr_db, utterance.clipping_ratio, utterance.bandwidth_hz)


def _mislabeled(examined: Examined) -> Iterator[Finding]:
    health, labels = examined.health, examined.health.labels
    wrong = np.flatnonzero(health.moves | health.strays)
    for i in wrong[np.argsort(labels.right[wrong], kind="stable")].tolist():
        speaker, utterance_id = examined.speaker_of(i), examined.utterances[i].id
        other = _ref(examined.speakers[labels.other[i]]) if health.moves[i] else None
        own = f"(llr {labels.own_llr[i]:.1f})"
        if other:
            says = f"sounds like {other.name} (llr {labels.other_llr[i]:.1f}) and not like its speaker {own}."
            suggestion = Suggestion("move_utterance", speaker.id, utterance_id, other.id)
        else:
            says = f"fits neither its speaker {own} nor anybody else of the gallery."
            suggestion = Suggestion("delete_utterance", speaker.id, utterance_id)
        yield Finding(
            kind="mislabeled",
            speaker=speaker,
            sentence=f"Utterance {utterance_id} of {speaker.name} {says}",
            suggestion=suggestion,
            figures=_figures(examined, i, probability=float(1.0 - labels.right[i])),
            other=other,
            utterances=(utterance_id,),
        )


def _mismatched_pairs(examined: Examined) -> Iterator[Finding]:
    labels, rows = examined.health.labels, np.flatnonzero(examined.health.mismatched)
    by_speaker = rows[np.argsort(examined.places[rows], kind="stable")]
    for first, second in by_speaker.reshape(-1, 2).tolist():
        speaker, llr = examined.speaker_of(first), float(labels.own_llr[first])
        yield Finding(
            kind="mismatched_pair",
            speaker=speaker,
            sentence=f"One of the two utterances of {speaker.name} is somebody else's (llr {llr:.1f} against each "
            "other). A third recording will tell which.",
            suggestion=Suggestion("enroll_more", speaker.id),
            figures=FindingFigures(probability=float(1.0 - labels.both_right[first]), own_llr=llr),
            utterances=(examined.utterances[first].id, examined.utterances[second].id),
        )


def _duplicates(examined: Examined) -> Iterator[Finding]:
    found, speech_s = examined.health.duplicates, examined.speech_s
    here = np.unique(examined.places)
    for first, second, llr, likeness in zip(found.first, found.second, found.llr, found.likeness, strict=True):
        if first not in here:  # it is told with the page of the first
            continue
        keep, merged = (first, second) if speech_s[first] >= speech_s[second] else (second, first)
        speaker, other = _ref(examined.speakers[merged]), _ref(examined.speakers[keep])
        yield Finding(
            kind="duplicate_speakers",
            speaker=speaker,
            sentence=f"{speaker.name} and {other.name} seem to be one voice under two names (mean llr {llr:.1f}).",
            suggestion=Suggestion("merge_speakers", speaker.id, to=other.id),
            figures=FindingFigures(other_llr=float(llr), likeness=_finite(likeness)),
            other=other,
        )


def _junk(examined: Examined) -> Iterator[Finding]:
    for i in np.flatnonzero(examined.health.junk).tolist():
        utterance, speaker = examined.utterances[i], examined.speaker_of(i)
        reasons = poor(utterance)
        yield Finding(
            kind="junk",
            speaker=speaker,
            sentence=f"Utterance {utterance.id} of {speaker.name} is {' and '.join(reasons)} and fits nobody.",
            suggestion=Suggestion("delete_utterance", speaker.id, utterance.id),
            figures=_figures(examined, i),
            utterances=(utterance.id,),
            reasons=reasons,
        )


def _weak(examined: Examined) -> Iterator[Finding]:
    counts = np.bincount(examined.places, minlength=len(examined.speakers))
    cohesion, speech = examined.health.cohesion, examined.speech_s
    for place in np.flatnonzero(counts).tolist():
        row, count = examined.speakers[place], int(counts[place])
        yield from _weakness(examined.gallery, row, count, speech[place], _finite(cohesion[place]))
    for row in examined.silent:
        yield from _weakness(examined.gallery, row, 0, 0.0, None)


def _weakness(
    gallery: GalleryRow, row: SpeakerRow, count: int, speech_s: float, cohesion: float | None
) -> Iterator[Finding]:
    found: dict[FindingReason, str] = {}
    if speech_s < gallery.enroll_speech_s:
        found["too_little_speech"] = f"{speech_s:.1f} s of speech where {gallery.enroll_speech_s:g} s are wanted"
    if count < MIN_UTTERANCES:
        found["too_few_utterances"] = f"too few utterances ({count}) to check one against another"
    if cohesion is not None and cohesion < 0.0:
        found["low_cohesion"] = f"utterances that do not match each other (mean llr {cohesion:.1f})"
    if found:
        yield Finding(
            kind="weak_voiceprint",
            speaker=_ref(row),
            sentence=f"{row.name} has a weak voiceprint: {', '.join(found.values())}.",
            suggestion=Suggestion("enroll_more", row.id),
            figures=FindingFigures(cohesion_llr=cohesion, utterances=count, speech_seconds=round(speech_s, 2)),
            reasons=tuple(found),
        )


def _figures(examined: Examined, utterance: int, probability: float | None = None) -> FindingFigures:
    row, labels = examined.utterances[utterance], examined.health.labels
    return FindingFigures(
        probability=probability,
        own_llr=_finite(labels.own_llr[utterance]),
        other_llr=_finite(labels.other_llr[utterance]),
        speech=speech_of(row),
    )


def _ref(row: SpeakerRow) -> SpeakerRef:
    return SpeakerRef(row.id, row.name)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
