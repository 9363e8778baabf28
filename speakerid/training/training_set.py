"""The voice bank: every source, its changed copies as further voices, and the teachers' vectors for each.

Audio is one int16 array on disk, memory-mapped: ten hours take 1.1 GB there and little memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speakerid.training.data import Samples, Source
from speakerid.training.storage import write_atomically
from speakerid.training.voice_perturbation import CopyPlan, copies

Embed = Callable[[Sequence[Samples]], Sequence[npt.NDArray[np.float32]]]  # n waveforms to (n, dim) of each teacher
Item = tuple[Source, Samples]
AUDIO, ENTRIES, ABOUT = "audio.i16", "entries.npz", "bank.json"
RESHAPED = "-reshaped"  # such copies are a corpus of their own, so that their share of a batch can be set
PEAK = 0.9 * 32767
KEPT_EVERY = 50  # items


@dataclass(frozen=True)
class TrainingSet:
    """Entry i is `audio[start[i] : start[i] + length[i]]`, peak 0.9. `voice[i]` numbers labeled voices, else -1."""

    audio: npt.NDArray[np.int16]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    voice: npt.NDArray[np.int64]
    corpus: npt.NDArray[np.int64]
    taught: tuple[npt.NDArray[np.float32], ...]  # (n, dim) of each teacher, L2-normalized, not centered
    corpora: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def voices(self) -> int:
        return int(self.voice.max(initial=-1)) + 1


def build(
    folder: Path,
    items: Sequence[Item],
    plans: Mapping[str, CopyPlan],
    embed: Embed,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingSet:
    """Writes the bank of `items` to `folder`; bank.json comes last and marks a finished bank.

    Called again with the same `items`, it goes on where a killed one stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    corpora = sorted([*plans, *(name + RESHAPED for name in plans)])
    draft = _Draft.begun(folder)
    with (folder / AUDIO).open("r+b" if draft.done else "wb") as out:
        out.truncate(2 * draft.samples)
        out.seek(2 * draft.samples)
        for index in range(draft.done, len(items)):
            source, samples = items[index]
            made = list(copies(samples, plans[source.corpus], source.path.name))
            draft.taught.append([np.asarray(rows) for rows in embed([copy for _, copy in made])])
            for label, copy in made:
                out.write(to_int16(copy).tobytes())
                corpus = source.corpus if label is not None else source.corpus + RESHAPED
                draft.add(len(copy), draft.voice_of(source.speaker, label), corpora.index(corpus))
            draft.done += 1
            if draft.done % KEPT_EVERY == 0:
                out.flush()
                os.fsync(out.fileno())
                draft.keep(folder)
            on_progress(draft.done, len(items))
    draft.keep(folder)
    about = json.dumps({"corpora": corpora, "samples": draft.samples, "teachers": len(draft.taught[0])})
    write_atomically(folder / ABOUT, lambda file: file.write(about.encode()))
    return open_bank(folder)


@dataclass
class _Draft:
    """The entries so far, of the first `done` items."""

    rows: list[tuple[int, int, int, int]] = field(default_factory=list)  # start, length, voice, corpus
    taught: list[Sequence[npt.NDArray[np.float32]]] = field(default_factory=list)
    voices: dict[str, int] = field(default_factory=dict)
    done: int = 0

    @property
    def samples(self) -> int:
        return sum(self.rows[-1][:2]) if self.rows else 0

    def voice_of(self, speaker: str | None, label: str | None) -> int:
        if speaker is None or label is None:
            return -1
        return self.voices.setdefault(f"{speaker} {label}", len(self.voices))

    def add(self, length: int, voice: int, corpus: int) -> None:
        self.rows.append((self.samples, length, voice, corpus))

    def keep(self, folder: Path) -> None:
        start, length, voice, corpus = np.array(self.rows, dtype=np.int64).T
        table = {"start": start, "length": length, "voice": voice, "corpus": corpus, "done": np.array(self.done)}
        table |= {f"taught_{i}": np.concatenate(one) for i, one in enumerate(zip(*self.taught, strict=True))}
        table["voices"] = np.array(list(self.voices))
        write_atomically(folder / ENTRIES, lambda file: np.savez(file, **table))

    @classmethod
    def begun(cls, folder: Path) -> _Draft:
        if not (folder / ENTRIES).exists():
            return cls()
        with np.load(folder / ENTRIES) as table:
            rows = np.stack([table[name] for name in ("start", "length", "voice", "corpus")], axis=1)
            taught = [table[name] for name in sorted(table.files) if name.startswith("taught_")]
            voices = {name: number for number, name in enumerate(table["voices"].tolist())}
            return cls([(a, b, c, d) for a, b, c, d in rows.tolist()], [taught], voices, int(table["done"]))


def to_int16(samples: Samples) -> npt.NDArray[np.int16]:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-5)
    return np.round(samples * (PEAK / peak)).astype(np.int16)


def is_finished(folder: Path) -> bool:
    return (folder / ABOUT).exists()


def open_bank(folder: Path) -> TrainingSet:
    about = json.loads((folder / ABOUT).read_text())
    with np.load(folder / ENTRIES) as entries:
        return TrainingSet(
            audio=np.memmap(folder / AUDIO, dtype=np.int16, mode="r", shape=(about["samples"],)),
            start=entries["start"],
            length=entries["length"],
            voice=entries["voice"],
            corpus=entries["corpus"],
            taught=tuple(entries[f"taught_{i}"] for i in range(about["teachers"])),
            corpora=tuple(about["corpora"]),
        )
