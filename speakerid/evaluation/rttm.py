"""Diarization error rates of RTTM files (NIST Rich Transcription), which hold who speaks when.

UEM files hold which part of a recording counts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from speakerid.errors.extras import require
from speakerid.evaluation.errors import (
    EmptyList,
    ListMissing,
    NotRttm,
    NotUem,
    UnpairedRecordings,
    named,
)
from speakerid.evaluation.report.facts import Evaluated, ListFacts, Report, now, software
from speakerid.evaluation.tables import decoded, read_bytes
from speakerid.metrics.der import DiarizationErrors, SpeakerTurn, Stretch, diarization_errors, identification_errors

Counted = Mapping[str, Sequence[Stretch]]  # by recording
SPEAKER = "SPEAKER"
OTHERS = {  # of the format, but not about who speaks
    "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP", "CB",
    "A/P", "SPKR-INFO",
}  # fmt: skip
COMMENT = ";;"
COLLAR_S = 0.25


@dataclass(frozen=True)
class Diarized:
    """The turns of recordings by their names; none where a file is there without a turn."""

    name: str
    sha256: str  # of the files, one after the other
    turns: dict[str, tuple[SpeakerTurn, ...]]

    @property
    def speakers(self) -> set[str]:
        return {turn.speaker for turns in self.turns.values() for turn in turns}


def read_rttm(path: Path) -> Diarized:
    """A file of any number of recordings, or a folder of `.rttm` files. Raises ListMissing, EmptyList, NotRttm."""
    files = sorted(path.rglob("*.rttm")) if path.is_dir() else [path]
    if not files:
        raise ListMissing(f"{str(path)!r} holds no .rttm file. Give an RTTM file or a folder of them.")
    digest, found = hashlib.sha256(), dict[str, list[SpeakerTurn]]()
    for file in files:
        content = read_bytes(file)
        digest.update(content)
        spoken = [(fields[1], turn) for line, fields in _lines(file, content) if (turn := _turn(file, line, fields))]
        if not spoken and not path.is_dir():
            raise EmptyList(file)
        for recording, turn in spoken:
            found.setdefault(recording, []).append(turn)
        if not spoken:
            found.setdefault(file.stem, [])
    return Diarized(path.name, digest.hexdigest(), {name: _merged(turns) for name, turns in sorted(found.items())})


def read_uem(path: Path) -> dict[str, list[tuple[float, float]]]:
    """`recording channel start end` a line: the seconds that count. Raises ListMissing, EmptyList, NotUem."""
    found = dict[str, list[tuple[float, float]]]()
    for line, fields in _lines(path, read_bytes(path)):
        start, end = _seconds(fields[2:4]) if len(fields) == 4 else (math.nan, math.nan)
        if not 0.0 <= start < end:
            raise NotUem(path, line, "expected is UEM: recording channel start end, in seconds.")
        found.setdefault(fields[0], []).append((start, end))
    if not found:
        raise EmptyList(path)
    return found


def _lines(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(decoded(path, content), 1):
        if (fields := text.split()) and not text.startswith(COMMENT):
            yield line, fields


def _turn(path: Path, line: int, fields: Sequence[str]) -> SpeakerTurn | None:
    """None for lines about something else. Raises NotRttm."""
    if fields[0] in OTHERS:
        return None
    if fields[0] != SPEAKER or len(fields) not in (8, 9, 10):
        raise NotRttm(path, line)
    start, duration = _seconds(fields[3:5])
    if not (start >= 0.0 and duration >= 0.0):
        raise NotRttm(path, line)
    return SpeakerTurn(start, start + duration, fields[7])


def _seconds(texts: Sequence[str]) -> tuple[float, float]:
    """NaN for what is no finite number."""
    try:
        one, other = (float(text) for text in texts)
    except ValueError:
        return math.nan, math.nan
    return (one, other) if math.isfinite(one + other) else (math.nan, math.nan)


def _merged(turns: Sequence[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    """Overlapping turns of one speaker are one: a person does not speak twice at a time."""
    found = list[SpeakerTurn]()
    for turn in sorted(turns, key=lambda turn: (turn.speaker, turn.start, turn.end)):
        last = found[-1] if found else None
        if last is not None and last.speaker == turn.speaker and turn.start < last.end:
            found[-1] = SpeakerTurn(last.start, max(last.end, turn.end), last.speaker)
        else:
            found.append(turn)
    return tuple(found)


@dataclass(frozen=True)
class RecordingErrors:
    """Percent of `speech_s`, the reference's seconds of speech; where two speak at once they count twice.

    None where the reference has no speech, so that there is nothing to be a share of.
    """

    recording: str
    speech_s: float
    der: float | None
    missed: float | None
    false_alarm: float | None
    confusion: float | None
    ier: float | None  # DER without mapping of names; None too when reference and hypothesis share no name

    @classmethod
    def of(cls, recording: str, errors: DiarizationErrors, names: DiarizationErrors | None) -> RecordingErrors:
        def percent(seconds: float) -> float | None:
            return 100.0 * seconds / errors.total if errors.total else None

        return cls(
            recording=recording,
            speech_s=errors.total,
            der=percent(errors.missed + errors.false_alarm + errors.confused),
            missed=percent(errors.missed),
            false_alarm=percent(errors.false_alarm),
            confusion=percent(errors.confused),
            ier=None if names is None else percent(names.missed + names.false_alarm + names.confused),
        )


@dataclass(frozen=True)
class Diarization:
    collar_s: float  # on each side of every boundary of the reference
    hypothesis_sha256: str
    all: RecordingErrors  # seconds added up over the recordings
    recordings: tuple[RecordingErrors, ...]


def evaluate_rttm(
    reference: Path, hypothesis: Path, *, collar_s: float = COLLAR_S, uem: Path | None = None, command: str = ""
) -> Evaluated:
    """Raises NotRttm, NotUem, ListError, ExtraMissing."""
    require("pyannote")
    started_at = now()
    truth, answer = read_rttm(reference), read_rttm(hypothesis)
    counted = _counted(truth, answer, None if uem is None else read_uem(uem))
    pairs = [(turns, answer.turns[name], counted[name], collar_s) for name, turns in truth.turns.items()]
    errors = [diarization_errors(*pair) for pair in pairs]
    share_names = bool(truth.speakers & answer.speakers)
    names = [identification_errors(*pair) if share_names else None for pair in pairs]
    each = tuple(map(RecordingErrors.of, truth.turns, errors, names))
    known = [one for one in names if one is not None]
    zero = DiarizationErrors()
    total = RecordingErrors.of("in all", sum(errors, zero), sum(known, zero) if share_names else None)
    report = Report(
        protocol="diarization",
        figures={"diarization": Diarization(collar_s, answer.sha256, total, each)},
        list=ListFacts(truth.name, truth.sha256, sum(map(len, truth.turns.values()))),
        scoring=f"{answer.name}, collar of {collar_s:g} s on each side of a boundary, overlapping speech counts, "
        + ("all from the first turn to the last" if uem is None else f"what {uem.name} names"),
        command=command,
        started_at=started_at,
        software=software() | {"pyannote.metrics": version("pyannote.metrics")},
    )
    return Evaluated(report)


def _counted(
    truth: Diarized, answer: Diarized, uem: Mapping[str, Sequence[Stretch]] | None
) -> Mapping[str, Sequence[Stretch]]:
    """What counts of each recording. Raises UnpairedRecordings."""
    for here, there in ((truth, answer), (answer, truth)):
        _require(here.turns.keys() - there.turns.keys(), here.name, there.name)
    if uem is None:
        return {name: _extent((*truth.turns[name], *answer.turns[name])) for name in truth.turns}
    _require(truth.turns.keys() - uem.keys(), truth.name, "the UEM file")
    return uem


def _require(missing: set[str], here: str, there: str) -> None:
    if missing:
        raise UnpairedRecordings(
            f"{len(missing)} recording(s) of {here} are not in {there}: {named(sorted(missing))}. The second column "
            "names the recording; give both sides the same ones, an empty file where no one speaks."
        )


def _extent(turns: Sequence[SpeakerTurn]) -> Sequence[Stretch]:
    return [(min(one.start for one in turns), max(one.end for one in turns))] if turns else []
