"""Sentences of errors in the words of the command line.

The errors of the package name a parameter as Python and the API have it: `'min_speakers'`, `accept=clipped`. Who typed
`--min-speakers` or NAME reads that instead.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import get_args

import typer
from typer.models import ArgumentInfo, OptionInfo

Words = Mapping[str, str]  # options and metavars by the names of parameters
_WORDS: ContextVar[Words] = ContextVar("words", default=MappingProxyType({}))
_PARAMETER = re.compile(
    r"(?<!for )(?<!speaker )(?<!allery )'(?P<quoted>[a-z_]+)'|\b(?P<set>[a-z_]+)=(?=\w)"
    r"|\b(?:body|query)\.(?P<field>[a-z_]+)\b"
    r"|(?P<header>as 'Authorization: Bearer [^']*')"
)
# They repeat what was typed: a speaker may be called 'channel', as may one that is looked behind for above.
_REPEATING = ("_not_found", "file_missing", "_taken", "_elsewhere", "_exists", "ambiguous_name", "no_voiceprint")


def words_of(parameters: Iterable[inspect.Parameter]) -> Words:
    """Of a command, as Typer reads its parameters."""
    return dict(word for one in parameters for word in _words(one))


@contextmanager
def speaking(words: Words) -> Iterator[None]:
    """Sentences in the block are about the command with these words."""
    before = _WORDS.set(words)
    try:
        yield
    except typer.BadParameter as error:
        error.message = in_own_words("usage", error.message)
        raise
    finally:
        _WORDS.reset(before)


def in_own_words(code: str, sentence: str) -> str:
    """The sentence of an error with this code."""
    words = _WORDS.get()

    def own(found: re.Match[str]) -> str:
        if found["header"]:
            return f"with {words['key']}" if "key" in words else found[0]
        word = words.get(found["quoted"] or found["set"] or found["field"])
        if word is None:
            return found[0]
        return f"{word} " if found["set"] else word

    return sentence if code.endswith(_REPEATING) else _PARAMETER.sub(own, sentence)


def _words(parameter: inspect.Parameter) -> Iterator[tuple[str, str]]:
    for info in get_args(parameter.annotation)[1:]:
        if isinstance(info, OptionInfo):
            typed = next((one for one in info.param_decls or () if one.startswith("--")), None)
            yield parameter.name, (typed or f"--{parameter.name.replace('_', '-')}").partition("/")[0]
        elif isinstance(info, ArgumentInfo) and info.metavar:
            yield parameter.name, info.metavar
            yield info.metavar.lower(), info.metavar
