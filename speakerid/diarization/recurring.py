"""Voices of one recording that were heard in earlier ones."""

from __future__ import annotations

import math

from speakerid.diarization.naming import Llrs, exclusive


def recurring(llrs: Llrs, thresholds: Llrs) -> list[int | None]:
    """The kept voice, a column, that each of a recording's voices is; None for one that is new.

    `llrs` and `thresholds (v, n)` of v voices against n kept ones. No kept voice is two voices of one recording. A
    voice like two kept ones goes to the better: they may be one person, whom an earlier recording did not recognize.
    """
    return [one.column for one in exclusive(llrs, thresholds, ambiguous_margin=-math.inf)]
