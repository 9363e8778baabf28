"""What the folders that a user names hold: labeled speech, unlabeled speech, noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recipes.bundled_encoder import recipe
from speakerid.training.data import SUFFIXES, HeldOutSplit, Source, hold_out_last, list_speakers, list_unlabeled
from speakerid.training.errors import NoTrainingAudio, TooFewSpeakers
from speakerid.training.own_speech import MIN_LEARNED, hold_out

LABELED, UNLABELED = "librispeech", "coffee"  # the recipe's copies and shares for speech of these kinds
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class CorpusPlace:
    """Labeled speech in the recipe's layout; its last speakers in string order are kept aside, everywhere the same."""

    folder: str
    corpus: str
    held_out: int

    def split(self, root: Path) -> HeldOutSplit:
        found = list_speakers(root / self.folder, self.corpus)
        prefix = "" if self.corpus == LABELED else f"{self.corpus}/"
        return hold_out_last([replace(one, speaker=f"{prefix}{one.speaker}") for one in found], self.held_out)


READ_ALOUD = CorpusPlace("librispeech/train", LABELED, 51)
OCEAN = CorpusPlace("field/ocean", "ocean", 50)
SORBIAN = CorpusPlace("field/sorbian", "sorbian", 5)
COMMANDS = CorpusPlace("field/commands_ar", "commands", 8)
PLACES = (READ_ALOUD, OCEAN, SORBIAN, COMMANDS)
UNLABELED_PLACES = {"coffee": 1, "words": 3}  # every nth file: many people said the same six words
LAYOUT = (*(place.folder for place in PLACES), *UNLABELED_PLACES)


@dataclass(frozen=True)
class Corpora:
    labeled: HeldOutSplit
    unlabeled: tuple[Source, ...]
    noise: Path  # the folder that holds noise/
    trained_on: tuple[str, ...]

    @property
    def train(self) -> tuple[Source, ...]:
        return (*self.labeled.train, *self.unlabeled)


def gather(folders: Sequence[Path]) -> Corpora:
    """Raises `NoTrainingAudio`, `TooFewSpeakers`, `NoHeldOutSpeakers`."""
    splits, unlabeled, names = list[HeldOutSplit](), list[Source](), list[str]()
    for folder in folders:
        made = _laid_out(folder) if is_laid_out(folder) else _plain(folder)
        splits.append(made.labeled)
        unlabeled.extend(made.unlabeled)
        names.extend(made.trained_on)
    labeled = _together(splits)
    found = len({source.speaker for source in labeled.train})
    if found < MIN_LEARNED:
        raise TooFewSpeakers(folders[0], found, MIN_LEARNED)
    with_noise = [folder for folder in folders if (folder / "noise").is_dir()]
    return Corpora(labeled, tuple(unlabeled), (with_noise or list(folders))[0], tuple(names))


def _together(splits: Sequence[HeldOutSplit]) -> HeldOutSplit:
    return HeldOutSplit(
        tuple(one for split in splits for one in split.train), tuple(one for split in splits for one in split.held_out)
    )


def is_laid_out(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in LAYOUT)


def _laid_out(folder: Path) -> Corpora:
    labeled = _together([place.split(folder) for place in PLACES])
    unlabeled = [
        source for name, nth in UNLABELED_PLACES.items() for source in list_unlabeled(folder / name, name)[::nth]
    ]
    return Corpora(labeled, tuple(unlabeled), folder, recipe.TRAINED_ON)


def _plain(folder: Path) -> Corpora:
    """Sub-folders are speakers, but for `noise`; speakers of two folders are never the same person."""
    direct = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    labeled = _labeled(folder)
    if not labeled and not direct:
        raise NoTrainingAudio(folder)
    split = hold_out(labeled, HELD_OUT_SHARE) if labeled else HeldOutSplit((), ())
    unlabeled = tuple(Source(path, UNLABELED) for path in direct)
    return Corpora(split, unlabeled, folder, (folder.resolve().name,))


def _labeled(folder: Path) -> list[Source]:
    try:
        found = list_speakers(folder, LABELED, needed=1)
    except NoTrainingAudio:
        return []
    home = folder.resolve().name
    return [replace(one, speaker=f"{home}/{one.speaker}") for one in found if one.speaker != "noise"]
