"""What an actor of a cluster answers where its work fails, without a cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from speakerid.cluster.actors import WANT_OF_MEMORY, _Actor, _result, _told
from speakerid.errors import ClusterFailed, EncoderFailed


def failing(error: Exception) -> Callable[[str], str]:
    def work(item: str) -> str:
        raise error

    return work


def told(error: Exception) -> str:
    row = _Actor(failing, (error,))({"item": pickle.dumps("Ada.wav")})
    with pytest.raises(ClusterFailed) as failed:
        _result(row)
    return str(failed.value)


def test_a_bug_is_told_by_its_kind_and_place_and_not_as_want_of_memory() -> None:
    sentence = told(KeyError("Ada"))
    assert "KeyError at test_actors.py:" in sentence
    assert "memory" not in sentence
    assert "Ada" not in sentence


def test_want_of_memory_and_errors_of_this_package_keep_their_sentences() -> None:
    assert told(MemoryError()) == WANT_OF_MEMORY
    assert told(EncoderFailed("The encoder failed.")) == "The encoder failed."


class RayError(Exception):
    """As that of Ray, whose import warns."""


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__("Ada")
        self.cause = cause


class UserCodeException(RayError): ...


KINDS = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, UserCodeException=UserCodeException)


def generating() -> Callable[[str], object]:
    return lambda item: (one for one in item)


def test_what_cannot_be_sent_back_is_a_bug() -> None:
    row = _Actor(generating, ())({"item": pickle.dumps("Ada.wav")})
    with pytest.raises(ClusterFailed, match=r"failed: TypeError at actors\.py"):
        _result(row)


@pytest.mark.parametrize(
    ("error", "begins"),
    [
        (RayError("the worker died"), WANT_OF_MEMORY),
        (RayTaskError(RayError("of memory")), WANT_OF_MEMORY),
        (RayTaskError(MemoryError()), WANT_OF_MEMORY),
        (
            RayTaskError(UserCodeException("Ada")),
            "A worker of the Ray cluster failed: UserCode",
        ),
        (RayTaskError(ValueError("Ada")), "A worker of the Ray cluster failed: ValueError. That is a bug"),
    ],
    ids=["ended", "ended within", "memory", "bug", "plain bug"],
)
def test_a_bug_that_ray_tells_is_told_apart_from_an_end(error: Exception, begins: str) -> None:
    sentence = _told(error, KINDS)
    assert sentence.startswith(begins)
    assert "Ada" not in sentence
