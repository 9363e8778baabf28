"""The edge of the command: what is wrong usage, and how a command ends when it is interrupted or no one reads on."""

from __future__ import annotations

import difflib
import errno
import gc
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from speakerid.cli.console import REFUSED, USAGE, CommandProblem, report_problem

GARBAGE = (
    20_000  # objects between two looks for cycles: every 700 of what is imported, and stays, took a tenth of a start
)
INTERRUPTED = 130  # 128 and the number of the signal, as shells have it
CLOSED_PIPE = 141
WRONG_USAGE: Any = typer.BadParameter.__mro__[2]  # click's own class, or typer's copy of it
PREFIX = "SPEAKERID_"
NO_SETTINGS = ("URL", "KEY")  # what only the command line reads
BY_KUBERNETES = re.compile(r"SPEAKERID_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))")  # of a service named speakerid


class CommandLine(TyperGroup):
    """Ends with 0 for done, 1 for refused, 2 for wrong usage, 130 after Ctrl-C and 141 when the reader has gone."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **more: Any,
    ) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        gc.set_threshold(GARBAGE)
        _open_streams()
        code = self._run(words, "--json" in words, prog_name=prog_name, complete_var=complete_var, **more)
        if standalone_mode:
            gc.freeze()  # or the interpreter looks once more for cycles in all that it is about to forget: 0.2 s
            sys.exit(_flushed(code, "--json" in words))
        return code

    def _run(self, words: list[str], as_json: bool, **more: Any) -> int:
        try:
            return int(super().main(words, standalone_mode=False, **more) or 0)
        except typer.Abort:
            report_problem(CommandProblem("not_confirmed", "Nothing was done."), as_json)
            return REFUSED
        except WRONG_USAGE as error:
            _show(error, as_json)
            return USAGE
        except OSError as error:
            return _incomplete(error, as_json)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _read_no_more()
            raise typer.Exit(CLOSED_PIPE) from None


def _show(error: Any, as_json: bool) -> None:
    if as_json:
        report_problem(CommandProblem("wrong_usage", error.format_message()), as_json)
    else:
        error.show()


def _open_streams() -> None:
    """What cron, systemd and `>&-` may leave out; and text that the terminal's encoding lacks is no reason to fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            with suppress(OSError):  # a program that started this one has put a pipe where a file was
                stream.reconfigure(errors="replace")


def _flushed(code: int, as_json: bool) -> int:
    """The exit code, once all of the answer has been taken."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _read_no_more()
        return CLOSED_PIPE
    except OSError as error:
        return _incomplete(error, as_json)
    return code


def _incomplete(error: OSError, as_json: bool) -> int:
    """The exit code where a disk is full, usually the one that the answer goes to. Raises every other error."""
    if error.errno != errno.ENOSPC:
        raise error
    _read_no_more()
    sentence = "A disk is full: what was printed or written is not whole. Make room there, and look what was done."
    report_problem(CommandProblem("disk_full", sentence), as_json)
    return REFUSED


def _read_no_more() -> None:
    """Python would complain when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unknown_settings(known: Sequence[str]) -> Iterator[str]:
    """A sentence for each environment variable that looks like a setting, and is none."""
    names = [f"{PREFIX}{name.upper()}" for name in (*known, *NO_SETTINGS)]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in names and not BY_KUBERNETES.match(name):
            near = difflib.get_close_matches(name, names, 1)
            yield f"{name} is no setting, and is not used.{f' Did you mean {near[0]}?' if near else ''}"
