"""Is a gallery in order? Every enrollment utterance against its own speaker without it, and against all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speakerid.audit.health import Health, examine
from speakerid.audit.leave_one_out import Indices, Labeled
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries, speakers, utterances, voiceprints
from speakerid.db.repositories.voiceprints import Voiceprint, Who
from speakerid.scoring.coach import CLIPPED_RATIO, NOISY_SNR_DB
from speakerid.services import judge, validation
from speakerid.services.engine import Engine
from speakerid.types import Audit, Finding, FindingFigures, FindingReason, SpeakerRef, Speech, Suggestion

# Utterances of one answer times speakers of the gallery: 10,000 utterances of 4,000 speakers. Larger galleries are
# audited page by page, each page's utterances against all voiceprints.
MOST_COMPARISONS = 40_000_000
KEYS_AT_ONCE = 10_000  # named in one statement
SHORT_S = 1.5  # below it encoders err about twice as often as at 3 s
MIN_UTTERANCES = 2  # a single one cannot be checked


@dataclass(frozen=True)
class _Page:
    """`whole (n,)` are the speakers of this page, with their `utterances`; `others` stand as voiceprints."""

    speakers: int  # of the gallery
    whole: tuple[SpeakerRow, ...]
    others: tuple[Voiceprint, ...]
    utterances: tuple[UtteranceRow, ...]
    next_cursor: str | None


def audit(engine: Engine, gallery: GalleryRow, cursor: str | None = None) -> Audit:
    """Changes nothing. `cursor`: the `next_cursor` of the page before, in a gallery too large for one answer.

    Raises GalleryNotFound, EncoderMismatch, InvalidRequest for another list's cursor.
    """
    cursor = validation.cursor(cursor, "spk")
    with engine.read() as db:
        gallery = galleries.get(db, gallery.name)
        page = _page(db, gallery, cursor)
    if page.utterances:
        judge.require_same_encoder(engine, gallery)
    voiced = {one.speaker_key for one in page.utterances}
    present = [one for one in page.whole if one.key in voiced] + [one.row for one in page.others]
    found = tuple(sorted(present, key=lambda one: one.key))  # in the same order on every page
    labeled = _labeled(gallery, page, found)
    only = np.array([one.key in voiced for one in found], np.bool_)
    doubtful = np.array([bool(_poor(one)) for one in page.utterances] + [False] * len(page.others), np.bool_)
    # Not the gallery's own calibration: that was fitted on the very labels in question.
    health = examine(labeled, doubtful, engine.calibration.compare, only=only)
    silent = tuple(one for one in page.whole if one.key not in voiced)
    speech_s = tuple(labeled.totals(labeled.seconds).tolist())
    examined = _Examined(
        gallery, silent, found, page.utterances, labeled.speakers[: len(page.utterances)], health, speech_s
    )
    return Audit(
        gallery=gallery.name,
        speakers=page.speakers,
        utterances=len(page.utterances),
        findings=tuple(_every(examined)),
        encoder=engine.encoder_label,
        calibration=judge.encoders_own(engine),
        next_cursor=page.next_cursor,
    )


def whole(engine: Engine, gallery: GalleryRow) -> Audit:
    """All pages in one. Raises as `audit` does."""
    found = audit(engine, gallery)
    while (cursor := found.next_cursor) is not None:
        more = audit(engine, gallery, cursor)
        found = replace(more, utterances=found.utterances + more.utterances, findings=found.findings + more.findings)
    return found


def _page(db: Handle, gallery: GalleryRow, cursor: str | None) -> _Page:
    """As many speakers behind `cursor`, by rising id, as may be compared at once; one at least."""
    everyone = sorted(speakers.every(db, gallery.key), key=lambda one: one.id)
    left = [one for one in everyone if cursor is None or one.id > cursor]
    counts = utterances.counts(db, gallery.key)
    compared = np.cumsum([counts.get(one.key, 0) for one in left]) * len(everyone)
    size = max(1, int(np.searchsorted(compared, MOST_COMPARISONS, side="right")))
    chosen = tuple(sorted(left[:size], key=lambda one: one.key))
    keys = {one.key for one in chosen}
    return _Page(
        speakers=len(everyone),
        whole=chosen,
        others=tuple(_voiceprints(db, gallery, [one.key for one in everyone if one.key not in keys])),
        utterances=tuple(utterances.of_speakers(db, gallery.key, sorted(keys))),
        next_cursor=left[size - 1].id if size < len(left) else None,
    )


def _labeled(gallery: GalleryRow, page: _Page, found: Sequence[Who]) -> Labeled:
    places = {one.key: place for place, one in enumerate(found)}
    embeddings = [one.embedding for one in page.utterances] + [one.embedding for one in page.others]
    seconds = [one.speech_s for one in page.utterances] + [one.speech_s for one in page.others]
    whose = [one.speaker_key for one in page.utterances] + [one.row.key for one in page.others]
    return Labeled(
        np.stack(embeddings) if embeddings else np.zeros((0, 1), np.float32),
        speakers=np.array([places[key] for key in whose], np.int64),
        seconds=np.array(seconds, np.float64),
        combining=gallery.combining,
    )


def _voiceprints(db: Handle, gallery: GalleryRow, keys: Sequence[int]) -> Iterator[Voiceprint]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield from voiceprints.with_voice(db, gallery.key, keys[start : start + KEYS_AT_ONCE])


@dataclass(frozen=True)
class _Examined:
    gallery: GalleryRow
    silent: tuple[SpeakerRow, ...]  # speakers without an utterance
    speakers: tuple[Who, ...]  # the others, and those who are only compared with; by place in `health`
    utterances: tuple[UtteranceRow, ...]
    places: Indices  # (utterances,) of the speaker of each
    health: Health
    speech_s: tuple[float, ...]  # of each of `speakers`

    def speaker_of(self, utterance: int) -> SpeakerRef:
        return _ref(self.speakers[self.places[utterance]])


def _every(examined: _Examined) -> Iterator[Finding]:
    """Worst first."""
    yield from _mislabeled(examined)
    yield from _mismatched_pairs(examined)
    yield from _duplicates(examined)
    yield from _junk(examined)
    yield from _weak(examined)


def _poor(utterance: UtteranceRow) -> tuple[FindingReason, ...]:
    """Why the audio alone may be to blame for fitting no speaker."""
    found: dict[FindingReason, bool] = {
        "short": utterance.speech_s < SHORT_S,
        "noisy": utterance.snr_db is not None and utterance.snr_db < NOISY_SNR_DB,
        "clipped": utterance.clipping_ratio > CLIPPED_RATIO,
    }
    return tuple(word for word, applies in found.items() if applies)


def _speech_of(utterance: UtteranceRow) -> Speech:
    return Speech(utterance.speech_s, utterance.snr_db, utterance.clipping_ratio, utterance.bandwidth_hz)


def _mislabeled(examined: _Examined) -> Iterator[Finding]:
    health, labels = examined.health, examined.health.labels
    wrong = np.flatnonzero(health.moves | health.strays)
    for i in wrong[np.argsort(labels.right[wrong], kind="stable")].tolist():
        speaker, utterance_id = examined.speaker_of(i), examined.utterances[i].id
        other = _ref(examined.speakers[labels.other[i]]) if health.moves[i] else None
        own = f"(llr {labels.own_llr[i]:.1f})"
        if other:
            verdict = f"sounds like {other.name} (llr {labels.other_llr[i]:.1f}) and not like its speaker {own}."
            suggestion = Suggestion("move_utterance", speaker.id, utterance_id, other.id)
        else:
            verdict = f"fits neither its speaker {own} nor anybody else of the gallery."
            suggestion = Suggestion("delete_utterance", speaker.id, utterance_id)
        yield Finding(
            kind="mislabeled",
            speaker=speaker,
            sentence=f"Utterance {utterance_id} of {speaker.name} {verdict}",
            suggestion=suggestion,
            figures=_figures(examined, i, probability=float(1.0 - labels.right[i])),
            other=other,
            utterances=(utterance_id,),
        )


def _mismatched_pairs(examined: _Examined) -> Iterator[Finding]:
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


def _duplicates(examined: _Examined) -> Iterator[Finding]:
    found, speech_s = examined.health.duplicates, examined.speech_s
    here = np.unique(examined.places)
    for first, second, llr, likeness in zip(found.first, found.second, found.llr, found.likeness, strict=True):
        if first not in here:  # it is on the page of the first
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


def _junk(examined: _Examined) -> Iterator[Finding]:
    for i in np.flatnonzero(examined.health.junk).tolist():
        utterance, speaker = examined.utterances[i], examined.speaker_of(i)
        reasons = _poor(utterance)
        yield Finding(
            kind="junk",
            speaker=speaker,
            sentence=f"Utterance {utterance.id} of {speaker.name} is {' and '.join(reasons)} and fits nobody.",
            suggestion=Suggestion("delete_utterance", speaker.id, utterance.id),
            figures=_figures(examined, i),
            utterances=(utterance.id,),
            reasons=reasons,
        )


def _weak(examined: _Examined) -> Iterator[Finding]:
    counts = np.bincount(examined.places, minlength=len(examined.speakers))
    cohesion, speech = examined.health.cohesion, examined.speech_s
    for place in np.flatnonzero(counts).tolist():
        row, count = examined.speakers[place], int(counts[place])
        yield from _weakness(examined.gallery, row, count, speech[place], _finite(cohesion[place]))
    for row in examined.silent:
        yield from _weakness(examined.gallery, row, 0, 0.0, None)


def _weakness(gallery: GalleryRow, row: Who, count: int, speech_s: float, cohesion: float | None) -> Iterator[Finding]:
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


def _figures(examined: _Examined, utterance: int, probability: float | None = None) -> FindingFigures:
    row, labels = examined.utterances[utterance], examined.health.labels
    return FindingFigures(
        probability=probability,
        own_llr=_finite(labels.own_llr[utterance]),
        other_llr=_finite(labels.other_llr[utterance]),
        speech=_speech_of(row),
    )


def _ref(row: Who) -> SpeakerRef:
    return SpeakerRef(row.id, row.name)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
