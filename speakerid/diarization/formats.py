"""A recording's turns, or its words, in the formats that other programs read, as rows for a table and as a picture."""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from collections.abc import Callable, Iterable

from speakerid.errors.extras import require
from speakerid.names import name_key, printable
from speakerid.types import Passage, Recording

# A spreadsheet runs a cell that begins with one of these as a formula; full-width forms count to some of them as well.
FORMULA = (
    *"=+-@\t\r\n",
    *"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}",
)
CSV_COLUMNS = ("start", "end", "voice", "speaker", "channel", "llr", "probability", "overlap")
_NO_TAGS = str.maketrans("<>{}", "\u2039\u203a()")  # single angle quotation marks
WIDTH_IN = 12.0
ROW_IN = 0.45
DPI = 120


def labels(recording: Recording) -> dict[str, str]:
    """What to call each speaker: their name, or `unknown_1`; the id where two would be called the same."""
    return _called(recording, str, name_key)


def rttm(recording: Recording, name: str) -> str:
    """NIST Rich Transcription Time Marked, a turn a line; `name` is the recording's.

    Its fields end at blanks, so those become underscores; a speaker has their id where two would be called the same.
    """
    called = _called(recording, _word, _word)
    return "".join(
        f"SPEAKER {_word(name)} {(turn.channel or 0) + 1} {turn.start:.3f} {turn.end - turn.start:.3f} "
        f"<NA> <NA> {called[turn.voice]} <NA> <NA>\n"
        for turn in recording.turns
    )


def srt(recording: Recording) -> str:
    """SubRip subtitles with who speaks. Arrows and tags in a name are written otherwise: players obey them."""
    called = labels(recording)
    return "".join(
        f"{number}\n{_clock(turn.start)} --> {_clock(turn.end)}\n{_line(called[turn.voice])}\n\n"
        for number, turn in enumerate(recording.turns, 1)
    )


def vtt(recording: Recording) -> str:
    """WebVTT subtitles whose voice spans name who speaks, which is also what is shown."""
    called = {voice: _escaped(name) for voice, name in labels(recording).items()}
    cues = (
        f"{_clock(turn.start, '.')} --> {_clock(turn.end, '.')}\n<v {called[turn.voice]}>{called[turn.voice]}</v>\n"
        for turn in recording.turns
    )
    return "\n".join(["WEBVTT\n", *cues])


def spoken_srt(passages: Iterable[Passage]) -> str:
    """SubRip subtitles with what is said."""
    return "".join(
        f"{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{_line(one.text)}\n\n"
        for number, one in enumerate(passages, 1)
    )


def spoken_vtt(passages: Iterable[Passage]) -> str:
    """WebVTT subtitles with what is said."""
    cues = (f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{_escaped(one.text)}\n" for one in passages)
    return "\n".join(["WEBVTT\n", *cues])


def _called(recording: Recording, written: Callable[[str], str], same: Callable[[str], str]) -> dict[str, str]:
    """By voice, the names as they are `written`; two are the `same` for a reader of the format if that says so."""
    wanted = {one.voice: one.speaker.name if one.speaker else one.voice for one in recording.voices}
    counts = Counter(same(name) for name in wanted.values())
    return {voice: written(name if counts[same(name)] == 1 else voice) for voice, name in wanted.items()}


def csv_rows(recording: Recording) -> str:
    """A turn a line under `CSV_COLUMNS` (RFC 4180); empty where a speaker has no name or the channels were mixed.

    A name that spreadsheets would run as a formula has an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for turn in recording.turns:
        voice, name = _cell(turn.voice), _cell(turn.speaker.name) if turn.speaker else ""
        numbers = ["" if one is None else f"{one:.4f}" for one in (turn.llr, turn.probability)]
        channel = "" if turn.channel is None else turn.channel
        ends = [f"{turn.start:.3f}", f"{turn.end:.3f}"]
        writer.writerow([*ends, voice, name, channel, *numbers, str(turn.overlap).lower()])
    return out.getvalue()


WRITERS: dict[str, Callable[[Recording, str], str]] = {
    "rttm": rttm,
    "srt": lambda recording, _: srt(recording),
    "vtt": lambda recording, _: vtt(recording),
    "csv": lambda recording, _: csv_rows(recording),
}


def clock(seconds: float) -> str:
    """A time for people: 1:02:03.4."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def _clock(seconds: float, point: str = ",") -> str:
    """A time as SubRip wants it: 01:02:03,400."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{thousandths:03d}"


def _cell(text: str) -> str:
    """A text as a cell that nothing runs; blanks in front do not hide a formula from every program."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def _escaped(text: str) -> str:
    """One line in which nothing is a tag, an arrow or a reference to a character."""
    return html.escape(printable(" ".join(text.split())), quote=False) or "_"


def _line(text: str) -> str:
    """One line without an arrow, which begins a subtitle, and without what players take for tags."""
    return printable(" ".join(text.split())).replace("-->", "\N{RIGHTWARDS ARROW}").translate(_NO_TAGS) or "_"


def _word(text: str) -> str:
    """One field. `<NA>` is no speaker."""
    word = "_".join(printable(" ".join(text.split())).split()) or "_"
    return "NA" if word == "<NA>" else word


def png(recording: Recording) -> bytes:
    """A PNG timeline with a row for each speaker, named ones in color, unknown ones in gray. Raises ExtraMissing."""
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.3 s, which a service never needs
    from matplotlib.figure import Figure

    called = labels(recording)
    rows = {voice.voice: nth for nth, voice in enumerate(recording.voices)}
    figure = Figure(figsize=(WIDTH_IN, 1.2 + ROW_IN * max(len(rows), 1)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for voice, row in rows.items():
        turns = [one for one in recording.turns if one.voice == voice]
        color = f"C{row % 10}" if any(one.speaker for one in turns) else "#9aa0a6"
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
