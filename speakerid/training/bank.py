"""The voice bank: every source, its changed copies as further voices, and the teachers' vectors for each.

Audio is one int16 array on disk, memory-mapped: ten hours take 1.1 GB there and little memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speakerid.training.data import Samples, Source
from speakerid.training.storage import write_atomically
from speakerid.training.voices import CopyPlan, copies

Embed = Callable[[Sequence[Samples]], Sequence[npt.NDArray[np.float32]]]  # n waveforms to (n, dim) of each teacher
Item = tuple[Source, Samples]
AUDIO, ENTRIES, ABOUT = "audio.i16", "entries.npz", "bank.json"
RESHAPED = "-reshaped"  # such copies are a corpus of their own, so that their share of a batch can be set
PEAK = 0.9 * 32767


@dataclass(frozen=True)
class VoiceBank:
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
) -> VoiceBank:
    """Writes the bank of `items` to `folder`; bank.json comes last and marks a finished bank."""
    folder.mkdir(parents=True, exist_ok=True)
    corpora = sorted([*plans, *(name + RESHAPED for name in plans)])
    voices: dict[tuple[str, str], int] = {}
    rows: list[tuple[int, int, int, int]] = []
    taught: list[Sequence[npt.NDArray[np.float32]]] = []
    position = 0
    with (folder / AUDIO).open("wb") as out:
        for done, (source, samples) in enumerate(items):
            made = list(copies(samples, plans[source.corpus], source.path.name))
            taught.append(embed([copy for _, copy in made]))
            for label, copy in made:
                voice = -1
                if source.speaker is not None and label is not None:
                    voice = voices.setdefault((source.speaker, label), len(voices))
                out.write(to_int16(copy).tobytes())
                corpus_name = source.corpus if label is not None else source.corpus + RESHAPED
                rows.append((position, len(copy), voice, corpora.index(corpus_name)))
                position += len(copy)
            on_progress(done + 1, len(items))
    start, length, voice_of, corpus = np.array(rows, dtype=np.int64).T
    table = {"start": start, "length": length, "voice": voice_of, "corpus": corpus}
    table |= {f"taught_{i}": np.concatenate(one) for i, one in enumerate(zip(*taught, strict=True))}
    about = json.dumps({"corpora": corpora, "samples": position, "teachers": len(taught[0])})
    write_atomically(folder / ENTRIES, lambda file: np.savez(file, **table))
    write_atomically(folder / ABOUT, lambda file: file.write(about.encode()))
    return open_bank(folder)


def to_int16(samples: Samples) -> npt.NDArray[np.int16]:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-5)
    return np.round(samples * (PEAK / peak)).astype(np.int16)


def is_finished(folder: Path) -> bool:
    return (folder / ABOUT).exists()


def open_bank(folder: Path) -> VoiceBank:
    about = json.loads((folder / ABOUT).read_text())
    with np.load(folder / ENTRIES) as entries:
        return VoiceBank(
            audio=np.memmap(folder / AUDIO, dtype=np.int16, mode="r", shape=(about["samples"],)),
            start=entries["start"],
            length=entries["length"],
            voice=entries["voice"],
            corpus=entries["corpus"],
            taught=tuple(entries[f"taught_{i}"] for i in range(about["teachers"])),
            corpora=tuple(about["corpora"]),
        )
