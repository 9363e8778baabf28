"""Figures: what was measured, beside what is wanted of it, one printed line each."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Bound = Literal["at most", "at least", "reported"]


@dataclass(frozen=True)
class Figure:
    """One number. `wanted` is its bound; one that is only `reported` has none, prints no verdict and is always met."""

    name: str  # the part and what was counted: "kills: acknowledged writes lost"
    value: float
    bound: Bound = "reported"
    wanted: float = 0.0
    unit: str = ""
    note: str = ""  # what a reader needs to judge it, such as the first few that were missed

    @property
    def met(self) -> bool:
        if self.bound == "at most":
            return self.value <= self.wanted
        return self.bound == "reported" or self.value >= self.wanted

    def line(self) -> str:
        """`ok      kills: acknowledged writes lost: 0 (wanted: at most 0)`"""
        verdict = "" if self.bound == "reported" else "ok" if self.met else "MISSED"
        value = f"{_number(self.value)} {self.unit}".strip()
        wanted = "" if self.bound == "reported" else f" (wanted: {self.bound} {_number(self.wanted)})"
        return f"{verdict:<7} {self.name}: {value}{wanted}{'; ' + self.note if self.note else ''}"


def at_most(name: str, value: float, wanted: float = 0.0, unit: str = "", note: str = "") -> Figure:
    return Figure(name, value, "at most", wanted, unit, note)


def at_least(name: str, value: float, wanted: float, unit: str = "", note: str = "") -> Figure:
    return Figure(name, value, "at least", wanted, unit, note)


def reported(name: str, value: float, unit: str = "", note: str = "") -> Figure:
    return Figure(name, value, unit=unit, note=note)


def first(few: Iterable[str], most: int = 5) -> str:
    """The first of what went wrong, as a note."""
    return "; ".join(list(few)[:most])


def say(figures: Iterable[Figure]) -> bool:
    """Print them as they come. Whether all are met."""
    all_met = True
    for figure in figures:
        sys.stdout.write(figure.line() + "\n")
        sys.stdout.flush()
        all_met = all_met and figure.met
    return all_met


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"
