"""The speech that is trained on, with its perturbed copies and the embeddings to learn, and random crops of it.

Audio is one int16 array on disk, memory-mapped: ten hours take 1.1 GB there and little memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.speech import Source, read_speech
from speakerid.training.work_folder import write_atomically, write_text
from speakerid.types import FloatArray

AUDIO, ENTRIES, ABOUT = "audio.i16", "entries.npz", "training_set.json"
PEAK = 0.9 * 32767
KEPT_EVERY = 50  # items
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class PerturbedCopy:
    samples: FloatArray
    corpus: str
    label: str | None  # the class it belongs to: a speaker at a speed; None where it has none


Item = Sequence[Source]  # utterances of one speaker that are joined
Perturb = Callable[[Source, FloatArray], Iterable[PerturbedCopy]]
Embed = Callable[[Sequence[FloatArray]], Sequence[FloatArray]]  # n waveforms to (n, dim) of each teacher


@dataclass(frozen=True)
class TrainingSet:
    """Entry i is `audio[start[i] : start[i] + length[i]]`, peak 0.9, of the class `label[i]`, or of none: -1."""

    audio: NDArray[np.int16]
    start: Indices
    length: Indices
    label: Indices
    corpus: Indices
    taught: tuple[FloatArray, ...]  # (n, dim) of each teacher, L2-normalized, not centered
    corpora: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def classes(self) -> int:
        return int(self.label.max(initial=-1)) + 1


def at_speed(samples: FloatArray, factor: float) -> FloatArray:
    """`factor` > 1 is faster, higher and shorter: another speaker, by Yamamoto et al. 2019.

    https://www.isca-archive.org/interspeech_2019/yamamoto19_interspeech.html
    """
    if factor == 1.0:
        return samples
    return np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ), dtype=np.float32)


def build(
    folder: Path,
    items: Sequence[Item],
    perturb: Perturb,
    embed: Embed,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    read: Callable[[Source], FloatArray] = lambda source: read_speech(source.path, min_s=0.0),
) -> TrainingSet:
    """Writes the set to `folder`; training_set.json comes last and marks a finished one.

    Called again with the same `items`, it goes on where a killed call stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = _Draft.begun(folder)
    with (folder / AUDIO).open("r+b" if draft.done else "wb") as out:
        out.truncate(2 * draft.samples)
        out.seek(2 * draft.samples)
        for item in items[draft.done :]:
            copies = list(perturb(item[0], np.concatenate([read(source) for source in item])))
            draft.taught.append([np.asarray(rows) for rows in embed([copy.samples for copy in copies])])
            for copy in copies:
                out.write(_to_int16(copy.samples).tobytes())
                draft.add(copy)
            draft.done += 1
            if draft.done % KEPT_EVERY == 0:
                out.flush()
                os.fsync(out.fileno())
                draft.keep(folder)
            on_progress(draft.done, len(items))
    draft.keep(folder)
    about = {"corpora": list(draft.corpora), "samples": draft.samples, "teachers": len(draft.taught[0])}
    write_text(folder / ABOUT, json.dumps(about))
    return open_training_set(folder)


@dataclass
class _Draft:
    """The entries so far, of the first `done` items."""

    rows: list[tuple[int, int, int, int]] = field(default_factory=list)  # start, length, label, corpus
    taught: list[Sequence[FloatArray]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    corpora: dict[str, int] = field(default_factory=dict)
    done: int = 0

    @property
    def samples(self) -> int:
        return sum(self.rows[-1][:2]) if self.rows else 0

    def add(self, copy: PerturbedCopy) -> None:
        label = -1 if copy.label is None else self.labels.setdefault(copy.label, len(self.labels))
        corpus = self.corpora.setdefault(copy.corpus, len(self.corpora))
        self.rows.append((self.samples, len(copy.samples), label, corpus))

    def keep(self, folder: Path) -> None:
        start, length, label, corpus = np.array(self.rows, dtype=np.int64).T
        table = {"start": start, "length": length, "label": label, "corpus": corpus, "done": np.array(self.done)}
        table |= {f"taught_{i}": np.concatenate(one) for i, one in enumerate(zip(*self.taught, strict=True))}
        table |= {"labels": np.array(list(self.labels)), "corpora": np.array(list(self.corpora))}
        write_atomically(folder / ENTRIES, lambda file: np.savez(file, **table))

    @classmethod
    def begun(cls, folder: Path) -> _Draft:
        if not (folder / ENTRIES).exists():
            return cls()
        with np.load(folder / ENTRIES) as table:
            rows = np.stack([table[name] for name in ("start", "length", "label", "corpus")], axis=1)
            taught = [table[name] for name in sorted(table.files) if name.startswith("taught_")]
            labels, corpora = (
                {name: number for number, name in enumerate(table[kind].tolist())} for kind in ("labels", "corpora")
            )
            return cls([(a, b, c, d) for a, b, c, d in rows.tolist()], [taught], labels, corpora, int(table["done"]))


def _to_int16(samples: FloatArray) -> NDArray[np.int16]:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-5)
    return np.round(samples * (PEAK / peak)).astype(np.int16)


def is_finished(folder: Path) -> bool:
    return (folder / ABOUT).exists()


def open_training_set(folder: Path) -> TrainingSet:
    about = json.loads((folder / ABOUT).read_text())
    with np.load(folder / ENTRIES) as entries:
        return TrainingSet(
            audio=np.memmap(folder / AUDIO, dtype=np.int16, mode="r", shape=(about["samples"],)),
            start=entries["start"],
            length=entries["length"],
            label=entries["label"],
            corpus=entries["corpus"],
            taught=tuple(entries[f"taught_{i}"] for i in range(about["teachers"])),
            corpora=tuple(about["corpora"]),
        )


@dataclass(frozen=True)
class Shape:
    """`rows` crops of `seconds` each; drawn with probability proportional to `weight`."""

    rows: int
    seconds: float
    weight: float = 1.0

    @property
    def samples(self) -> int:
        return int(self.seconds * SAMPLE_RATE_HZ)


@dataclass(frozen=True)
class CropBatch:
    """Rows of one length, so that nothing is ever padded."""

    clean: Tensor  # (rows, samples) float32, peak 0.9
    entry: Tensor  # (rows,) entries of the training set


class Sampler:
    """Draws entries corpus by corpus in the shares given by `corpus_weight`, uniformly within a corpus."""

    def __init__(self, training_set: TrainingSet, corpus_weight: Mapping[str, float], shapes: Sequence[Shape]) -> None:
        self._set = training_set
        self._shapes = list(shapes)
        self._shape_share = _shares([shape.weight for shape in shapes])
        self._members = [np.flatnonzero(training_set.corpus == i) for i in range(len(training_set.corpora))]
        self._corpus_share = _shares([corpus_weight.get(name, 0.0) for name in training_set.corpora])

    def draw(self, random: np.random.Generator) -> CropBatch:
        shape = self._shapes[int(random.choice(len(self._shapes), p=self._shape_share))]
        corpora = random.choice(len(self._members), size=shape.rows, p=self._corpus_share)
        members = [self._members[c] for c in corpora]
        entries = np.array([m[int(random.integers(len(m)))] for m in members])
        crops = np.stack([self._crop(int(e), shape.samples, random) for e in entries])
        return CropBatch(torch.from_numpy(crops.astype(np.float32) / 32768), torch.from_numpy(entries))

    def _crop(self, entry: int, samples: int, random: np.random.Generator) -> NDArray[np.int16]:
        start, length = int(self._set.start[entry]), int(self._set.length[entry])
        if length >= samples:
            at = start + int(random.integers(0, length - samples + 1))
            return self._set.audio[at : at + samples]
        return _repeat(self._set.audio[start : start + length], samples, random)


def _repeat(word: NDArray[np.int16], samples: int, random: np.random.Generator) -> NDArray[np.int16]:
    """A word too short to fill a crop, again and again with pauses of digital silence."""
    out = np.zeros(samples, dtype=np.int16)
    at = int(random.integers(-len(word) // 2, 1))
    while at < samples:
        begin, end = max(at, 0), min(at + len(word), samples)
        out[begin:end] = word[begin - at : end - at]
        at += len(word) + int(random.uniform(0.0, 0.4) * SAMPLE_RATE_HZ)
    return out


def _shares(weights: Sequence[float]) -> NDArray[np.float64]:
    share = np.asarray(weights, dtype=np.float64) / sum(weights)
    return np.asarray(share)
