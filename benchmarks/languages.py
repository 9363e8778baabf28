"""What a figure of languages is worth where every language comes with microphones of its own.

    OMP_NUM_THREADS=1 python -m benchmarks.languages --speech ../shared/speech

Clips of 3 s, speakers always held out. English comes from four places, the other languages from one each, so English
can be tested on a place that no training heard; so are the others, which no head can name then, to see whether English
is what everything strange is called. The other controls have no language to tell: the quietest second of each clip, and
English against English from elsewhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.bootstrap import load_backbone
from speakerid.classification.backbones import Backbone
from speakerid.classification.fitting import Fit, HeldOut, Material, fit
from speakerid.cli.console import echo
from speakerid.types import FloatArray

CLIP = 3 * SAMPLE_RATE_HZ
CLIPS = 2  # of a speaker
SPEAKERS = 24  # of a place
PIECE = SAMPLE_RATE_HZ // 10  # what the quietest second is joined of
QUIET_PIECES = 10
ENGLISH = "English"


@dataclass(frozen=True)
class LanguageSource:
    """Where recordings of one language come from; a folder for each speaker in it."""

    name: str
    language: str
    folder: str


SOURCES = (
    LanguageSource("read books", ENGLISH, "librispeech/train"),
    LanguageSource("phones", ENGLISH, "field/ocean"),
    LanguageSource("homes", ENGLISH, "field/homes"),
    LanguageSource("calls", ENGLISH, "field/calls"),
    LanguageSource("Sorbian", "Sorbian", "field/sorbian"),
    LanguageSource("Arabic", "Arabic", "field/commands_ar"),
    LanguageSource("Polish", "Polish", "field/emotion_pl"),
)


@dataclass(frozen=True)
class Clip:
    source: LanguageSource
    speaker: str
    features: FloatArray  # (frames, dims)
    quiet: FloatArray  # the same of the quietest second


def clips_of(source: LanguageSource, speech: Path, backbone: Backbone) -> Iterator[Clip]:
    """Of at most SPEAKERS people. A clip is joined of several short recordings where need be."""
    for folder in sorted(one for one in (speech / source.folder).iterdir() if one.is_dir())[:SPEAKERS]:
        joined = _speech_of(folder)
        for start in range(0, len(joined) - CLIP + 1, CLIP):
            clip = joined[start : start + CLIP]
            speaker = f"{source.name} {folder.name}"
            yield Clip(source, speaker, backbone.features(clip), backbone.features(quietest(clip)))


def _speech_of(folder: Path) -> FloatArray:
    """`(samples,)`: of the first recordings, as much as CLIPS need."""
    parts: list[FloatArray] = []
    for file in sorted(one for one in folder.iterdir() if one.is_file()):
        parts.append(high_pass(decode(read_file(file))))
        if sum(map(len, parts)) >= CLIPS * CLIP:
            break
    return np.concatenate(parts)[: CLIPS * CLIP] if parts else np.zeros(0, np.float32)


def quietest(clip: FloatArray) -> FloatArray:
    """A second, joined of the pieces with the least energy, in their order."""
    pieces = clip[: len(clip) // PIECE * PIECE].reshape(-1, PIECE)
    chosen = np.sort(np.argsort((pieces**2).sum(axis=1), kind="stable")[:QUIET_PIECES])
    joined: FloatArray = pieces[chosen].ravel()
    return joined


def fitted(clips: Sequence[Clip], labels: Sequence[str], *, quiet: bool = False) -> Fit:
    features = [one.quiet if quiet else one.features for one in clips]
    return fit(Material(features, np.array(labels), np.array([one.speaker for one in clips])))


def recall(held_out: HeldOut) -> float:
    """In percent, the mean over labels: each counts alike."""
    hits = held_out.logits.argmax(axis=1) == held_out.truth
    return 100 * float(np.mean([hits[held_out.truth == nth].mean() for nth in range(len(held_out.labels))]))


def share_of_english(clips: Sequence[Clip], left_out: LanguageSource) -> float:
    """The percentage of the clips of `left_out`, by a head that learned from all other places."""
    rest = [one for one in clips if one.source != left_out]
    head = fitted(rest, [one.source.language for one in rest]).head
    labels = [head.labels[head.probabilities(one.features).argmax()] for one in clips if one.source == left_out]
    return 100 * float(np.mean([one == ENGLISH for one in labels]))


def rows(clips: Sequence[Clip]) -> Iterator[tuple[str, float]]:
    languages = [one.source.language for one in clips]
    english = [one for one in clips if one.source.language == ENGLISH]
    yield "four languages, every place trained on", recall(fitted(clips, languages).held_out)
    for source in SOURCES:
        what = f"English of {source.name}" if source.language == ENGLISH else f"control: {source.language}"
        yield f"{what}, trained on the other places, called English", share_of_english(clips, source)
    yield "control: four languages by the quietest second", recall(fitted(clips, languages, quiet=True).held_out)
    yield "control: which of four places English comes from", recall(fitted(english, _names(english)).held_out)
    one_each = [one for one in clips if one.source.language != ENGLISH or one.source == SOURCES[0]]
    yield "four languages, English of one place", recall(fitted(one_each, _names(one_each)).held_out)


def _names(clips: Sequence[Clip]) -> list[str]:
    return [one.source.name for one in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--backbone", default="campplus")
    given = parser.parse_args()
    backbone = load_backbone(given.backbone)
    clips = [clip for source in SOURCES for clip in clips_of(source, given.speech, backbone)]
    echo(f"{len(clips)} clips, {len({one.speaker for one in clips})} speakers, {given.backbone}; chance is 25 %")
    echo("| measured with speakers held out | of the clips, labels counting alike |")
    echo("|---|---|")
    for what, figure in rows(clips):
        echo(f"| {what} | {figure:.1f} % |")


if __name__ == "__main__":
    main()
