"""One judgement for identify, verify, recordings and kept unknowns: embeddings against voiceprints of a gallery.

Cosines become llrs by the calibration fitted on the gallery, while that fits, or else by the encoder's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speakerid.db.models import GalleryRow, UnknownVoiceRow
from speakerid.db.repositories import galleries, speakers, voiceprints
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.diarization.naming import Named, exclusive
from speakerid.encoders.base import label_of
from speakerid.errors import EncoderMismatch
from speakerid.scoring.calibration import Calibration, OwnStrangers
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import decide, even_odds_llr, exclusive_probabilities
from speakerid.services.engine import Engine
from speakerid.types import (
    CalibrationSource,
    Candidate,
    Combining,
    Decision,
    FloatArray,
    GalleryCalibration,
    SpeakerRef,
    Threshold,
)

OTHER_ENCODER = "It was fitted for another encoder. Calibrate again."
OTHER_COMBINING = "It was fitted while utterances were combined otherwise. Calibrate again."
UNREADABLE = "It cannot be read, or is one of an earlier version. Calibrate again."
DEEPER = 8  # times as many neighbors are looked at, while too few of them are wanted
GALLERIES = 1024  # whose calibration is kept parsed


@dataclass(frozen=True)
class Judgement:
    """The decision on one probe. `chosen` is the speaker it is, or with "ambiguous" the better one of two."""

    decision: Decision
    reason: str
    candidates: tuple[Candidate, ...] = ()  # best first
    chosen: Candidate | None = None
    threshold: Threshold | None = None  # None where there was nothing to compare

    @property
    def speaker(self) -> SpeakerRef | None:
        return self.chosen.speaker if self.chosen and self.decision == "accept" else None

    @property
    def margin(self) -> float | None:
        """llr of the best minus llr of the second candidate."""
        return self.candidates[0].llr - self.candidates[1].llr if len(self.candidates) > 1 else None


NO_SPEAKERS = Judgement("no_speakers", "Nobody who may be named is enrolled in this gallery.")
JUDGED_EACH = 1_000  # of so many speakers each is judged, whoever is nearest


@dataclass(frozen=True)
class GalleryScores:
    """`cosines` and `llrs (p, n)` of p probes against n voiceprints, and the llr that a name needs."""

    cosines: FloatArray
    llrs: NDArray[np.float64]
    threshold: Threshold


def nearest(engine: Engine, gallery: GalleryRow, probes: Sequence[FloatArray], k: int) -> tuple[list[Voiceprint], int]:
    """The voiceprints that are among the `k` nearest to a probe, as SQL has them now, and of how many they are.

    Empty for a gallery without voiceprints. Raises EncoderMismatch.
    """
    if not comparable(engine, gallery):
        return [], 0
    found, missing, size = _near(engine, gallery, probes, k)
    if missing and k < size:
        with engine.read() as db:
            expired = speakers.count_expired(db, gallery.key)
        if expired:  # they are in the index, and nobody may be crowded out by them
            found, _, size = _near(engine, gallery, probes, k + expired)
    return found, size


def _near(
    engine: Engine, gallery: GalleryRow, probes: Sequence[FloatArray], k: int
) -> tuple[list[Voiceprint], int, int]:
    """The voiceprints, how many more the index named, and of how many."""
    with engine.traces.step("search"):
        near = [engine.indexes.search(gallery.key, probe, k) for probe in probes]
    keys = sorted({key for one in near for key in one.keys})
    found = engine.indexes.recognized(gallery.key, keys) if keys else []
    return found, len(keys) - len(found), max((one.size for one in near), default=0)


def among(
    engine: Engine, gallery: GalleryRow, keys: Sequence[int], probes: Sequence[FloatArray], k: int
) -> tuple[list[Voiceprint], int]:
    """The same of these speakers alone. Of few each is compared, whoever is nearest. Raises EncoderMismatch."""
    if not comparable(engine, gallery):
        return [], 0
    if len(keys) <= JUDGED_EACH:
        found = _read(engine, gallery, keys)
        return found, len(found)
    with engine.read() as db:
        wanted = voiceprints.recognizable(db, gallery.key, keys)  # no one is crowded out by one who may not be named
    return _read(engine, gallery, _nearest_of(engine, gallery, wanted, probes, k)), len(wanted)


def _read(engine: Engine, gallery: GalleryRow, keys: Sequence[int]) -> list[Voiceprint]:
    with engine.read() as db:
        return voiceprints.with_voice(db, gallery.key, keys, engine.encoder.dim)


def _nearest_of(
    engine: Engine, gallery: GalleryRow, wanted: set[int], probes: Sequence[FloatArray], k: int
) -> list[int]:
    """Keys of the `k` of `wanted` that are nearest to each probe; more where the index gives more."""
    found = set[int]()
    for probe in probes:
        asked, some, size = k, set[int](), math.inf
        while len(some) < k and asked < DEEPER * size:
            near = engine.indexes.search(gallery.key, probe, asked)
            some, size, asked = wanted & set(near.keys), near.size, DEEPER * asked
        found |= some
    return sorted(found)


def judge(
    engine: Engine, gallery: GalleryRow, probes: Sequence[FloatArray], found: Sequence[Voiceprint], compared: int
) -> list[Judgement]:
    """Decide on each probe `(dim,)`: different people, of whom no two get one name.

    `found` are the voiceprints to score, of the `compared` ones that the threshold is for. Reads the store: never
    inside a write transaction. Raises EncoderMismatch where the gallery changed its encoder meanwhile.
    """
    own = engine.own_strangers(gallery.key) if found and probes else None
    require_unchanged(engine, gallery)  # after all that was read of it
    if not found or not probes:
        return [NO_SPEAKERS] * len(probes)
    with engine.traces.step("decide"):
        margin = engine.policy.ambiguous_margin_llr
        scored = score(engine, gallery, np.stack(probes), np.stack([one.embedding for one in found]), compared, own)
        named = _named(scored, margin)
        likely = exclusive_probabilities(scored.llrs, scored.threshold.llr, margin, [one.column for one in named])
        rows = zip(named, scored.cosines, scored.llrs, likely, strict=True)
        return [_judgement(one, _candidates(found, *figures), scored.threshold) for one, *figures in rows]


def score(
    engine: Engine,
    gallery: GalleryRow,
    probes: FloatArray,
    enrolled: FloatArray,
    compared: int,
    own: OwnStrangers | None,
) -> GalleryScores:
    """Of `probes (p, dim)` against voiceprints `enrolled (n, dim)`; `own`: how strangers score in the gallery."""
    calibration, cosines = used(engine, gallery), cosine(probes, enrolled)
    return GalleryScores(cosines, calibration.llr(cosines), threshold(engine, gallery, calibration, compared, own))


def threshold(
    engine: Engine, gallery: GalleryRow, calibration: Calibration, compared: int, own: OwnStrangers | None
) -> Threshold:
    """The llr to reach so that a stranger, compared with `compared` speakers, is named with chance target_fpir.

    `calibration` is the gallery's own or its encoder's; what strangers score, the gallery's speakers teach anyway.
    """
    llr = calibration.llr_of(engine.calibration.strangers.taught(own, compared, gallery.target_fpir))
    least = even_odds_llr(engine.policy.prior)
    if llr < least:
        return Threshold(least, "even odds: target_fpir alone would accept less")
    taught = ", its own strangers' scores" if own else ""
    return Threshold(llr, f"target_fpir={gallery.target_fpir:g}, gallery of {compared}{taught}")


def _named(scored: GalleryScores, margin: float) -> list[Named]:
    """A single probe has no rivals for a name, so nothing has to be dealt out."""
    llrs, limit = scored.llrs, scored.threshold.llr
    if len(llrs) > 1:
        return exclusive(llrs, np.full(llrs.shape, limit), margin)
    decision = decide(sorted(llrs[0].tolist(), reverse=True), limit, margin)
    return [Named(decision, None if decision == "unknown" else int(llrs[0].argmax()))]


def _candidates(
    found: Sequence[Voiceprint], cosines: FloatArray, llrs: NDArray[np.float64], likely: NDArray[np.float64]
) -> list[Candidate]:
    """In the order of `found`, each of the others `(n,)`."""
    return [
        Candidate(SpeakerRef(one.row.id, one.row.name), float(score), float(llr), float(probability))
        for one, score, llr, probability in zip(found, cosines, llrs, likely, strict=True)
    ]


def _judgement(named: Named, candidates: list[Candidate], threshold: Threshold) -> Judgement:
    ranked = tuple(sorted(candidates, key=lambda one: -one.llr))
    chosen = None if named.column is None else candidates[named.column]
    return Judgement(named.decision, _reason(named, ranked, chosen, threshold.llr), ranked, chosen, threshold)


def _reason(named: Named, ranked: Sequence[Candidate], chosen: Candidate | None, limit: float) -> str:
    if named.decision == "ambiguous":
        return f"Two speakers reach the threshold of {limit:.1f} and are too close to call."
    if named.taken:
        return "The name it resembles went to a voice of the recording that fits it better."
    best = chosen or ranked[0]
    which = "best llr" if best is ranked[0] and len(ranked) > 1 else "llr"
    digits = 1 if f"{best.llr:.1f}" != f"{limit:.1f}" else 3  # "3.5 stays below 3.5" would make no sense
    verb = "reaches" if chosen else "stays below"
    return f"The {which}, {best.llr:.{digits}f}, {verb} the threshold of {limit:.{digits}f}."


def comparable(engine: Engine, gallery: GalleryRow) -> bool:
    """False for a gallery of another encoder that has no voiceprint. Raises EncoderMismatch where it has one."""
    if gallery.encoder_fingerprint == engine.encoder.fingerprint:
        return True
    with engine.read() as db:
        if not voiceprints.count_voiceprints(db, gallery.key):
            return False
        now = galleries.get(db, gallery.name)
    require_same_encoder(engine, now)
    return True


def require_unchanged(engine: Engine, gallery: GalleryRow) -> None:
    """Raises EncoderMismatch for a `gallery` that was the running encoder's and is another's now.

    Asked after its voiceprints were read, it says that all of them were the running encoder's.
    """
    if gallery.encoder_fingerprint != engine.encoder.fingerprint:
        return
    made_with = engine.database.remembered(("encoder", gallery.key), lambda db: voiceprints.encoder_of(db, gallery.key))
    if made_with in (engine.encoder.fingerprint, None):
        return
    with engine.read() as db:
        now = galleries.get(db, gallery.name)
    require_same_encoder(engine, now)


def require_same_encoder(engine: Engine, gallery: GalleryRow, unknown: UnknownVoiceRow | None = None) -> None:
    """Of the embeddings in the gallery, or of an `unknown` speaker's. Raises EncoderMismatch."""
    row = unknown or gallery
    if row.encoder_fingerprint != engine.encoder.fingerprint:
        made_with = label_of(row.encoder_name, row.encoder_fingerprint)
        raise EncoderMismatch(gallery.name, made_with, engine.encoder_label, unknown.id if unknown else None)


@dataclass(frozen=True)
class StoredCalibration:
    """As kept in a gallery's row."""

    slope: float
    intercept: float
    fingerprint: str  # of the encoder
    combining: Combining  # of the utterances into the voiceprints it was fitted on
    speakers: int
    targets: int
    nontargets: int
    fitted_at: datetime

    def to_row(self) -> dict[str, Any]:
        return asdict(self) | {"fitted_at": self.fitted_at.isoformat()}

    @classmethod
    def from_row(cls, fields: dict[str, Any]) -> Self:
        """Raises `KeyError`, `TypeError` or `ValueError` for anything that `to_row` did not make."""
        found = cls(**fields | {"fitted_at": datetime.fromisoformat(fields["fitted_at"])})
        if not 0.0 < found.slope < math.inf or not math.isfinite(found.intercept):
            raise ValueError("no calibration has this slope and intercept")
        return found


def used(engine: Engine, gallery: GalleryRow) -> Calibration:
    stored = _stored(gallery)
    if stored is None or _unused(engine, gallery, stored) is not None:
        return engine.calibration
    return replace(engine.calibration, slope=stored.slope, intercept=stored.intercept)


def source(engine: Engine, gallery: GalleryRow) -> CalibrationSource:
    """Of the calibration that is used."""
    stored = _stored(gallery)
    return "gallery" if stored and _unused(engine, gallery, stored) is None else encoders_own(engine)


def encoders_own(engine: Engine) -> CalibrationSource:
    """Where it comes from when a gallery has none."""
    return "generic" if engine.calibration.is_generic else "default"


def described(engine: Engine, gallery: GalleryRow) -> GalleryCalibration:
    """For the gallery's own answer."""
    stored = _stored(gallery)
    if stored is None:
        return GalleryCalibration(encoders_own(engine), unused=UNREADABLE if is_unreadable(gallery) else None)
    return GalleryCalibration(
        source=source(engine, gallery),
        fitted_at=stored.fitted_at,
        speakers=stored.speakers,
        targets=stored.targets,
        nontargets=stored.nontargets,
        unused=_unused(engine, gallery, stored),
    )


def is_unreadable(gallery: GalleryRow) -> bool:
    """Whether the gallery has a calibration of its own that is none."""
    return gallery.calibration is not None and _stored(gallery) is None


def _stored(gallery: GalleryRow) -> StoredCalibration | None:
    """None where there is none, or none that can be read."""
    try:
        return None if gallery.calibration is None else _parsed(tuple(gallery.calibration.items()))
    except TypeError:  # a list or an object among the values
        return None


@lru_cache(GALLERIES)
def _parsed(fields: tuple[tuple[str, Any], ...]) -> StoredCalibration | None:
    """Parsed once, and again when the row changes: what is kept goes by all that is in it."""
    try:
        return StoredCalibration.from_row(dict(fields))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _unused(engine: Engine, gallery: GalleryRow, stored: StoredCalibration) -> str | None:
    """Why the stored calibration is passed over; None when it is used."""
    if stored.fingerprint != engine.encoder.fingerprint:
        return OTHER_ENCODER
    return None if stored.combining == gallery.combining else OTHER_COMBINING
