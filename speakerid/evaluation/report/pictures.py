"""Pictures of evaluations and calibrations. matplotlib without pyplot: no global state and no display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.classification_figures import ClassificationFigures
from speakerid.evaluation.report.facts import Evaluated, ScoredTrials
from speakerid.metrics.classification import LearningPoint
from speakerid.metrics.det import det_points
from speakerid.metrics.eer import ErrorCurve, error_curve

PERCENTS = (0.1, 0.5, 1, 2, 5, 10, 20, 40)  # ticks of a DET plot
BINS = 60
GROUPS = 20  # points of the calibration curve
MOST_NUMBERS = 20  # labels of a confusion matrix with numbers in it
LEAST = 5  # trials of either kind behind a point
TARGET, NONTARGET, LIMIT = "#1f6f8b", "#c7522a", "#444444"
Json = dict[str, Any]


def pictures(made: Evaluated) -> dict[str, str]:
    """SVG by title."""
    found: dict[str, str] = {}
    if made.verification is not None:
        trials = made.verification
        found["DET curve"] = _svg(_det, error_curve(trials.scores, trials.trials.same))
        found["Scores"] = _svg(_histogram, trials)
        found["Calibration"] = _svg(_calibration, trials)
    if isinstance(figures := made.report.figures.get("classification"), ClassificationFigures):
        found["Confusion matrix"] = _svg(_confusion_matrix, figures)
        if figures.learning_curve:
            found["Learning curve"] = _svg(_learning_curve, figures.learning_curve)
    if made.open_set is not None:
        found["Identification rate over false alarms"] = _svg(_dir, made.open_set.curve)
    return found


def _svg(draw: Any, content: Any) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # the class alone: no pyplot, so no global state and no display

    out = io.StringIO()
    with rc_context({"svg.hashsalt": "speakerid", "svg.fonttype": "path"}):  # the same picture each time, no fonts
        figure = Figure(figsize=(5.2, 4.2), layout="constrained")
        draw(figure.subplots(), content)
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _det(panel: Any, curve: ErrorCurve) -> None:
    from scipy.special import ndtri

    fpr, fnr = det_points(curve)
    ticks = ndtri(np.array(PERCENTS) / 100)
    panel.plot(fpr, fnr)
    panel.plot(ticks[[0, -1]], ticks[[0, -1]], color="tab:gray", linewidth=0.8)
    for axis, title in ((panel.xaxis, "false alarms in %"), (panel.yaxis, "misses in %")):
        axis.set_ticks(ticks, [f"{one:g}" for one in PERCENTS])
        axis.set_label_text(title)
    panel.set_xlim(ticks[0], ticks[-1])
    panel.set_ylim(ticks[0], ticks[-1])
    panel.grid(alpha=0.3)


def _histogram(panel: Any, scored: ScoredTrials) -> None:
    same = scored.trials.same
    edges = np.linspace(scored.scores.min(), scored.scores.max(), BINS + 1)
    for chosen, title in ((~same, "different speakers"), (same, "same speaker")):
        panel.hist(scored.scores[chosen], edges, density=True, alpha=0.6, label=title)
    panel.set_xlabel("llr" if scored.are_llrs else "score")
    panel.set_ylabel("density")
    panel.legend()


def calibration_points(scored: ScoredTrials) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(scores, llrs)`: the mean score of equally large groups of trials, and the llr that their labels show."""
    order = np.argsort(scored.scores, kind="stable")
    same = scored.trials.same
    scores, llrs = list[float](), list[float]()
    for group in np.array_split(order, min(GROUPS, len(order))):
        targets = int(same[group].sum())
        nontargets = len(group) - targets
        if min(targets, nontargets) >= LEAST:
            share, other = targets / same.sum(), nontargets / (~same).sum()
            scores.append(float(scored.scores[group].mean()))
            llrs.append(float(np.log(share / other)))
    return np.array(scores), np.array(llrs)


def _calibration(panel: Any, scored: ScoredTrials) -> None:
    scores, llrs = calibration_points(scored)
    panel.plot(scores, llrs, marker="o", label="measured")
    if scored.are_llrs and len(scores):
        panel.plot(scores[[0, -1]], scores[[0, -1]], color="tab:gray", linewidth=0.8, label="ideal")
        panel.legend()
    panel.set_xlabel("llr of the system" if scored.are_llrs else "score")
    panel.set_ylabel("llr in this test")
    panel.grid(alpha=0.3)


def _dir(panel: Any, curve: ErrorCurve) -> None:
    panel.step(np.maximum(curve.fpr, 1e-4), 100 * (1 - curve.fnr), where="post")
    panel.set_xscale("log")
    panel.set_xlabel("share of strangers who are named (FPIR)")
    panel.set_ylabel("enrolled speakers named rightly, in %")
    panel.set_ylim(0, 100)
    panel.grid(alpha=0.3)


def _confusion_matrix(panel: Any, figures: ClassificationFigures) -> None:
    """Each row in shares of what was spoken; a label that no one spoke has a white row."""
    counts = np.array(figures.confusion_matrix, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(figures.names))
    panel.set_xticks(places, figures.names, rotation=90, fontsize=_size(len(places)))
    panel.set_yticks(places, figures.names, fontsize=_size(len(places)))
    panel.set(xlabel="taken for", ylabel="spoken")
    if len(places) > MOST_NUMBERS:
        return
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        number = f"{counts[row, column]:.0f}"
        panel.text(column, row, number, ha="center", va="center", color=color, fontsize=_size(len(places)))


def _size(labels: int) -> float:
    """Of letters, in points."""
    return float(np.clip(160 / max(labels, 1), 2.5, 9))


def _learning_curve(panel: Any, points: Sequence[LearningPoint]) -> None:
    speakers = [one.speakers for one in points]
    panel.plot(speakers, [one.accuracy for one in points], marker="o")
    panel.set_xscale("log", base=2)
    panel.set_xticks(speakers, [str(one) for one in speakers])
    panel.set(xlabel="speakers of each label to learn from", ylabel="accuracy on other speakers, in %")
    panel.grid(alpha=0.3)


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
