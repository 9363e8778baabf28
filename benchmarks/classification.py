"""Classifiers trained here, measured on speakers who were held out.

    python -m benchmarks.classification --speech ../shared/speech

Words have no speaker labels: five folds over recordings, so a speaker may be on both sides. What other speech does is
measured on recordings of four domains whose other half was trained on, in a stream as `listen --classifier` has it.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.bootstrap import load_backbone
from speakerid.classification.backbones import Backbone
from speakerid.classification.classifier import TrainedClassifier, answer
from speakerid.classification.fitting import Material, fit
from speakerid.classification.heads import UNKNOWN
from speakerid.classification.material import LabeledRecording, groups
from speakerid.classification.spotting import Spotter
from speakerid.classification.training import train, waveform_of
from speakerid.cli.console import echo

FOLDS = 5
MIN_PEOPLE = 5  # of a command
SPEED_S, REPEATS = 1.0, 100
PADDING_S = 1.0  # of silence around a word in the stream
UNKNOWN_EVERY = {"coffee": 1, "field/ocean": 10, "librispeech/train": 1, "field/homes": 3}  # every so many recordings
Row = tuple[str, str]  # what, and its figure
FOUND = 0.95  # of the words: the threshold for false alarms


@dataclass(frozen=True)
class TestAnswers:
    truth: NDArray[np.str_]
    found: NDArray[np.str_]

    @property
    def accuracy(self) -> float:
        return 100 * float((self.truth == self.found).mean())

    @property
    def macro_f1(self) -> float:
        return float(f1_score(self.truth, self.found, average="macro"))


def material_of(recordings: Sequence[LabeledRecording], backbone: Backbone) -> Material:
    features = [backbone.features(waveform_of(one.path)) for one in recordings]
    return Material(features, np.array([one.label for one in recordings]), np.array(groups(recordings)))


def tested(material: Material, out: NDArray[np.bool_]) -> TestAnswers:
    """What is `out (recordings,)` answered by a head that the others taught."""
    head, asked = fit(material.part(np.flatnonzero(~out))).head, material.part(np.flatnonzero(out))
    found = [head.labels[head.probabilities(one).argmax()] for one in asked.features]
    return TestAnswers(asked.labels, np.array(found))


def commands(speech: Path) -> list[LabeledRecording]:
    """Those that several people say."""
    files = sorted((speech / "field/commands_ar").glob("*/*.opus"))
    found = [LabeledRecording(one, one.name.split("__")[0], one.parent.name) for one in files]
    people = Counter(label for label, _ in {(one.label, one.speaker) for one in found})
    return [one for one in found if people[one.label] >= MIN_PEOPLE]


def digits(speech: Path) -> list[LabeledRecording]:
    return [LabeledRecording(one, one.name[0], one.parent.name) for one in sorted((speech / "fsdd").glob("*/*.wav"))]


def emotions(speech: Path) -> list[LabeledRecording]:
    files = sorted((speech / "field/emotion_pl").glob("*/*.opus"))
    return [LabeledRecording(one, one.name.split("_")[1], one.parent.name) for one in files]


def words(speech: Path) -> list[LabeledRecording]:
    return [LabeledRecording(one, one.parent.name, None) for one in sorted((speech / "words").glob("*/*.opus"))]


def unknown(speech: Path) -> list[LabeledRecording]:
    files = [
        one
        for domain, every in UNKNOWN_EVERY.items()
        for one in sorted(path for path in (speech / domain).rglob("*") if path.suffix in (".opus", ".flac"))[::every]
    ]
    return [LabeledRecording(one, UNKNOWN, None) for one in files]


def speaker_out(material: Material) -> list[TestAnswers]:
    """Each speaker tested by what the others taught."""
    return [tested(material, material.groups == speaker) for speaker in sorted(set(material.groups))]


def joined(parts: Sequence[TestAnswers]) -> TestAnswers:
    return TestAnswers(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("truth", "found")))


@dataclass(frozen=True)
class Spotting:
    threshold: float
    found: float  # percent of the words
    alarms: float  # an hour


def spotted(speech: Path, backbone: Backbone) -> Iterator[Spotting]:
    """At the threshold that FOUND of the words reach, and at the classifier's own."""
    material, other = words(speech), unknown(speech)
    classifier = train("words", material[::2] + other[::2], backbone).classifier
    best = np.array([_best(classifier, waveform_of(one.path), one.label) for one in material[1::2]])
    streams = [waveform_of(one.path) for one in other[1::2]]
    hours = sum(map(len, streams)) / SAMPLE_RATE_HZ / 3600
    own = classifier.details.spotting_threshold or classifier.details.threshold
    for threshold in (float(np.quantile(best, 1 - FOUND)), own):
        alarms = sum(len(Spotter(classifier, threshold).feed(one)) for one in streams)
        yield Spotting(threshold, 100 * float((best >= threshold).mean()), alarms / hours)


def _best(classifier: TrainedClassifier, waveform: NDArray[np.float32], label: str) -> float:
    """The highest score with which the word would be reported."""
    padding = np.zeros(round(PADDING_S * SAMPLE_RATE_HZ), np.float32)
    events = Spotter(classifier, 0.0).scores(np.concatenate([padding, waveform, padding]))
    return max((score for found, score in events if found == label), default=0.0)


def milliseconds(classifier: TrainedClassifier, recording: bytes) -> float:
    """Median CPU time from the bytes of a file to labels, in ms."""
    taken = []
    for _ in range(REPEATS):
        begun = time.process_time()
        answer(classifier, high_pass(decode(recording)), top_k=5)
        taken.append(time.process_time() - begun)
    return 1000 * float(np.median(taken))


def measured_speed(speech: Path) -> Iterator[Row]:
    classifier = train("words", words(speech)[::8], load_backbone("speech-embedding")).classifier
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, round(SPEED_S * SAMPLE_RATE_HZ)).astype(np.float32)
    for container in ("WAV", "FLAC"):
        file = io.BytesIO()
        soundfile.write(file, noise, SAMPLE_RATE_HZ, format=container)
        yield (
            f"a {container} of {SPEED_S:g} s, end to end on one thread",
            f"{milliseconds(classifier, file.getvalue()):.1f} ms of CPU",
        )


def measured_words(speech: Path) -> Iterator[Row]:
    backbone = load_backbone("speech-embedding")
    material = material_of(words(speech), backbone)
    folds = [tested(material, np.arange(len(material.labels)) % FOLDS == fold) for fold in range(FOLDS)]
    yield "six wake words, five folds: accuracy", f"{joined(folds).accuracy:.2f} %"
    for one in spotted(speech, backbone):
        what = f"their false alarms in other speech, {one.found:.1f} % found (threshold {one.threshold:.3f})"
        yield what, f"{one.alarms:.1f} an hour"


def measured_commands(speech: Path) -> Iterator[Row]:
    material = material_of(commands(speech), load_backbone("speech-embedding"))
    people = sorted(set(material.groups))
    parts = [tested(material, np.isin(material.groups, people[third::3])) for third in range(3)]
    each = ", ".join(f"{one.accuracy:.1f}" for one in parts)
    what = f"{len(set(material.labels))} Arabic commands, 10 of 30 people test: accuracy"
    yield what, f"{joined(parts).accuracy:.1f} % ({each})"


def measured_digits(speech: Path) -> Iterator[Row]:
    parts = speaker_out(material_of(digits(speech), load_backbone("speech-embedding")))
    each = ", ".join(f"{one.accuracy:.1f}" for one in parts)
    yield "English digits, one of three people tests: accuracy", f"{joined(parts).accuracy:.1f} % ({each})"


def measured_emotions(speech: Path) -> Iterator[Row]:
    parts = speaker_out(material_of(emotions(speech), load_backbone("campplus")))
    each = ", ".join(f"{one.macro_f1:.2f}" for one in parts)
    yield "six acted Polish emotions, one of nine actors tests: macro F1", f"{joined(parts).macro_f1:.3f} ({each})"


PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "emotions": measured_emotions,
    "digits": measured_digits,
    "commands": measured_commands,
    "words": measured_words,
    "speed": measured_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; may be repeated")
    options = parser.parse_args()
    echo("| measured with speakers held out | figure |")
    echo("|---|---|")
    for part in options.part or PARTS:
        for what, figure in PARTS[part](options.speech):
            echo(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
