"""A user's own speech: any format the service reads, a folder per speaker; what cannot be used is left out by name."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.errors import AudioError, NotFound
from speakerid.training.data import SAMPLE_RATE_HZ, HeldOutSplit, Samples, Source, strip_silence
from speakerid.training.errors import NoHeldOutSpeakers, TrainingAudioTooShort, UnreadableTrainingAudio
from speakerid.training.training_set import Item

MIN_S = 1.0
MIN_HELD_OUT = 5
MIN_LEARNED = 2


@dataclass(frozen=True)
class UnusableFile:
    path: Path
    code: str
    error: str


@dataclass(frozen=True)
class Usable:
    sources: tuple[Source, ...]
    left_out: tuple[UnusableFile, ...]

    @property
    def speakers(self) -> int:
        return len({source.speaker for source in self.sources if source.speaker is not None})

    @property
    def left_out_codes(self) -> dict[str, int]:
        return dict(Counter(one.code for one in self.left_out))


def read_speech(path: Path, min_s: float = MIN_S) -> Samples:
    """`(samples,)` at 16 kHz without rumble and silent ends.

    Raises `UnreadableTrainingAudio`, `TrainingAudioTooShort`.
    """
    try:
        samples = strip_silence(high_pass(decode(read_file(path))))
    except (AudioError, NotFound) as error:
        raise UnreadableTrainingAudio(path, f"{error.code}: {error}") from error
    if len(samples) < min_s * SAMPLE_RATE_HZ:
        raise TrainingAudioTooShort(path, len(samples) / SAMPLE_RATE_HZ, min_s)
    return samples


def usable(
    sources: Sequence[Source],
    min_s: float = MIN_S,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> Usable:
    """Decodes every file once and keeps none in memory."""
    kept, left_out = list[Source](), list[UnusableFile]()
    for done, source in enumerate(sources):
        try:
            read_speech(source.path, min_s)
            kept.append(source)
        except (UnreadableTrainingAudio, TrainingAudioTooShort) as error:
            left_out.append(UnusableFile(source.path, error.code, str(error)))
        on_file(done + 1, len(sources))
    return Usable(tuple(kept), tuple(left_out))


class Decoded(Sequence[Item]):
    """Sources with their samples, each decoded when it is looked at: hours of speech need not fit into memory.

    `joined` says how many utterances of one speaker become one item, by corpus: a teacher is no good at single words.
    """

    def __init__(self, sources: Sequence[Source], joined: Mapping[str, int] | None = None) -> None:
        many = joined or {}
        self._groups = [group for one in _by_voice(sources) for group in _chunks(one, many.get(one[0].corpus, 1))]

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Item]:
        return (_item(group) for group in self._groups)

    def __getitem__(self, index: int | slice) -> Any:
        return [_item(one) for one in self._groups[index]] if isinstance(index, slice) else _item(self._groups[index])


def _by_voice(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Runs of one corpus and speaker; unknown speakers stay alone."""
    for (_, speaker), run in groupby(sources, lambda one: (one.corpus, one.speaker)):
        found = list(run)
        yield from [found] if speaker is not None else ([one] for one in found)


def _chunks(sources: list[Source], size: int) -> list[list[Source]]:
    return [sources[start : start + size] for start in range(0, len(sources), size)]


def _item(group: Sequence[Source]) -> Item:
    return group[0], np.concatenate([read_speech(source.path, min_s=0.0) for source in group])


def hold_out(sources: Sequence[Source], share: float) -> HeldOutSplit:
    """`share` of the speakers, at least 5, by a hash of their names: the same ones on every machine and every time.

    Raises `NoHeldOutSpeakers` unless two are left to learn from. A share of 0 holds out nobody.
    """
    ids = sorted(_names(sources), key=lambda name: hashlib.sha256(name.encode()).digest())
    wanted = max(MIN_HELD_OUT, math.ceil(share * len(ids))) if share else 0
    if share and len(ids) - wanted < MIN_LEARNED:
        raise NoHeldOutSpeakers(len(ids), MIN_HELD_OUT + MIN_LEARNED)
    kept = set(ids[:wanted])
    return HeldOutSplit(
        train=tuple(source for source in sources if source.speaker not in kept),
        held_out=tuple(source for source in sources if source.speaker in kept),
    )


def _names(sources: Iterable[Source]) -> set[str]:
    return {source.speaker for source in sources if source.speaker is not None}
