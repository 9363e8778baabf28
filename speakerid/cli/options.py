"""The options that commands share, as dataclasses, and `with_options`, which turns their fields into options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from speakerid.cli.console import reported
from speakerid.errors import SettingsError

if TYPE_CHECKING:
    from speakerid.settings import Settings


EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="default, campplus, a .onnx file, a SpeechBrain directory or a hub name. [env: SPEAKERID_ENCODER]",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal nothing is asked anyway.")]
OneChannel = Annotated[
    str, typer.Option("--channel", help="mix, or the number of a channel, counted from 0: one side of a call.")
]
Candidates = Annotated[
    str | None, typer.Option("--candidates", metavar="A,B", help="Only these speakers may be named (names or ids).")
]


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
class Place(Store):
    """Where the speakers are: in a store of this machine, or behind a server."""

    encoder: EncoderOption = None
    url: Annotated[
        str | None, typer.Option("--url", help="Work on this server, not on a store. [env: SPEAKERID_URL]")
    ] = None
    key: Annotated[
        str | None,
        typer.Option("--key", envvar="SPEAKERID_KEY", show_envvar=False, help="Its key. [env: SPEAKERID_KEY]"),
    ] = None


@dataclass(frozen=True)
class Target(Place):
    gallery: Annotated[str, typer.Option("--gallery", help="The gallery to work in.")] = "default"


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let every field of the dataclass that `command` takes first be a command-line option.

    An error of the tree ends the command with one sentence on stderr and its exit code, never with a traceback.
    """
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    shared = _parameters(first.annotation)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        options = first.annotation(**{one.name: values.pop(one.name) for one in shared})
        with reported(options.as_json):
            command(options, **values)

    parameters = [*own, *shared]
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


def names_in(candidates: str | None) -> list[str] | None:
    """What stands between commas; None where the option was not given."""
    return None if candidates is None else [one.strip() for one in candidates.split(",") if one.strip()]


def read_settings(**typed: Any) -> Settings:
    """An option that is None was not typed. Raises SettingsError, naming the setting that is wrong."""
    from pydantic import ValidationError  # 0.2 s with pydantic-settings: not before a command runs

    from speakerid.settings import Settings

    try:
        return Settings(**{name: value for name, value in typed.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting '{name}' is wrong: {first['msg']}. Correct SPEAKERID_{name.upper()} or the option for it."
        ) from None
