"""What was fitted for an encoder, one JSON file each, found by the encoder's fingerprint and never by its name.

The calibration, and the limits of the enrollment coach, whose llrs it gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise CalibrationUnreadable(
            f"{file} cannot be read as a calibration ({error!r}). Remove it, or fit it again."
        ) from None
