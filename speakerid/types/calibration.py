"""What a calibration of a gallery measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval over resampled speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GalleryOperatingPoint:
    """What one `target_fpir` comes to in this gallery, at its size."""

    target_fpir: float
    threshold_llr: float
    fnir: Estimate  # share of the enrolled speakers' utterances that are not named
    fpir: Estimate  # share of strangers that are given a name


@dataclass(frozen=True)
class MeasuredCalibration:
    """One calibration on utterances of speakers that it was not fitted on."""

    cllr: Estimate  # bits lost: 0 for an oracle, 1 for no information
    points: tuple[GalleryOperatingPoint, ...]  # by rising target_fpir


@dataclass(frozen=True)
class Histogram:
    """How the llrs are spread. Outer bins hold what lies beyond."""

    edges: tuple[float, ...]  # one more than bins
    targets: tuple[int, ...]
    nontargets: tuple[int, ...]


@dataclass(frozen=True)
class CurveStep:
    """llrs from `low` to `high` meant `observed`: the llr that counting same and different speakers gives."""

    low: float
    high: float
    observed: float


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration fitted on a gallery's own enrollment utterances, beside the default one."""

    gallery: str
    stored: bool  # whether the gallery uses it from now on
    target_fpir: float  # of the gallery
    speakers: int  # whose utterances were compared
    utterances: int
    targets: int  # comparisons of an utterance with its own speaker's voiceprint without it
    nontargets: int  # with other speakers' voiceprints
    min_cllr: float  # Cllr of the best calibration there could be
    default: MeasuredCalibration
    fitted: MeasuredCalibration
    histogram: Histogram  # of the fitted calibration
    curve: tuple[CurveStep, ...]  # of the fitted calibration
    encoder: str
    reason: str  # one sentence for a person
