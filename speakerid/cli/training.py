"""What `train` and `finetune` have in common: the extra they need, a bar of steps on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from speakerid.errors import SpeakeridError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from speakerid.training.watch import Seen

LINE_EVERY_S = 30.0  # into a file or a pipe


class Device(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"


class TrainingExtraMissing(SpeakeridError):
    code = "training_extra_missing"

    def __init__(self, missing: str) -> None:
        super().__init__(f"Training needs the package {missing!r}. Install it with: pip install 'speakerid[train]'")


def require_extra() -> None:
    """Raises `TrainingExtraMissing` before anything slow begins."""
    for name in ("onnx", "onnxscript", "matplotlib"):
        if find_spec(name) is None:
            raise TrainingExtraMissing(name)


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
        """For files and voices: how many of how many."""
        return lambda done, total: self._show(title, done / max(total, 1), f"{done} of {total}", last=done == total)

    def step(self, now: Seen) -> None:
        """For the steps of a loop."""
        left = time.strftime("%H:%M:%S", time.gmtime(now.eta_s))
        text = f"step {now.step}, loss {now.loss:.3f}, {left} left"
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


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
