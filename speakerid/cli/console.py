"""What reaches the terminal: answers as JSON lines or tables, progress, questions, and errors with their exit code."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import typer

from speakerid.cli.wording import in_own_words
from speakerid.errors import SettingsError, SpeakeridError
from speakerid.errors.extras import extra_missing
from speakerid.names import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from speakerid.training.loop import StepProgress

T = TypeVar("T")
LINE_EVERY_S = 30.0  # of progress, into a file or a pipe
_HALF = re.compile("[\ud800-\udfff]")
REFUSED = 1
USAGE = 2


def emit(answer: Any) -> None:
    """One JSON value on one line; an answer of `speakerid.types` as the API sends it."""
    typer.echo(json_line(answer))


def json_line(value: Any) -> str:
    """In ASCII, which every console prints. Bytes of file names that are not UTF-8 become a replacement character:
    half a character is no valid JSON to every reader."""
    line = json.dumps(value, default=_answer_json)
    if "\\ud" not in line:
        return line
    return json.dumps(
        json.loads(_HALF.sub("\N{REPLACEMENT CHARACTER}", json.dumps(json.loads(line), ensure_ascii=False)))
    )


def answer(found: T, show: Callable[[T], None], *, as_json: bool) -> None:
    """`found` on stdout: as JSON for a program, by `show` for a person."""
    if as_json:
        emit(found)
    else:
        show(found)


def answer_all(found: Sequence[T], show: Callable[[Sequence[T]], None], *, as_json: bool) -> None:
    """The same for a whole list, which the API answers page by page."""
    if as_json:
        emit({"items": found, "next_cursor": None})
    else:
        show(found)


def _answer_json(answer: object) -> Any:
    from speakerid.types import to_json  # numpy and pydantic: 0.3 s

    return to_json(answer)


def echo(text: str) -> None:
    typer.echo(plain(text))


def echo_lost(lost_s: float, file: object = None) -> None:
    """Say that an answer rests on a part of the audio only, where it does."""
    if lost_s:
        sentence = f"{number(lost_s)} s of the audio cannot be decoded; the answer rests on the rest (audio_lost)."
        echo(sentence if file is None else f"{file}: {sentence}")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    from speakerid.cli import tables  # rich: 0.05 s, which an answer as JSON need not wait for

    tables.show(columns, ([plain(cell) for cell in row] for row in rows), title)


def plain(text: str) -> str:
    """Without what terminals obey and file names may hold; line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def seconds_of(moment: datetime) -> str:
    """Date and time to the second, in UTC."""
    return moment.isoformat()[:19]


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def progress(items: Sequence[T], title: str) -> Iterator[T]:
    """The items, one by one, with a bar when a person watches stderr and there are several."""
    with Watcher(quiet=len(items) < 2 or not sys.stderr.isatty()) as watcher:
        show = watcher.counting(title)
        show(0, len(items))
        for done, item in enumerate(items, 1):
            yield item
            show(done, len(items))


class Watcher:
    """A bar when a person watches stderr, else a line every half minute; nothing at all with `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._shown_at, self._line = float("-inf"), ""

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def counting(self, title: str) -> Callable[[int, int], None]:
        """For files and speakers: how many of how many, and how long the rest will take at this pace."""
        started = time.monotonic()

        def show(done: int, total: int) -> None:
            text = f"{done} of {total}{_left(started, done, total)}"
            self._show(plain(title), done / max(total, 1), text, last=done == total)

        return show

    def share(self, title: str) -> Callable[[float, float | None], None]:
        """For what is measured in seconds or percent: how long the rest will take, once the total is known."""
        started = time.monotonic()

        def show(done: float, total: float | None) -> None:
            if total:
                left = _left(started, done, total)
                percent = f"{100 * done / total:.0f} %" if self._bars is None else ""  # a bar says it by itself
                self._show(plain(title), done / total, f"{percent}{left}".removeprefix(", "), last=done == total)

        return show

    def step(self, now: StepProgress) -> None:
        """For the steps of a loop."""
        text = f"step {now.step}, loss {now.loss:.3f}, {_clock(now.eta_s)} left"
        self._show("Training", now.share, text, last=now.share >= 1)

    def _show(self, title: str, share: float, text: str, *, last: bool) -> None:
        if self._bars is not None:
            if title not in self._tasks:
                self._tasks[title] = self._bars.add_task(title, total=1.0, text="")
            self._bars.update(self._tasks[title], completed=share, text=text)
        elif not self._quiet and (last or time.monotonic() - self._shown_at > LINE_EVERY_S):
            line = f"{title}: {text}"
            if line != self._line:
                typer.echo(line, err=True)
            self._shown_at, self._line = time.monotonic(), line


def _left(started: float, done: float, total: float) -> str:
    """How long the rest takes at the pace since `started`."""
    if not 0 < done < total:
        return ""
    return f", {_clock((time.monotonic() - started) / done * (total - done))} left"


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(seconds))


def confirm(question: str, yes: bool) -> None:
    """Ask before something is destroyed: a person at a terminal; a script, which cannot answer, has to say `yes`.

    Raises typer.Abort (exit code 1) unless the answer is yes, typer.BadParameter (2) where nobody can be asked. Asked
    on stderr, so that stdout stays the answer's.
    """
    if yes:
        return
    if not at_terminal():
        raise typer.BadParameter(f"--yes is needed without a terminal, where nobody can be asked. {question}")
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)  # typer.confirm leaves a blank on stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort


def at_terminal() -> bool:
    return sys.stdin.isatty()


@dataclass(frozen=True)
class CommandProblem:
    """What the API's problem documents and the command line have in common."""

    code: str
    error: str  # a sentence for a person
    facts: dict[str, Any] = field(default_factory=dict)  # more, for a program

    @property
    def json(self) -> dict[str, Any]:
        return {"code": self.code, "error": self.error} | self.facts


def problem_of(error: SpeakeridError) -> CommandProblem:
    return CommandProblem(error.code, in_own_words(error.code, str(error)), error.facts)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Raises typer.Exit in place of an error of the tree. Any other is a bug, whose traceback is wanted."""
    try:
        yield
    except SpeakeridError as error:
        report_problem(problem_of(error), as_json)
        raise typer.Exit(USAGE if isinstance(error, SettingsError) else REFUSED) from error
    except ImportError as error:
        missing = extra_missing(error)
        if missing is None:
            raise
        report_problem(problem_of(missing), as_json)
        raise typer.Exit(REFUSED) from error


def report_problem(problem: CommandProblem, as_json: bool) -> None:
    """One sentence, or one line of JSON, on stderr."""
    sentence = " ".join(problem.error.split())  # a database's own words may come in several lines
    typer.echo(json_line(problem.json) if as_json else plain(f"{problem.code}: {sentence}"), err=True)


def refuse_if(refused: bool) -> None:
    """The exit code for an answer that was printed all the same."""
    if refused:
        raise typer.Exit(REFUSED)
