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
REPEATS, WARM_UP = 30, 5


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
    """Median milliseconds of one waveform, one thread: the encoders taking turns, then each by itself.

    In turns all meet the same load and find their weights pushed out of the caches; alone they find them there.
    """
    say(f"| median ms, one thread | {' | '.join(embedders)} |")
    say("|---" * (1 + len(embedders)) + "|")
    random = np.random.default_rng(0)
    for seconds in SPEED_S:
        wave = (random.standard_normal(int(seconds * 16_000)) * 0.05).astype(np.float32)
        turns = [[_ms(embed, wave) for embed in embedders.values()] for _ in range(REPEATS)]
        alone = np.transpose([[_ms(embed, wave) for _ in range(REPEATS)] for embed in embedders.values()])
        for how, times in (("in turns", np.array(turns)), ("alone", alone)):
            medians = np.median(times[WARM_UP:], axis=0)
            say(f"| {seconds} s, {how} | {' | '.join(f'{ms:.2f}' for ms in medians)} |")


def _ms(embed: Embed, wave: Samples) -> float:
    began = time.perf_counter()
    embed(wave)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", required=True, help="an .onnx file, a directory or a hub name")
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/speech")
    parser.add_argument("--no-teacher", action="store_true")
    parser.add_argument("--no-accuracy", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    embedders = encoders(options.encoder, not options.no_teacher)
    if not options.no_accuracy:
        print_accuracy(embedders, options.data)
    if not options.no_speed:
        print_speed(embedders)


if __name__ == "__main__":
    main()
