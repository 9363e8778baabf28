"""Log lines that programs read."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from speakerid.cli.server.log_lines import JsonLines


def line(message: str, *arguments: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("speakerid.x", logging.WARNING, "", 0, message, arguments, more.pop("exc_info", None))
    record.created = 1_767_225_600.25  # the first moment of 2026
    vars(record).update(more)
    text = JsonLines(dict).format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_has_time_level_logger_and_message() -> None:
    assert line("the store is away: %s", "Zoë") == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "speakerid.x",
        "message": "the store is away: Zoë",
    }


def test_fields_are_members_of_their_own() -> None:
    assert line("x", fields={"status": 200, "problem": None})["status"] == 200


def test_a_failure_is_one_line_with_its_traceback() -> None:
    try:
        raise ValueError("nothing\nthere")
    except ValueError:
        found = line("failed", exc_info=sys.exc_info())
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: nothing\nthere")
