from __future__ import annotations

import io
import sys

import pytest

from speakerid.cli.console import number, plain, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert plain("a\x1b[31mb\udcff.wav") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}.wav"
    assert plain("Zoë 李\n") == "Zoë 李\n"


def test_numbers() -> None:
    assert (number(None), number(1.25), number(0.5, 3)) == ("–", "1.2", "0.500")


def test_progress_is_for_terminals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(progress([1, 2, 3], "Working")) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(progress([1, 2, 3], "Working")) == [1, 2, 3]
    assert "Working" in screen.getvalue()
    assert capsys.readouterr().out == ""
