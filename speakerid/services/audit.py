"""Is a gallery in order? Every enrollment utterance against its own speaker without it, and against all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speakerid.audit.health import examine
from speakerid.audit.leave_one_out import Labeled
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries, speakers, utterances
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.services import calibrations, findings, scores, validation
from speakerid.services.engine import Engine
from speakerid.services.findings import Examined, poor
from speakerid.types import Audit

# Utterances of one answer times speakers of the gallery: 10,000 utterances of 4,000 speakers. Larger galleries are
# audited page by page, each page's utterances against everybody's voiceprints.
MOST_COMPARISONS = 40_000_000
KEYS_AT_ONCE = 10_000  # named in one statement


@dataclass(frozen=True)
class _Page:
    """`whole (n,)` are the speakers of this page, with their `heard` utterances; `others` stand as voiceprints."""

    speakers: int  # of the gallery
    whole: tuple[SpeakerRow, ...]
    others: tuple[Voiceprint, ...]
    heard: tuple[UtteranceRow, ...]
    next_cursor: str | None


def audit(engine: Engine, gallery: GalleryRow, cursor: str | None = None) -> Audit:
    """Changes nothing. `cursor`: the `next_cursor` of the page before, in a gallery too large for one answer.

    Raises GalleryNotFound, EncoderMismatch, InvalidRequest for another list's cursor.
    """
    cursor = validation.cursor(cursor, "spk")
    with engine.read() as db:
        gallery = galleries.get(db, gallery.name)
        page = _page(db, gallery, cursor)
    if page.heard:
        scores.require_same_encoder(engine, gallery)
    voiced = {one.speaker_key for one in page.heard}
    present = [one for one in page.whole if one.key in voiced] + [one.row for one in page.others]
    found = tuple(sorted(present, key=lambda one: one.key))  # in the same order on every page
    labeled = _labeled(gallery, page, found)
    only = np.array([one.key in voiced for one in found], np.bool_)
    doubtful = np.array([bool(poor(one)) for one in page.heard] + [False] * len(page.others), np.bool_)
    # Not the gallery's own calibration: that was fitted on the very labels in question.
    health = examine(labeled, doubtful, engine.calibration.compare, only=only)
    silent = tuple(one for one in page.whole if one.key not in voiced)
    speech_s = tuple(labeled.totals(labeled.seconds).tolist())
    examined = Examined(gallery, silent, found, page.heard, labeled.speakers[: len(page.heard)], health, speech_s)
    return Audit(
        gallery=gallery.name,
        speakers=page.speakers,
        utterances=len(page.heard),
        findings=tuple(findings.every(examined)),
        encoder=engine.encoder_label,
        calibration=calibrations.encoders_own(engine),
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
    everybody = sorted(speakers.every(db, gallery.key), key=lambda one: one.id)
    left = [one for one in everybody if cursor is None or one.id > cursor]
    counts = utterances.counts(db, gallery.key)
    compared = np.cumsum([counts.get(one.key, 0) for one in left]) * len(everybody)
    size = max(1, int(np.searchsorted(compared, MOST_COMPARISONS, side="right")))
    chosen = tuple(sorted(left[:size], key=lambda one: one.key))
    keys = {one.key for one in chosen}
    return _Page(
        speakers=len(everybody),
        whole=chosen,
        others=tuple(_voiceprints(db, gallery, [one.key for one in everybody if one.key not in keys])),
        heard=tuple(utterances.of_speakers(db, gallery.key, sorted(keys))),
        next_cursor=left[size - 1].id if size < len(left) else None,
    )


def _labeled(gallery: GalleryRow, page: _Page, found: Sequence[SpeakerRow]) -> Labeled:
    places = {one.key: place for place, one in enumerate(found)}
    embeddings = [one.embedding for one in page.heard] + [one.embedding for one in page.others]
    seconds = [one.speech_s for one in page.heard] + [one.speech_s for one in page.others]
    whose = [one.speaker_key for one in page.heard] + [one.row.key for one in page.others]
    return Labeled(
        np.stack(embeddings) if embeddings else np.zeros((0, 1), np.float32),
        speakers=np.array([places[key] for key in whose], np.int64),
        seconds=np.array(seconds, np.float64),
        combining=gallery.combining,
    )


def _voiceprints(db: Handle, gallery: GalleryRow, keys: Sequence[int]) -> Iterator[Voiceprint]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield from speakers.with_voice(db, gallery.key, keys[start : start + KEYS_AT_ONCE])
