"""Makes the classifier that ships, `wake-words`, and measures it.

    OMP_NUM_THREADS=1 python -m recipes.wake_words --speech DIR --out speakerid/classification/shipped/wake-words

DIR has the folders of MATERIAL, FALSE_ALARMS and WORDS in it. Needs the model speech-embedding.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.bootstrap import load_backbone
from speakerid.classification.classifier import TrainedClassifier
from speakerid.classification.heads import UNKNOWN
from speakerid.classification.material import LabeledRecording
from speakerid.classification.spotting import Spotter
from speakerid.classification.training import ClassifierTraining, train
from speakerid.cli.console import echo
from speakerid.types import FloatArray

WORDS = "words"
# What is none of the words: every so many recordings of a folder, so that none outweighs the others.
MATERIAL = {"coffee": 1, "librispeech/train": 2, "field/ocean": 20, "field/sorbian": 4, "noise": 1}
ROOMS = "rir"  # impulse responses lie beside the noise: no sound anybody hears
FALSE_ALARMS = {"field/homes": 2, "field/calls": 2}  # never trained on
AUDIO = (".flac", ".opus")
SOURCES = (
    "wake words, spoken orders and kitchen noise of Picovoice (Apache-2.0); other speech of LibriSpeech (CC BY 4.0), "
    "speechocean762 (free) and Common Voice, Upper Sorbian (CC0)"
)


def words(speech: Path) -> list[LabeledRecording]:
    """Nothing says whose voice is whose."""
    return [LabeledRecording(one, one.parent.name, None) for one in sorted((speech / WORDS).glob("*/*.opus"))]


def other_sounds(speech: Path) -> list[LabeledRecording]:
    return [LabeledRecording(one, UNKNOWN, None) for one in _files(speech, MATERIAL)]


def made(speech: Path) -> ClassifierTraining:
    material = [*words(speech), *other_sounds(speech)]
    return train("wake-words", material, load_backbone("speech-embedding"), license="Apache-2.0")


def carded(done: ClassifierTraining, speech: Path) -> TrainedClassifier:
    """With what it was trained on in words, and its false alarms among the figures."""
    classifier, card = done.classifier, done.classifier.card
    waveforms = [_waveform(one) for one in _files(speech, FALSE_ALARMS)]
    hours = sum(map(len, waveforms)) / SAMPLE_RATE_HZ / 3600
    alarms = sum(len(Spotter(classifier).feed(one)) for one in waveforms)
    echo(f"{alarms} false alarms in {hours:.2f} hours of {' and '.join(FALSE_ALARMS)}")
    figures = {**(card.figures or {}), "false_alarms_an_hour": round(alarms / hours, 1)}
    return replace(classifier, card=replace(card, trained_on=f"{card.trained_on}; {SOURCES}", figures=figures))


def _files(speech: Path, chosen: dict[str, int]) -> Iterator[Path]:
    for folder, every in chosen.items():
        yield from _audio(speech / folder)[::every]


def _audio(folder: Path) -> Sequence[Path]:
    return sorted(one for one in folder.rglob("*") if one.suffix in AUDIO and not one.name.startswith(ROOMS))


def _waveform(path: Path) -> FloatArray:
    return high_pass(decode(read_file(path)))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    given = parser.parse_args(arguments)
    classifier = carded(made(given.speech), given.speech)
    classifier.save(given.out)
    echo(f"{classifier.card.trained_on}\n{classifier.card.figures}, threshold {classifier.head.threshold:.3f}")


if __name__ == "__main__":
    main()
