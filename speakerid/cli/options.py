"""The options that commands share, as dataclasses, and `with_options`, which turns their fields into options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from speakerid.cli.command_line import PREFIX, unknown_settings
from speakerid.cli.console import CommandProblem, report_problem, reported
from speakerid.cli.wording import speaking, words_of
from speakerid.names import listed

if TYPE_CHECKING:
    from speakerid.settings import Settings


EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="default, campplus, a .onnx file, a SpeechBrain directory or a hub name. [env: SPEAKERID_ENCODER]",
    ),
]
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="Where speech is embedded: on this machine, or on a Ray cluster (RAY_ADDRESS)."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Needed without a terminal.")]
OneChannel = Annotated[
    str, typer.Option("--channel", help="mix, or the number of a channel, counted from 0: one side of a call.")
]
Candidates = Annotated[
    str | None,
    typer.Option(
        "--candidates", metavar="A,B", help='Only these speakers may be named (names or ids); "A, B" is one name.'
    ),
]
Tagged = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Only speakers with this tag may be named; repeated, with any of them."),
]


COMMAND: ContextVar[str] = ContextVar("command", default="")  # the one that runs, such as speakers.delete


@dataclass(frozen=True)
class Output:
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the API's own JSON answer, a line each, and nothing else.")
    ] = False


@dataclass(frozen=True)
class Store(Output):
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="PATH_OR_URL", help="A SQLite file or a postgresql:// URL. [env: SPEAKERID_STORE]"
        ),
    ] = None


@dataclass(frozen=True)
class StoreOrServer(Store):
    """A store of this machine, or a server."""

    url: Annotated[
        str | None, typer.Option("--url", help="Work on this server, not on a store. [env: SPEAKERID_URL]")
    ] = None
    key: Annotated[
        str | None,
        typer.Option("--key", envvar="SPEAKERID_KEY", show_envvar=False, help="Its key. [env: SPEAKERID_KEY]"),
    ] = None


@dataclass(frozen=True)
class Place(StoreOrServer):
    """Where the speakers are; in a store they need their encoder."""

    encoder: EncoderOption = None


@dataclass(frozen=True)
class Target(Place):
    gallery: Annotated[str, typer.Option("--gallery", help="The gallery to work in.")] = "default"


@dataclass(frozen=True)
class SpreadTarget(Target):
    """Much speech, which a Ray cluster may embed: that of RAY_ADDRESS, or one on this machine."""

    engine: EngineOption = "local"
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="With --engine ray: how many, one core each. [default: 1]")
    ] = None

    def cluster_workers(self, *, of: str, possible: bool) -> int | None:
        """None: all is done here. Raises typer.BadParameter, also where it is asked for and not `possible`, `of` being
        what it is for; ExtraMissing."""
        if self.engine == "local":
            if self.workers is not None:
                raise typer.BadParameter("--workers are those of --engine ray. Give both, or neither.")
            return None
        if not possible:
            raise typer.BadParameter(f"--engine ray is for {of}, and for a store. Leave it out.")
        from speakerid.errors.extras import require

        require("ray")
        return self.workers or 1


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let every field of the dataclass that `command` takes first be a command-line option.

    An error of the tree ends the command with one sentence on stderr and its exit code, never with a traceback.
    """
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    called = f"{command.__module__.rpartition('.')[2]}.{command.__name__}"
    shared = _parameters(first.annotation)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        options = first.annotation(**{one.name: values.pop(one.name) for one in shared})
        warn_of_unknown_settings(options.as_json)
        COMMAND.set(called)
        with speaking(words), reported(options.as_json):
            command(options, **values)

    parameters = [*own, *shared]
    words = words_of(parameters)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _parameters(options: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(options, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(one.name, keyword, default=one.default, annotation=hints[one.name])
        for one in dataclasses.fields(options)
    ]


def one_channel(text: str, others: str = "") -> Literal["mix"] | int:
    """Raises typer.BadParameter; `others` names what else would have been right."""
    if text == "mix":
        return "mix"
    if text.isascii() and text.isdecimal():
        return int(text)
    raise typer.BadParameter(f"--channel is mix, {others}or the number of a channel, counted from 0.")


def refuse_unwritable(out: Path | None, option: str) -> None:
    """Raises typer.BadParameter, before any work is done for a file that could not be written."""
    if out is None:
        return
    place = out.absolute().parent
    if out.is_dir():
        problem = f"{out} is a folder. Name a file."
    elif not place.is_dir():
        problem = f"There is no folder {place}."
    elif not os.access(out if out.exists() else place, os.W_OK):
        problem = f"{out} cannot be written: it, or its folder, is read-only for this user."
    else:
        return
    raise typer.BadParameter(problem, param_hint=option)


def names_in(candidates: str | None) -> list[str] | None:
    """None where the option was not given."""
    return None if candidates is None else listed(candidates)


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """As they are kept. Raises typer.BadParameter."""
    if not tags:
        return ()
    from speakerid.errors import InvalidTag
    from speakerid.services import validation  # SQLAlchemy: 0.5 s

    try:
        return validation.tags(tags)
    except InvalidTag as error:
        raise typer.BadParameter(str(error)) from error


def read_settings(**typed: Any) -> Settings:
    """An option that is None was not typed. Raises SettingsError, naming the setting that is wrong."""
    from speakerid.settings import read_settings  # 0.2 s with pydantic-settings: not before a command runs

    return read_settings(**typed)


def warn_of_unknown_settings(as_json: bool) -> None:
    """On stderr: a misspelt one would be passed over in silence."""
    if not any(name.startswith(PREFIX) for name in os.environ):
        return
    from speakerid.settings import Settings  # as above

    for sentence in unknown_settings(tuple(Settings.model_fields)):
        report_problem(CommandProblem("unknown_setting", sentence), as_json)
