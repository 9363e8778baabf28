"""The words of the console: the same keys and placeholders in every language, and none that is missing or unused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import speakerid
from speakerid.types import (
    CalibrationSource,
    Change,
    Decision,
    EnrollmentRefusal,
    EnrollmentWarning,
    FindingKind,
    FindingReason,
    JobStage,
    JobState,
    Scope,
    Speaker,
    Suggestion,
)

CONSOLE = Path(speakerid.__file__).parent / "console"
LANGUAGES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (CONSOLE / "i18n").iterdir()}
ENGLISH: dict[str, str] = LANGUAGES["en"]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in [*CONSOLE.rglob("*.js"), CONSOLE / "index.html"])
VIEWS = [path.stem for path in (CONSOLE / "views").iterdir() if path.stem not in ("recording", "speaker")]


def values(owner: type, field: str) -> tuple[str, ...]:
    """What a field with a `Literal` type may be."""
    return get_args(get_type_hints(owner)[field])


# Keys that are put together where they are used: a test below names what they may be.
COMPOSED = {
    "calibration.": get_args(CalibrationSource),
    "coach.": (*get_args(EnrollmentRefusal), *get_args(EnrollmentWarning)),
    "decision.": get_args(Decision),
    "finding.": get_args(FindingKind),
    "finding.reason.": get_args(FindingReason),
    "history.": values(Change, "kind"),
    "history.state.": values(Change, "state"),
    "job.": get_args(JobState),
    "keys.scope.": get_args(Scope),
    "nav.": VIEWS,
    "reason.": get_args(Decision),
    "repair.": values(Suggestion, "action"),
    "stage.": get_args(JobStage),
    "status.": values(Speaker, "status"),
}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_a_language_says_what_english_says_in_its_own_order(language: str) -> None:
    words = LANGUAGES[language]
    assert list(words) == list(ENGLISH)
    assert {key for key in words if placeholders(words[key]) != placeholders(ENGLISH[key])} == set()
    assert [key for key, text in words.items() if not text.strip()] == []


def test_every_language_can_be_chosen() -> None:
    listed = re.search(r"LANGUAGES = \{(.*)\}", (CONSOLE / "i18n.js").read_text(encoding="utf-8"))
    assert listed is not None
    assert set(re.findall(r"(\w+):", listed[1])) == set(LANGUAGES)


def test_what_is_put_together_has_words() -> None:
    composed = {prefix + one for prefix, some in COMPOSED.items() for one in some}
    assert composed - set(ENGLISH) == set()


def test_every_key_in_the_code_has_words() -> None:
    called = re.findall(r"\b(?:t|known)\(\s*\"([\w.]+)\"", SOURCES)
    either = re.findall(r"\bt\([^()]*\? \"([\w.]+)\" : \"([\w.]+)\"", SOURCES)
    marked = re.findall(r'data-t(?:-label)?="([^"]+)"', SOURCES)
    assert {*called, *(one for pair in either for one in pair), *marked} - set(ENGLISH) == set()


def test_no_words_are_left_over() -> None:
    quoted = set(re.findall(r"\"([\w.]+)\"", SOURCES))
    made = tuple(prefix for prefix in re.findall(r"`([\w.]+\.)\$\{", SOURCES))
    assert {key for key in ENGLISH if key not in quoted and not key.startswith((*made, *COMPOSED))} == set()
