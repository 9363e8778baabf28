"""A recording's timeline as a PNG picture: a row for each voice."""

from __future__ import annotations

import io

from speakerid.diarization.formats import clock, labels
from speakerid.errors.extras import require
from speakerid.types import Recording

WIDTH_IN = 12.0
ROW_IN = 0.45
DPI = 120


def png(recording: Recording) -> bytes:
    """Named voices in color, unknown ones in gray. Raises ExtraMissing."""
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.3 s, which a service never needs
    from matplotlib.figure import Figure

    called = labels(recording)
    rows = {voice.voice: nth for nth, voice in enumerate(recording.voices)}
    figure = Figure(figsize=(WIDTH_IN, 1.2 + ROW_IN * max(len(rows), 1)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for voice, row in rows.items():
        turns = [one for one in recording.turns if one.voice == voice]
        color = "#9aa0a6" if turns[0].speaker is None else f"C{row % 10}"
        axes.broken_barh([(one.start, one.end - one.start) for one in turns], (row - 0.35, 0.7), color=color)
    names = [called[voice].replace("$", r"\$") for voice in rows]  # a dollar sign would begin a formula
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.set_xlim(0.0, max(recording.seconds, 1.0))
    axes.xaxis.set_major_formatter(lambda seconds, _: clock(seconds).split(".")[0])
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)  # type: ignore[no-untyped-call]  # matplotlib has no type for it
    return out.getvalue()
