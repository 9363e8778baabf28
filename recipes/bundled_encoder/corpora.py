"""The folders that a user names: labeled speech, unlabeled speech, noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from recipes.bundled_encoder import recipe
from speakerid.audio.files import recordings
from speakerid.training.errors import NoTrainingAudio, TooFewSpeakers
from speakerid.training.speech import MIN_LEARNED, HeldOutSplit, Source, hold_out, list_speakers, speakers_of, split_by
from speakerid.training.training_set import Item

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


def hold_out_last(sources: Sequence[Source], speakers: int) -> HeldOutSplit:
    """The last `speakers` ids in string order are kept aside: the same ones on every machine."""
    ids = sorted(speakers_of(sources))
    return split_by(sources, set(ids[len(ids) - speakers :]))


def list_unlabeled(root: Path, corpus: str) -> list[Source]:
    """Raises `NoTrainingAudio`."""
    found = [Source(path, corpus) for path in recordings(root)]
    if not found:
        raise NoTrainingAudio(root)
    return found


READ_ALOUD = CorpusPlace("librispeech/train", LABELED, 51)
OCEAN = CorpusPlace("field/ocean", "ocean", 50)
SORBIAN = CorpusPlace("field/sorbian", "sorbian", 5)
COMMANDS = CorpusPlace("field/commands_ar", "commands", 8)
PLACES = (READ_ALOUD, OCEAN, SORBIAN, COMMANDS)
UNLABELED_PLACES = {"coffee": 1, "words": 3}  # every nth file: many people speak the same six words
JOINED = {"ocean": 3, "sorbian": 2, "commands": 8}  # utterances of one speaker to an entry: some ten seconds
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
    found = len(speakers_of(labeled.train))
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
    direct = [path for path in recordings(folder) if path.parent == folder]
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


def joined(sources: Sequence[Source]) -> list[Item]:
    """As many utterances of one speaker to an item as JOINED has: a teacher is no good at single words."""
    return [item for one in _runs(sources) for item in _chunks(one, JOINED.get(one[0].corpus, 1))]


def _runs(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Of one corpus and speaker; unknown speakers stay alone."""
    for (_, speaker), run in groupby(sources, lambda one: (one.corpus, one.speaker)):
        found = list(run)
        yield from [found] if speaker is not None else ([one] for one in found)


def _chunks(sources: list[Source], size: int) -> Iterator[Item]:
    return (sources[start : start + size] for start in range(0, len(sources), size))
