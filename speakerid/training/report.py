"""Development-set EERs and one-thread speed of an encoder, beside the teacher's where it is installed.

python -m speakerid.training.report --encoder speakerid/encoders/bundled/model.onnx --data ../shared/speech
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from speakerid.encoders.base import label
from speakerid.encoders.registry import load_encoder
from speakerid.training.console import say
from speakerid.training.data import Samples
from speakerid.training.devsets import all_sets
from speakerid.training.errors import TeacherMissing
from speakerid.training.metrics import eer_of
from speakerid.training.teacher import Teacher

Embed = Callable[[Samples], npt.NDArray[np.float32]]
SPEED_S = (1.5, 3.0, 10.0)


def encoders(specs: Sequence[str], with_teacher: bool) -> dict[str, Embed]:
    """One function per encoder: a waveform to its `(dim,)` vector."""
    found: dict[str, Embed] = {}
    for spec in specs:
        encoder = load_encoder(spec)
        found[label(encoder) + ("" if spec.endswith(".onnx") else " (torch)")] = _embedder(encoder.embed)
    if with_teacher:
        try:
            found["Resemblyzer"] = Teacher().embed_utterance
        except TeacherMissing as error:
            say(str(error))
    return found


def _embedder(embed: Callable[[Sequence[Samples]], npt.NDArray[np.float32]]) -> Embed:
    return lambda wave: embed([wave])[0]


def print_accuracy(embedders: dict[str, Embed], root: Path) -> None:
    say(f"| EER in percent [95 % over speakers] | trials | {' | '.join(embedders)} |")
    say("|---" * (2 + len(embedders)) + "|")
    for made in all_sets(root):
        speakers, sessions = made.labels()
        cells, trials = [], ""
        for embed in embedders.values():
            result = eer_of(np.stack([embed(wave) for wave in made.waves]), speakers, sessions)
            cells.append(str(result))
            trials = f"{result.targets} + {result.nontargets}"
        say(f"| {made.name} | {trials} | {' | '.join(cells)} |")


def print_speed(embedders: dict[str, Embed]) -> None:
    """Median milliseconds of one waveform, one thread, the encoders taking turns so that all meet the same load."""
    say(f"| median ms, one thread | {' | '.join(embedders)} |")
    say("|---" * (1 + len(embedders)) + "|")
    random = np.random.default_rng(0)
    for seconds in SPEED_S:
        wave = (random.standard_normal(int(seconds * 16_000)) * 0.05).astype(np.float32)
        times: dict[str, list[float]] = {name: [] for name in embedders}
        for _ in range(25):
            for name, embed in embedders.items():
                began = time.perf_counter()
                embed(wave)
                times[name].append(1000 * (time.perf_counter() - began))
        say(f"| {seconds} s | {' | '.join(f'{np.median(t[5:]):.2f}' for t in times.values())} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", required=True, help="an .onnx file, a directory or a hub name")
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/speech")
    parser.add_argument("--no-teacher", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    embedders = encoders(options.encoder, not options.no_teacher)
    print_accuracy(embedders, options.data)
    if not options.no_speed:
        print_speed(embedders)


if __name__ == "__main__":
    main()
