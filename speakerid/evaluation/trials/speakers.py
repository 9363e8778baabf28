"""Whose utterance it is, told from its name; believed only when it agrees with every label of the list."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.trials.trial_list import TrialList

VOXCELEB_ID = re.compile(r"(?:^|[/_-])(id\d{5})(?=[/_.-])")
Rule = Callable[[str], str]


def _voxceleb(name: str) -> str:
    found = VOXCELEB_ID.search(name)
    return found[1] if found else name


def _part(place: int) -> Rule:
    def rule(name: str) -> str:
        parts = name.split("/")
        return parts[place] if -len(parts) <= place < len(parts) - 1 else name

    return rule


def _before(separator: str) -> Rule:
    return lambda name: name.split("/")[-1].split(separator)[0]


# Path parts that may be the speaker: of `speaker/session/file`, `speaker/…/file`, `…/speaker/file`; or a prefix.
RULES: tuple[Rule, ...] = (_voxceleb, _part(-3), _part(0), _part(-2), _before("-"), _before("_"))


def speakers_of(trials: TrialList) -> NDArray[np.intp] | None:
    """The speaker `(names,)` of every utterance as a number, or None when names do not tell."""
    for rule in RULES:
        _, speakers = np.unique([rule(name) for name in trials.names], return_inverse=True)
        if np.array_equal(speakers[trials.enroll] == speakers[trials.test], trials.same):
            return speakers.astype(np.intp)
    return None
