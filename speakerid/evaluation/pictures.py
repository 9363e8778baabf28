"""Pictures of calibrations. matplotlib without pyplot: no global state and no display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TARGET, NONTARGET, LIMIT = "#1f6f8b", "#c7522a", "#444444"
Json = dict[str, Any]


def draw_calibration(report: Json, out: Path) -> None:
    """`report`: a CalibrationReport as JSON. Writes a PNG of 1,000 pixels in width. Raises OSError."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=100, layout="constrained")
    histogram, curve = figure.subplots(1, 2)
    _draw_histogram(histogram, report)
    _draw_curve(curve, report)
    figure.suptitle(f"Calibration of gallery {report['gallery']}: {report['speakers']} speakers, {report['encoder']}")
    figure.savefig(out, format="png")


def _draw_histogram(panel: Any, report: Json) -> None:
    edges = np.array(report["histogram"]["edges"])
    for kind, color, label in (("targets", TARGET, "same speaker"), ("nontargets", NONTARGET, "different speakers")):
        counts = np.array(report["histogram"][kind], float)
        panel.stairs(counts / counts.sum(), edges, fill=True, alpha=0.55, color=color, label=label)
    target = report["target_fpir"]
    limit = next(one["threshold_llr"] for one in report["fitted"]["points"] if one["target_fpir"] == target)
    panel.axvline(limit, color=LIMIT, linestyle="--", label=f"threshold at target_fpir={target:g}")
    panel.set(xlabel="llr", ylabel="share of comparisons", title="Scores of speakers left out of the fit")
    panel.legend()


def _draw_curve(panel: Any, report: Json) -> None:
    steps = report["curve"]
    panel.set(xlabel="llr that was stated", ylabel="llr that was observed", title="Calibration curve")
    if not steps:
        panel.text(0.5, 0.5, "The two kinds of comparisons do not overlap.", ha="center", transform=panel.transAxes)
        return
    lows, highs = [step["low"] for step in steps], [step["high"] for step in steps]
    panel.plot([min(lows), max(highs)], [min(lows), max(highs)], color=LIMIT, linestyle=":", label="perfect")
    panel.hlines([step["observed"] for step in steps], lows, highs, color=TARGET, linewidth=2, label="measured")
    panel.legend()
