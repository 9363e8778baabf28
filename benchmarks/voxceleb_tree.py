"""A small tree in the shape of VoxCeleb1, made of LibriSpeech: to try every protocol without the real corpus.

    python -m benchmarks.voxceleb_tree --speech ../shared/speech --out DIR

LibriSpeech's `dev` speakers become the test part, each recording a session; the first `--train-speakers` of `train`
become the dev part, their one recording cut into pieces. The figures measured on it are those of easy, clean speech:
they say that a protocol runs, never how good an encoder is.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from pathlib import Path

import soundfile

from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.speaker_tree import speaker_tree
from speakerid.types import FloatArray

FIRST_IDS = {"dev": 10_001, "test": 10_270}  # as VoxCeleb1 has them
PIECES = 6  # of a recording of some 14 s
PER_SESSION = 2
TRAIN_SPEAKERS = 40


@dataclass(frozen=True)
class TreeSpeaker:
    name: str  # id10001
    files: tuple[str, ...]  # id10001/session/00001.wav


def make(speech: Path, out: Path, train_speakers: int = TRAIN_SPEAKERS) -> list[TreeSpeaker]:
    """Writes wav files, veri_test2.txt, list_test_all2.txt, list_test_hard2.txt and iden_split.txt."""
    strangers, train = (list(speaker_tree(speech / "librispeech" / part).values()) for part in ("dev", "train"))
    test = _write_part("test", strangers, out)
    made = [*test, *_write_part("dev", train[:train_speakers], out)]
    neighbors = {(one.name, other.name) for one, other in pairwise(made)}
    _list(out / "veri_test2.txt", _trials(test))
    _list(out / "list_test_all2.txt", _trials(made))
    hard = (one for one in _trials(made) if one[0] == "1" or (_owner(one[1]), _owner(one[2])) in neighbors)
    _list(out / "list_test_hard2.txt", hard)
    _list(out / "iden_split.txt", _split(made))
    return made


def _write_part(part: str, people: Sequence[Sequence[Path]], out: Path) -> list[TreeSpeaker]:
    return [_write(f"id{FIRST_IDS[part] + n}", part, files, out) for n, files in enumerate(people)]


def _write(name: str, part: str, files: Sequence[Path], out: Path) -> TreeSpeaker:
    written = list[str]()
    for number, samples in enumerate(_utterances(files)):
        session = _session(name, number // PER_SESSION)
        relative = f"{name}/{session}/{number % PER_SESSION + 1:05d}.wav"
        path = out / part / "wav" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
        written.append(relative)
    return TreeSpeaker(name, tuple(written))


def _utterances(files: Sequence[Path]) -> Iterator[FloatArray]:
    waves = [decode(read_file(file)) for file in files]
    if len(waves) > 1:
        yield from waves
        return
    size = len(waves[0]) // PIECES
    yield from (waves[0][k * size : (k + 1) * size] for k in range(PIECES))


def _session(name: str, number: int) -> str:
    """Eleven letters and digits, as a video's id."""
    return urlsafe_b64encode(hashlib.sha256(f"{name} {number}".encode()).digest())[:11].decode().replace("_", "-")


def _trials(speakers: Sequence[TreeSpeaker]) -> Iterator[tuple[str, str, str]]:
    """Each speaker's pairs from two sessions; his first file against the last one of every later speaker."""
    for speaker in speakers:
        yield from (("1", a, b) for a, b in combinations(speaker.files, 2) if Path(a).parent != Path(b).parent)
    for one, other in combinations(speakers, 2):
        yield from (("0", a, b) for a, b in product(one.files[:2], other.files[-2:]))


def _split(speakers: Sequence[TreeSpeaker]) -> Iterator[tuple[str, str]]:
    """The last session is for tests (3), the one before for development (2)."""
    for speaker in speakers:
        sessions = list(dict.fromkeys(Path(file).parent for file in speaker.files))
        kinds = {sessions[-1]: "3", sessions[-2]: "2"}
        yield from ((kinds.get(Path(file).parent, "1"), file) for file in speaker.files)


def _owner(file: str) -> str:
    return file.split("/")[0]


def _list(path: Path, lines: Iterator[tuple[str, ...]]) -> None:
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make a small tree in the shape of VoxCeleb1.")
    parser.add_argument(
        "--speech", type=Path, required=True, help="a folder with librispeech/dev and librispeech/train"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--train-speakers", type=int, default=TRAIN_SPEAKERS)
    options = parser.parse_args(arguments)
    made = make(options.speech, options.out, options.train_speakers)
    files = sum(len(one.files) for one in made)
    sys.stdout.write(f"{len(made)} speakers, {files} files, 4 lists in {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
