"""What the measurement of languages is made of: quiet parts, and a source that is left out."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.languages import CLIP, ENGLISH, PIECE, SOURCES, Clip, fitted, quietest, recall, share_of_english
from speakerid.types import FloatArray


def clips(means: dict[str, float]) -> list[Clip]:
    """Of six speakers of each source, whose features lie around a mean; the quiet parts tell nothing."""
    random = np.random.default_rng(0)

    def features(mean: float) -> FloatArray:
        return (mean + 0.1 * random.standard_normal((4, 2))).astype(np.float32)

    return [
        Clip(source, f"{source.name} {speaker}", features(means[source.name]), features(0.0))
        for source in SOURCES
        if source.name in means
        for speaker in range(6)
    ]


def test_the_quietest_second_is_joined_of_quiet_pieces_in_their_order() -> None:
    clip = np.ones(CLIP, np.float32)
    for nth in (20, 3, *range(5, 13)):
        clip[nth * PIECE : (nth + 1) * PIECE] = nth / 1000
    found = quietest(clip).reshape(-1, PIECE)[:, 0]
    assert found.tolist() == pytest.approx([nth / 1000 for nth in (3, *range(5, 13), 20)])


def test_a_source_that_sounds_like_english_is_share_of_english_and_another_is_not() -> None:
    given = clips({"read books": 1.0, "phones": 1.0, "Sorbian": -1.0, "Polish": -1.0})
    by_name = {one.source.name: one.source for one in given}
    assert by_name["phones"].language == ENGLISH
    assert share_of_english(given, by_name["phones"]) == 100.0
    assert share_of_english(given, by_name["Polish"]) == 0.0


def test_quiet_parts_without_anything_to_tell_are_told_by_chance() -> None:
    given = clips({"read books": 1.0, "Sorbian": -1.0})
    languages = [one.source.language for one in given]
    assert recall(fitted(given, languages).held_out) == 100.0
    assert recall(fitted(given, languages, quiet=True).held_out) < 90.0
