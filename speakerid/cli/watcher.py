"""Long work as seen from a terminal: bars on stderr, or now and then a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from speakerid.training.loop import StepProgress

LINE_EVERY_S = 30.0  # into a file or a pipe


class Watcher:
    """A bar when a person watches stderr, else a line every half minute; nothing at all with `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said_at = float("-inf")

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
        """For files and voices: how many of how many, and how long the rest will take at this pace."""
        started = time.monotonic()

        def show(done: int, total: int) -> None:
            left_s = (time.monotonic() - started) / max(done, 1) * (total - done)
            left = f", {_clock(left_s)} left" if 0 < done < total else ""
            self._show(title, done / max(total, 1), f"{done} of {total}{left}", last=done == total)

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
        elif not self._quiet and (last or time.monotonic() - self._said_at > LINE_EVERY_S):
            self._said_at = time.monotonic()
            typer.echo(f"{title}: {text}", err=True)


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(seconds))
