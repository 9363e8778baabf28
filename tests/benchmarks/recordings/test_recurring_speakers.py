"""People who come back in made conversations, and how an inbox of them is counted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recordings.recurring_speakers import (
    PARTS,
    SIZE,
    Appearance,
    Inbox,
    counted,
    recurring_conversations,
    speaker_of,
)
from benchmarks.recordings.reference import ReferenceTurn
from recipes.simulation.conversations import Cast, CastMember


def voice(name: str, pieces: int) -> CastMember:
    """Pieces of 3 s, each at its own level: no two are alike."""
    noise = np.random.default_rng(len(name)).standard_normal(48_000).astype(np.float32)
    return CastMember(name, tuple(noise * (nth + 1) for nth in range(pieces)), None)


CAST = Cast((voice("a", 4), voice("bb", 20), voice("ccc", 2), voice("dddd", 8)), (np.ones(48_000, np.float32),))


def test_everybody_is_in_as_many_conversations_as_there_is_to_say() -> None:
    found = list(recurring_conversations(CAST, 1))
    spoken = [{turn.speaker for turn in one.turns} for one in found]
    assert all(2 <= len(one) <= SIZE for one in spoken)
    assert 2 <= sum("bb" in one for one in spoken) <= PARTS
    assert sum("ccc" in one for one in spoken) <= 1
    count = sum(len(one.turns) for one in found)
    assert count <= sum(len(one.pieces) for one in CAST.voices)


def test_the_same_seed_makes_the_same_ones() -> None:
    first, again = ([one.turns for one in recurring_conversations(CAST, 2)] for _ in range(2))
    assert first == again


def test_who_speaks_longest() -> None:
    truth = [ReferenceTurn(0.0, 2.0, "a"), ReferenceTurn(2.0, 9.0, "b"), ReferenceTurn(8.0, 9.0, "a")]
    assert speaker_of([(0.0, 3.0)], truth) == "a"
    assert speaker_of([(0.0, 1.0), (4.0, 6.0)], truth) == "b"
    assert speaker_of([(20.0, 21.0)], truth) == ""


TRUTH = {
    "one": [ReferenceTurn(0, 5, "a"), ReferenceTurn(5, 11, "b"), ReferenceTurn(11, 20, "known")],
    "two": [ReferenceTurn(0, 5, "a"), ReferenceTurn(5, 9, "b"), ReferenceTurn(9, 20, "known")],
    "three": [ReferenceTurn(0, 5, "b"), ReferenceTurn(5, 10, "c")],
}
ENROLLED = frozenset({"known"})


@pytest.mark.parametrize(
    ("kept", "counts"),
    [
        ([], Inbox(recurring=2)),
        (
            [[Appearance("one", "a"), Appearance("two", "a")], [Appearance("one", "b")], [Appearance("three", "b")]],
            Inbox(recurring=2, recognized=1, whole=1, kept=3, again=1),
        ),
        (
            [[Appearance("one", "a"), Appearance("two", "a"), Appearance("three", "c")], [Appearance("two", "a")]],
            Inbox(recurring=2, recognized=1, kept=2, again=1, mixed=1),
        ),
        ([[Appearance("one", "known")]], Inbox(recurring=2, kept=1, enrolled=1)),
    ],
)
def test_an_inbox_is_counted(kept: list[list[Appearance]], counts: Inbox) -> None:
    assert counted(TRUTH, ENROLLED, kept) == counts


def test_worlds_add_up() -> None:
    assert Inbox(recurring=2, mixed=1) + Inbox(recurring=1, kept=4) == Inbox(recurring=3, mixed=1, kept=4)
