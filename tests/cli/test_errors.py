from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from speakerid import errors
from speakerid.cli.batch import STOPS
from tests.cli.command import Command

FROM_CLIENT = {"server_unreachable", "unexpected_answer", "no_such_path"}


def _codes(tree: type[errors.SpeakeridError] = errors.SpeakeridError) -> Iterator[str]:
    yield tree.code
    for kind in tree.__subclasses__():
        yield from _codes(kind)


def test_the_codes_that_stop_a_batch_exist() -> None:
    assert set(_codes()) | FROM_CLIENT >= STOPS


@pytest.mark.parametrize(
    ("environment", "code", "exit_code"),
    [
        ({"SPEAKERID_ENCODER": "no-such"}, "encoder_not_found", 1),
        ({"SPEAKERID_STORE": "mysql://here/x"}, "store_unavailable", 1),
        ({"SPEAKERID_STORE": "postgresql://127.0.0.1:1/x"}, "store_unavailable", 1),
        ({"SPEAKERID_PRIOR": "2"}, "settings_error", 2),
        ({"SPEAKERID_URL": "http://127.0.0.1:1"}, "server_unreachable", 1),
    ],
    ids=lambda value: str(value),
)
def test_one_sentence_and_no_traceback(
    speakerid: Command, environment: dict[str, str], code: str, exit_code: int
) -> None:
    ran = speakerid("speakers", "list", **environment)
    assert (ran.code, ran.out) == (exit_code, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"{code}: ")
    assert set(speakerid("speakers", "list", "--json", **environment).problem) == {"code", "error"}


def test_a_file_that_is_no_store(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are notes, and long enough not to be an empty database " * 3)
    assert (
        speakerid("speakers", "list", "--store", tmp_path / "notes.db", "--json").problem["code"] == "store_unavailable"
    )


def test_bugs_keep_their_traceback(speakerid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("speakerid.verbs.SpeakerID.speakers", broken)
    with pytest.raises(ZeroDivisionError):
        speakerid("speakers", "list")
