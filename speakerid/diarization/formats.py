"""A recording's turns in the formats that other programs read, and as rows for a table."""

from __future__ import annotations

import csv
import io
from collections import Counter

from speakerid.timeline import Recording

CSV_COLUMNS = ("start", "end", "voice", "speaker", "channel", "llr", "probability", "overlap")


def labels(recording: Recording) -> dict[str, str]:
    """What to call each voice: the speaker's name, the id where two have that name, or `unknown_1`."""
    names = Counter(one.speaker.name for one in recording.voices if one.speaker)
    return {
        one.voice: one.speaker.name if one.speaker and names[one.speaker.name] == 1 else one.voice
        for one in recording.voices
    }


def rttm(recording: Recording, name: str) -> str:
    """NIST Rich Transcription Time Marked, a turn a line; `name` is the recording's. Blanks become underscores."""
    called = labels(recording)
    return "".join(
        f"SPEAKER {_word(name)} {(turn.channel or 0) + 1} {turn.start:.3f} {turn.end - turn.start:.3f} "
        f"<NA> <NA> {_word(called[turn.voice])} <NA> <NA>\n"
        for turn in recording.turns
    )


def srt(recording: Recording) -> str:
    """SubRip subtitles that say who speaks."""
    called = labels(recording)
    return "".join(
        f"{number}\n{_clock(turn.start)} --> {_clock(turn.end)}\n{' '.join(called[turn.voice].split())}\n\n"
        for number, turn in enumerate(recording.turns, 1)
    )


def csv_rows(recording: Recording) -> str:
    """A turn a line under `CSV_COLUMNS` (RFC 4180); empty where a voice has no name or the channels were mixed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for turn in recording.turns:
        name = turn.speaker.name if turn.speaker else ""
        numbers = ["" if one is None else f"{one:.4f}" for one in (turn.llr, turn.probability)]
        channel = "" if turn.channel is None else turn.channel
        writer.writerow(
            [f"{turn.start:.3f}", f"{turn.end:.3f}", turn.voice, name, channel, *numbers, str(turn.overlap).lower()]
        )
    return out.getvalue()


def clock(seconds: float) -> str:
    """1:02:03.4 for people."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def _clock(seconds: float) -> str:
    """01:02:03,400 as SubRip wants it."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def _word(text: str) -> str:
    return "_".join(text.split()) or "_"
