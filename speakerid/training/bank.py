"""The voice bank: every source, its speed-changed copies as further voices, and the teacher's vector for each.

Changing the speed by resampling moves pitch and formants together, which makes another voice (Yamamoto et al. 2019,
https://www.isca-archive.org/interspeech_2019/yamamoto19_interspeech.html). Audio is one int16 array on disk, memory-mapped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from speakerid.training.data import SAMPLE_RATE_HZ, Samples, Source

Embed = Callable[[Samples], npt.NDArray[np.float32]]
PEAK = 0.9 * 32767


@dataclass(frozen=True)
class VoiceBank:
    """Entry i is `audio[start[i] : start[i] + length[i]]`, peak 0.9. `voice[i]` numbers labeled voices, -1 unlabeled."""

    audio: npt.NDArray[np.int16]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    voice: npt.NDArray[np.int64]
    corpus: npt.NDArray[np.int64]
    target: npt.NDArray[np.float32]  # (n, dim), L2-normalized teacher vectors, not centered
    corpora: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def voices(self) -> int:
        return int(self.voice.max(initial=-1)) + 1


def at_speed(samples: Samples, factor: float) -> Samples:
    """`factor` > 1 is faster, higher and shorter."""
    if factor == 1.0:
        return samples
    return soxr.resample(samples, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ).astype(np.float32)


def to_int16(samples: Samples) -> npt.NDArray[np.int16]:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-5)
    return np.round(samples * (PEAK / peak)).astype(np.int16)


def build(
    folder: Path,
    items: Iterable[tuple[Source, Samples]],
    speeds: Mapping[str, Sequence[float]],
    embed: Embed,
    on_progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Writes audio.i16, entries.npz and bank.json to `folder`; bank.json comes last and marks a finished bank."""
    folder.mkdir(parents=True, exist_ok=True)
    corpora = sorted(speeds)
    voices: dict[tuple[str, float], int] = {}
    rows: list[tuple[int, int, int, int]] = []
    targets: list[npt.NDArray[np.float32]] = []
    position = 0
    with (folder / "audio.i16").open("wb") as out:
        for done, (source, samples) in enumerate(items):
            for factor in speeds[source.corpus]:
                copy = at_speed(samples, factor)
                voice = -1 if source.speaker is None else voices.setdefault((source.speaker, factor), len(voices))
                out.write(to_int16(copy).tobytes())
                rows.append((position, len(copy), voice, corpora.index(source.corpus)))
                targets.append(embed(copy))
                position += len(copy)
            on_progress(done + 1)
    start, length, voice_of, corpus = np.array(rows, dtype=np.int64).T
    np.savez(
        folder / "entries.npz",
        start=start, length=length, voice=voice_of, corpus=corpus, target=np.stack(targets),
    )  # fmt: skip
    (folder / "bank.json").write_text(json.dumps({"corpora": corpora, "samples": position}))


def is_finished(folder: Path) -> bool:
    return (folder / "bank.json").exists()


def open_bank(folder: Path) -> VoiceBank:
    about = json.loads((folder / "bank.json").read_text())
    with np.load(folder / "entries.npz") as entries:
        return VoiceBank(
            audio=np.memmap(folder / "audio.i16", dtype=np.int16, mode="r", shape=(about["samples"],)),
            start=entries["start"],
            length=entries["length"],
            voice=entries["voice"],
            corpus=entries["corpus"],
            target=entries["target"],
            corpora=tuple(about["corpora"]),
        )
