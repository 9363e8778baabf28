"""The curves of a training run as one PNG: loss terms, learning rate and, where it was measured, held-out EER."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure  # the class alone: no pyplot, so no global state and no display

from speakerid.metrics.intervals import EerInterval
from speakerid.training.work_folder import write_atomically

TERMS = ("loss", "cosine", "relation", "pairs", "margin")
RATE = "learning_rate"
Line = dict[str, float]


@dataclass(frozen=True)
class Point:
    """An EER on held-out speakers after `step` steps."""

    step: int
    eer: EerInterval


def read_history(path: Path) -> list[Line]:
    """Lines of a history.jsonl by rising step: what a killed run wrote after its last checkpoint, its successor wrote
    again. A line that a kill cut off is left out."""
    lines: list[Line] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            line: Line = json.loads(text)
        except ValueError:
            continue
        while lines and lines[-1]["step"] >= line["step"]:
            lines.pop()
        lines.append(line)
    return lines


def draw(history: Sequence[Line], held_out: Sequence[Point], out: Path) -> None:
    """Writes a PNG of 900 pixels in width. Raises `CheckpointWriteFailed`."""
    drawers = [_draw_terms, _draw_rate] if history else []
    figure = Figure(figsize=(9, 3.2 * (len(drawers) + bool(held_out)) or 1.0), dpi=100, layout="constrained")
    panels = figure.subplots(len(drawers) + bool(held_out) or 1, 1, sharex=True, squeeze=False)[:, 0]
    for panel, drawer in zip(panels, drawers, strict=False):
        drawer(panel, history)
    if held_out:
        _draw_held_out(panels[-1], held_out)
    panels[-1].set_xlabel("step")
    write_atomically(out, lambda file: figure.savefig(file, format="png"))


def _draw_terms(panel: Any, history: Sequence[Line]) -> None:
    """The total on the left scale; every other term that was written in faint lines."""
    for term in TERMS:
        known = [line for line in history if term in line]
        if known:
            style = {"linewidth": 1.8} if term == "loss" else {"linewidth": 1.0, "alpha": 0.7}
            panel.plot([line["step"] for line in known], [line[term] for line in known], label=term, **style)
    panel.set_ylabel("loss and its terms")
    panel.legend(loc="upper right", ncols=len(TERMS), fontsize="small")
    panel.grid(alpha=0.3)


def _draw_rate(panel: Any, history: Sequence[Line]) -> None:
    known = [line for line in history if RATE in line]
    panel.plot([line["step"] for line in known], [line[RATE] for line in known], color="tab:gray")
    panel.set_ylabel("learning rate")
    panel.grid(alpha=0.3)


def _draw_held_out(panel: Any, points: Sequence[Point]) -> None:
    values = [point.eer.value for point in points]
    below = [max(point.eer.value - point.eer.low, 0.0) for point in points]
    above = [max(point.eer.high - point.eer.value, 0.0) for point in points]
    panel.errorbar([point.step for point in points], values, yerr=[below, above], marker="o", capsize=3)
    panel.set_ylabel("held-out EER in %\n(bars: 95 % over speakers)")
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.3)
