"""Words find the turn that they were said in."""

from __future__ import annotations

import pytest

from speakerid.transcription.turns import texts
from speakerid.types import Turn, Word


def turn(start: float, end: float) -> Turn:
    return Turn(start, end, "unknown_1", None, None, None, None)


def said(text: str, start: float, end: float | None = None) -> Word:
    return Word(start, start + 0.2 if end is None else end, f" {text}")


def test_each_turn_gets_the_words_inside_it() -> None:
    words = [said("Hello", 0.1), said("there.", 0.5), said("Hi!", 2.3)]
    assert texts(words, [turn(0.0, 2.0), turn(2.2, 3.0)]) == ["Hello there.", "Hi!"]


def test_a_word_across_a_border_goes_where_most_of_it_lies() -> None:
    turns = [turn(0.0, 1.0), turn(1.0, 2.0)]
    assert texts([said("early", 0.5, 1.2)], turns) == ["early", ""]
    assert texts([said("late", 0.9, 1.6)], turns) == ["", "late"]


def test_where_two_speak_a_word_goes_to_who_spoke_before() -> None:
    turns = [turn(0.0, 4.0), turn(3.0, 6.0)]
    assert texts([said("one", 1.0), said("two", 3.2), said("three", 4.5)], turns) == ["one two", "three"]


def test_a_first_word_that_two_may_have_said_goes_to_the_turn_that_ends_first() -> None:
    assert texts([said("yes", 1.2)], [turn(0.0, 9.0), turn(1.0, 2.0)]) == ["", "yes"]


@pytest.mark.parametrize(("start", "text"), [(1.5, "near"), (2.9, "")])
def test_a_word_outside_belongs_to_a_turn_nearby_or_to_no_one(start: float, text: str) -> None:
    assert texts([said("near", start)], [turn(0.0, 1.0)]) == [text]


def test_words_without_a_turn_and_turns_without_a_word_are_empty() -> None:
    assert texts([said("hm", 0.0)], []) == []
    assert texts([], [turn(0.0, 1.0)]) == [""]
