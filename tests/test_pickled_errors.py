"""Every error is the same behind a process border: class, sentence, code and what a program reads of it."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

from speakerid.client import ClientError
from speakerid.errors import SpeakeridError
from speakerid.types import Review, Speech

BY_ANNOTATION: dict[str, Any] = {
    "str": "text",
    "str | None": "text",
    "int": 3,
    "int | None": 3,
    "float": 2.5,
    "float | None": 2.5,
    "bool": True,
    "Sequence[str]": ["one", "two"],
    "Review": Review(Speech(0.5, 20.0, 0.0, 8000), 1.0, None, None, "spk_1", ("too_little_speech",), ()),
    "dict[str, Any] | None": {"param": "file"},
}


def every_error(kind: type[SpeakeridError] = SpeakeridError) -> Iterator[type[SpeakeridError]]:
    yield kind
    for narrower in kind.__subclasses__():
        if narrower.__module__.startswith(("speakerid.errors", ClientError.__module__)):
            yield from every_error(narrower)


def raised(kind: type[SpeakeridError]) -> SpeakeridError:
    """With an argument for each that it takes."""
    if not isinstance(kind.__init__, FunctionType):
        return kind("What is wrong, and what to do.")
    given = {one.name: BY_ANNOTATION[one.annotation] for one in inspect.signature(kind).parameters.values()}
    return kind(**given)


@pytest.mark.parametrize("kind", list(every_error()))
def test_an_error_survives_a_process_border(kind: type[SpeakeridError]) -> None:
    error = raised(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
        assert (again.code, again.facts) == (error.code, error.facts)
