"""Train a classifier: features of every recording, a head that is chosen with speakers held out, its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ, DecodeLimits
from speakerid.classification.backbones import Backbone
from speakerid.classification.classifier import NO_LICENSE, ClassifierCard, TrainedClassifier
from speakerid.classification.fitting import Fit, HeldOut, Material, fit, spotting_threshold_of
from speakerid.classification.heads import SILENCE, UNKNOWN, softmax
from speakerid.classification.material import LabeledRecording, check_enough, held_out_together, speakers_apart
from speakerid.classification.training_digests import digests
from speakerid.errors import AudioError, FileMissing, MaterialUnusable
from speakerid.types import FloatArray

WINDOW_S = (0.5, 3.0)  # of a stream, shortest and longest
MOST_PIECES = 20  # of one recording
MAX_SECONDS = 30.0  # of a recording: a label is of all of it
Watch = Callable[[int, int], None]  # recordings done, of how many


@dataclass(frozen=True)
class Skipped:
    path: Path
    reason: str


@dataclass(frozen=True)
class ClassifierTraining:
    """`held_out` are answers to every recording by a head that did not know its speaker."""

    classifier: TrainedClassifier
    material: Material
    held_out: HeldOut
    waveforms: tuple[FloatArray, ...]  # behind the features of `material`, one each
    speakers: NDArray[np.str_]  # (recordings,): whose each is
    speakers_apart: bool  # otherwise recordings were held out, and others may be recognized worse
    strength: float
    skipped: tuple[Skipped, ...]


def train(
    name: str,
    material: Sequence[LabeledRecording],
    backbone: Backbone,
    *,
    watch: Watch = lambda done, of: None,
    few: bool = False,
    license: str = NO_LICENSE,
) -> ClassifierTraining:
    """Train on all of `material` that is not held out. Raises MaterialTooLittle, unless `few`, and MaterialUnusable."""
    used = [one for one in material if not one.held_out]
    if not few:
        check_enough(used)
    decoded, skipped = _decoded(used, watch)
    if not decoded:
        raise MaterialUnusable(f"None of the recordings can be read. The first: {skipped[0].reason}")
    window = window_samples(decoded)
    clips = [piece for one in decoded for piece in _cut(one, window)]
    kept = [one.recording for one in clips]
    made = Material(
        [backbone.features(one.waveform) for one in clips],
        np.array([one.label for one in kept]),
        np.array(held_out_together(kept)),
    )
    fitted = fit(made)
    card = ClassifierCard(
        name=name,
        backbone=backbone.name,
        backbone_fingerprint=backbone.fingerprint,
        trained_on=_described(kept),
        license=license,
        figures=figures(fitted),
        window_s=window / SAMPLE_RATE_HZ,
        spotting_threshold=spotting_threshold_of(fitted.held_out, fitted.head.temperature, fitted.head.threshold),
    )
    learned_from = digests(one.recording.path for one in decoded)
    classifier = TrainedClassifier(card, fitted.head, backbone, learned_from)
    return ClassifierTraining(
        classifier=classifier,
        material=made,
        held_out=fitted.held_out,
        waveforms=tuple(one.waveform for one in clips),
        speakers=made.groups,
        speakers_apart=speakers_apart(kept),
        strength=fitted.strength,
        skipped=tuple(skipped),
    )


def figures(fitted: Fit) -> dict[str, float]:
    """In percent, with speakers held out: accuracy, and recall as the mean over labels."""
    held_out = fitted.held_out
    hits = held_out.logits.argmax(axis=1) == held_out.truth
    recalls = [float(hits[held_out.truth == nth].mean()) for nth in range(len(held_out.labels))]
    best = softmax(held_out.logits / fitted.head.temperature).max(axis=1)
    return {
        "accuracy": round(100 * float(hits.mean()), 2),
        "recall": round(100 * float(np.mean(recalls)), 2),
        "rejected": round(100 * float((best < fitted.head.threshold).mean()), 2),
    }


def waveform_of(path: Path) -> FloatArray:
    """`(samples,)` at 16 kHz without DC and rumble. Raises AudioError, FileMissing, MaterialUnusable (gaps)."""
    lost: list[float] = []
    samples = decode(read_file(path), limits=DecodeLimits(max_seconds=MAX_SECONDS), lost=lost.append)
    if lost:
        raise MaterialUnusable(f"{sum(lost):.1f} s of it cannot be decoded (audio_lost). Export it again.")
    return high_pass(samples)


@dataclass(frozen=True)
class _Clip:
    recording: LabeledRecording
    waveform: FloatArray


def _decoded(material: Sequence[LabeledRecording], watch: Watch) -> tuple[list[_Clip], list[Skipped]]:
    found, skipped = [], []
    for nth, one in enumerate(material, start=1):
        try:
            found.append(_Clip(one, waveform_of(one.path)))
        except (AudioError, FileMissing, MaterialUnusable) as error:
            skipped.append(Skipped(one.path, str(error)))
        watch(nth, len(material))
    return found, skipped


def window_samples(clips: Sequence[_Clip]) -> int:
    """The median length of what has a label of its own, within WINDOW_S."""
    lengths = [len(one.waveform) for one in clips if one.recording.label not in (UNKNOWN, SILENCE)]
    shortest, longest = (round(one * SAMPLE_RATE_HZ) for one in WINDOW_S)
    return int(np.clip(np.median(lengths), shortest, longest)) if lengths else shortest


def _cut(clip: _Clip, size: int) -> Iterator[_Clip]:
    """Long recordings of `unknown` and `silence` in pieces as long as a word's."""
    if clip.recording.label not in (UNKNOWN, SILENCE) or len(clip.waveform) <= size:
        yield clip
        return
    count = min(len(clip.waveform) // size, MOST_PIECES)
    for start in np.linspace(0, len(clip.waveform) - size, count).astype(int):
        yield _Clip(clip.recording, clip.waveform[start : start + size])


def _described(material: Sequence[LabeledRecording]) -> str:
    counts = Counter(one.label for one in material)
    speakers = len({one.speaker for one in material if one.speaker is not None})
    people = f"{speakers} speakers" if speakers else "speakers not known"
    return f"{len(material)} recordings, {people}: " + ", ".join(f"{label} {n}" for label, n in sorted(counts.items()))
