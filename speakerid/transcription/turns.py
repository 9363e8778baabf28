"""Which turn each word belongs to, by time alone."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.types import Turn, Word

NEAR_S = 1.0  # a word further from every turn was heard where nobody speaks


def texts(words: Sequence[Word], turns: Sequence[Turn]) -> list[str]:
    """The words of each turn, in the order of `turns`."""
    found: list[list[str]] = [[] for _ in turns]
    last: int | None = None
    for word in words:
        nth = _turn_of(word, turns, last)
        if nth is not None:
            found[nth].append(word.text)
            last = nth
    return ["".join(one).strip() for one in found]


def _turn_of(word: Word, turns: Sequence[Turn], last: int | None) -> int | None:
    """The one that most of the word lies in. Of several that have as much of it, that of the word before."""
    shared = [min(word.end, turn.end) - max(word.start, turn.start) for turn in turns]
    most = max(shared, default=-NEAR_S)
    if most <= -NEAR_S:
        return None
    if last is not None and shared[last] == most:
        return last
    return min((nth for nth, one in enumerate(shared) if one == most), key=lambda nth: turns[nth].end)
