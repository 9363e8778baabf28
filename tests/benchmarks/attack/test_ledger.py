"""The ledger tells a lost write from one whose answer never came."""

from __future__ import annotations

import pytest

from benchmarks.attack.ledger import Create, Enroll, EraseSpeaker, Ledger, Merge, Move, Person, State, Write

ADA, BEN = Person("Ada", frozenset({"utt_1"})), Person("Ben", frozenset({"utt_2"}))
BOTH_VOICES = Person("Ben", frozenset({"utt_1", "utt_2"}))
BOTH = State({"spk_a": ADA, "spk_b": BEN})


def ledger(pending: Write | None = None) -> Ledger:
    return Ledger(state=BOTH, pending=pending)


def test_nothing_written_and_nothing_changed_is_right() -> None:
    assert ledger().settle(BOTH) == []


def test_an_acknowledged_speaker_who_is_gone_is_lost() -> None:
    (sentence,) = ledger().settle(State({"spk_b": BEN}))
    assert "['spk_a', 'utt_1'] are lost" in sentence


@pytest.mark.parametrize(
    ("pending", "happened"),
    [
        (Create("Eve"), BOTH.put("spk_e", Person("Eve"))),
        (Enroll("spk_a", b""), BOTH.put("spk_a", Person("Ada", frozenset({"utt_1", "utt_9"})))),
        (EraseSpeaker("spk_a"), BOTH.put("spk_a", None)),
        (
            Move("spk_a", "utt_1", "spk_b"),
            State({"spk_a": Person("Ada"), "spk_b": Person("Ben", frozenset({"utt_1", "utt_2"}))}),
        ),
        (Merge("spk_a", "spk_b"), State({"spk_b": BOTH_VOICES})),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_write_without_an_answer_may_have_happened_or_not(pending: Write, happened: State) -> None:
    assert ledger(pending).settle(BOTH) == []
    assert ledger(pending).settle(happened) == []
    assert ledger(pending).settle(happened.put("spk_b", None)) != []  # but nothing else


def test_half_a_move_is_wrong() -> None:
    half = BOTH.put("spk_a", Person("Ada"))
    assert ledger(Move("spk_a", "utt_1", "spk_b")).settle(half) != []


def test_what_an_acknowledged_erasure_erased_is_remembered() -> None:
    book = ledger()
    book.begin(EraseSpeaker("spk_a"))
    book.acknowledge("")
    assert book.erased == {"spk_a", "Ada", "utt_1"}
    assert book.settle(BOTH) != []


def test_an_erasure_that_turns_out_to_have_happened_is_remembered_too() -> None:
    book = ledger(EraseSpeaker("spk_a"))
    book.settle(BOTH.put("spk_a", None))
    assert "Ada" in book.erased


def test_a_refused_write_has_not_happened() -> None:
    book = ledger(EraseSpeaker("spk_a"))
    book.refuse()
    assert book.settle(BOTH.put("spk_a", None)) != []
