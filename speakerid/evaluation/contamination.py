"""Whether an encoder was trained on the voices of a test: then its figures tell nothing about strangers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from speakerid.encoders.base import Encoder
from speakerid.evaluation.errors import ContaminatedEncoder
from speakerid.evaluation.trials.speakers import VOXCELEB_ID

Protocol = Literal["O", "E", "H", "identification", "open-set"]
TITLES: dict[Protocol, str] = {
    "O": "VoxCeleb1-O",
    "E": "VoxCeleb1-E",
    "H": "VoxCeleb1-H",
    "identification": "VoxCeleb1 identification",
    "open-set": "VoxCeleb1 open-set identification",
}
VOXCELEB = re.compile(r"vox ?celeb ?(?P<number>[12]?)(?:[ _-]*(?P<part>dev|test|train)\w*)?", re.IGNORECASE)
VOXCELEB1_IDS = range(10_001, 11_252)
TEST_IDS = range(10_270, 10_310)  # the 40 speakers of VoxCeleb1-O
UNKNOWN = (
    "Nothing says what this encoder was trained on, so its training may hold the voices of this test. "
    "Say it in the card beside the model (trained_on)."
)


def reason(trained_on: tuple[str, ...], protocol: Protocol) -> str | None:
    """Why the figures of `protocol` are contaminated for an encoder trained on these sets; None when they are not.

    O has the 40 speakers of VoxCeleb1's test part, the other protocols all 1,251. VoxCeleb2's speakers are others.
    """
    for name in trained_on:
        found = VOXCELEB.search(name)
        if found is None or found["number"] == "2":
            continue
        part = (found["part"] or "").lower()
        if protocol != "O" or part not in ("dev", "train"):
            return f"it was trained on {name}, whose speakers {TITLES[protocol]} asks about"
    return None


def asked_about(names: Iterable[str]) -> Protocol | None:
    """O for names of VoxCeleb1's test speakers alone, E where others of its speakers occur, None for other corpora.

    Whatever a list is called, an encoder may have heard the voices in it.
    """
    found = {int(match[1][2:]) for name in names if (match := VOXCELEB_ID.search(name))}
    if not any(one in VOXCELEB1_IDS for one in found):
        return None
    return "O" if all(one in TEST_IDS for one in found) else "E"


def guard(encoder: Encoder, protocol: Protocol, *, allow: bool) -> list[str]:
    """Stamps for the report. Raises ContaminatedEncoder unless `allow`."""
    if not encoder.trained_on:
        return [UNKNOWN]
    why = reason(encoder.trained_on, protocol)
    if why is None:
        return []
    if not allow:
        clean = ", ".join(title for one, title in TITLES.items() if reason(encoder.trained_on, one) is None)
        raise ContaminatedEncoder(
            f"{encoder.name} cannot be measured on {TITLES[protocol]}: {why}. "
            + (f"Valid for it: {clean}. " if clean else "")
            + "Use another encoder, or pass --allow-contaminated; the report will then say so."
        )
    return [f"CONTAMINATED: {encoder.name} was measured although {why}. Do not quote these figures."]
