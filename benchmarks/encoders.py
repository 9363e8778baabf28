"""Development-set EERs by domain and one-thread speed of encoders, alone and beside a partner.

python -m benchmarks.encoders --encoder speakerid/encoders/bundled/model.onnx --partner campplus \
    --data ../shared/speech

Give `--encoder` twice to compare before and after. A pair is the concatenation of weighted unit vectors, so that its
cosine is the weighted mean of both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.development_sets import DevSets
from recipes.bundled_encoder.teachers import Resemblyzer, TeacherMissing
from speakerid.cli.console import echo
from speakerid.encoders.base import label
from speakerid.encoders.registry import NOWHERE, load_encoder
from speakerid.metrics.intervals import EerInterval
from speakerid.training.held_out import DevSet, measure
from speakerid.types import FloatArray

Embed = Callable[[FloatArray], npt.NDArray[np.float32]]
Rows = npt.NDArray[np.float32]  # (pieces, dim), unit vectors
SPEED_S = (1.5, 3.0, 10.0)
REPEATS, WARM_UP = 30, 5
SHARE = 0.2  # of the cosine, for an encoder beside its partner


@dataclass(frozen=True)
class AccuracyLine:
    name: str
    cells: tuple[EerInterval, ...]


def encoders(specs: Sequence[str], with_teacher: bool, models: Path = NOWHERE) -> dict[str, Embed]:
    """One function per encoder: a waveform to its `(dim,)` vector. `models`: the folder of fetched ones."""
    found: dict[str, Embed] = {}
    for spec in specs:
        encoder = load_encoder(spec, models)
        found[label(encoder) + ("" if spec.endswith(".onnx") else " (torch)")] = _embedder(encoder.embed)
    if with_teacher:
        try:
            found["Resemblyzer"] = Resemblyzer().embed_utterance
        except TeacherMissing as error:
            echo(str(error))
    return found


def _embedder(embed: Callable[[Sequence[FloatArray]], Rows]) -> Embed:
    return lambda wave: embed([wave])[0]


def print_accuracy(embedders: dict[str, Embed], partner: str | None, root: Path) -> None:
    """The worst domain first, by the last column; the mean of all last."""
    columns = [*embedders, *(f"{name} + {partner}" for name in embedders if partner and name != partner)]
    echo(f"| EER in percent [95 % over speakers] | trials | {' | '.join(columns)} |")
    echo("|---" * (2 + len(columns)) + "|")
    lines = [AccuracyLine(made.name, tuple(_row(made, embedders, partner))) for made in DevSets(root)]
    for line in sorted(lines, key=lambda line: -line.cells[-1].value):
        first = line.cells[0]
        echo(f"| {line.name} | {first.targets} + {first.nontargets} | {' | '.join(map(str, line.cells))} |")
    means = np.mean([[cell.value for cell in line.cells] for line in lines], axis=0)
    echo(f"| mean | | {' | '.join(f'{mean:.2f}' for mean in means)} |")


def _row(made: DevSet, embedders: dict[str, Embed], partner: str | None, share: float = SHARE) -> Iterator[EerInterval]:
    rows = {name: np.stack([embed(wave) for wave in made.waves]) for name, embed in embedders.items()}
    yield from (measure(one, made) for one in rows.values())
    for name, one in rows.items():
        if partner and name != partner:
            pair = np.hstack([np.sqrt(1 - share) * rows[partner], np.sqrt(share) * one])
            yield measure(pair.astype(np.float32), made)


def print_speed(embedders: dict[str, Embed]) -> None:
    """Median milliseconds of one waveform, one thread: the encoders taking turns, then each by itself.

    In turns all meet the same load and find their weights pushed out of the caches; alone they find them there.
    """
    echo(f"| median ms, one thread | {' | '.join(embedders)} |")
    echo("|---" * (1 + len(embedders)) + "|")
    random = np.random.default_rng(0)
    for seconds in SPEED_S:
        wave = (random.standard_normal(int(seconds * 16_000)) * 0.05).astype(np.float32)
        turns = [[_ms(embed, wave) for embed in embedders.values()] for _ in range(REPEATS)]
        alone = np.transpose([[_ms(embed, wave) for _ in range(REPEATS)] for embed in embedders.values()])
        for how, times in (("in turns", np.array(turns)), ("alone", alone)):
            medians = np.median(times[WARM_UP:], axis=0)
            echo(f"| {seconds} s, {how} | {' | '.join(f'{ms:.2f}' for ms in medians)} |")


def _ms(embed: Embed, wave: FloatArray) -> float:
    began = time.perf_counter()
    embed(wave)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", required=True, help="an .onnx file, a directory or a hub name")
    parser.add_argument("--partner", help="an encoder to put beside each of the others")
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/speech")
    parser.add_argument("--models", type=Path, default=NOWHERE, help="the folder that 'speakerid models list' names")
    parser.add_argument("--no-teacher", action="store_true")
    parser.add_argument("--no-accuracy", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    partner = encoders([options.partner], with_teacher=False, models=options.models) if options.partner else {}
    embedders = encoders(options.encoder, not options.no_teacher, options.models) | partner
    if not options.no_accuracy:
        print_accuracy(embedders, next(iter(partner), None), options.data)
    if not options.no_speed:
        print_speed(embedders)


if __name__ == "__main__":
    main()
