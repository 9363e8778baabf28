"""What was fitted for an encoder, one JSON file each, found by the encoder's fingerprint and never by its name.

The calibration, and the limits of the enrollment coach, whose llrs it gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.errors import CalibrationUnreadable
from speakerid.scoring.calibration import Calibration, generic
from speakerid.scoring.coach import UNFITTED, CoachLimits


@dataclass(frozen=True)
class Fitted:
    calibration: Calibration
    limits: CoachLimits = UNFITTED

    def to_json(self) -> str:
        limits = None if self.limits is UNFITTED else self.limits.to_dict()
        return json.dumps({"calibration": self.calibration.to_dict(), "limits": limits}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Fitted:
        """Raises `ValueError`, `KeyError` or `TypeError` for anything that `to_json` did not write."""
        fields = json.loads(text)
        limits = fields["limits"]
        _refuse_wrong_kinds(fields)
        return cls(Calibration.from_dict(fields["calibration"]), CoachLimits.from_dict(limits) if limits else UNFITTED)


def find(fingerprint: str, folders: Iterable[Path]) -> Fitted | None:
    """The first in `folders`, which need not exist. Raises CalibrationUnreadable."""
    files = (file for folder in folders for file in sorted(folder.glob("*.json")))
    return next((one for one in map(_read, files) if one.calibration.fingerprint == fingerprint), None)


def find_or_generic(fingerprint: str, folders: Iterable[Path]) -> Fitted:
    """The same, or the prior for any encoder. Raises CalibrationUnreadable."""
    return find(fingerprint, folders) or Fitted(generic(fingerprint))


def _read(file: Path) -> Fitted:
    try:
        return Fitted.from_json(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CalibrationUnreadable(
            f"{file} is not a calibration as 'speakerid models calibrate' writes it ({reason}). Remove the file; that "
            "command makes a new one from labeled speech."
        ) from None


# What is no number.
OTHERS: dict[str, type] = {"limits": type(None), "calibration.fingerprint": str, "calibration.domains": list}


# Between these every number lies that a fit gives; beyond them decisions would be inverted or overflow.
MOST = 1e9
BOUNDS: dict[str, tuple[float, float]] = {
    "calibration.slope": (1e-6, MOST),
    "calibration.strangers.deviation": (1e-6, 2.0),
    "calibration.strangers.between": (0.0, 2.0),
    "calibration.strangers.narrowing": (-3.0, 3.0),
    "calibration.targets": (0.0, MOST),
    "calibration.nontargets": (0.0, MOST),
}


def _refuse_wrong_kinds(fields: dict[str, Any]) -> None:
    """Raises ValueError, naming the entry."""
    for where, value in _entries(fields):
        if not (isinstance(value, OTHERS[where]) if where in OTHERS else _is_within_bounds(where, value)):
            raise ValueError(f"{where} is {str(value)[:40]!r}")
    if not all(isinstance(one, str) for one in fields["calibration"]["domains"]):
        raise ValueError("calibration.domains are not names")


def _is_within_bounds(where: str, value: object) -> bool:
    """Not for NaN, which is within none."""
    least, most = BOUNDS.get(where, (-MOST, MOST))
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _entries(fields: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        where = f"{within}{name}"
        yield from _entries(value, f"{where}.") if isinstance(value, dict) else [(where, value)]
