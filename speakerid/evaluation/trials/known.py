"""Published trial lists, told by their number of trials: cleaned and uncleaned ones give other error rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verification = Literal["O", "E", "H"]


@dataclass(frozen=True)
class KnownList:
    protocol: Verification
    name: str
    file: str
    cleaned: bool


KNOWN = {
    37_611: KnownList("O", "VoxCeleb1-O (cleaned)", "veri_test2.txt", cleaned=True),
    37_720: KnownList("O", "VoxCeleb1-O (uncleaned)", "veri_test.txt", cleaned=False),
    579_818: KnownList("E", "VoxCeleb1-E (cleaned)", "list_test_all2.txt", cleaned=True),
    581_480: KnownList("E", "VoxCeleb1-E (uncleaned)", "list_test_all.txt", cleaned=False),
    550_894: KnownList("H", "VoxCeleb1-H (cleaned)", "list_test_hard2.txt", cleaned=True),
    552_536: KnownList("H", "VoxCeleb1-H (uncleaned)", "list_test_hard.txt", cleaned=False),
}
FILES = {protocol: [one.file for one in KNOWN.values() if one.protocol == protocol] for protocol in ("O", "E", "H")}


def recognize(trials: int) -> KnownList | None:
    return KNOWN.get(trials)


def warning(protocol: Verification, trials: int) -> str | None:
    """What a reader of a figure for `protocol` must know about the list it was measured on."""
    found = recognize(trials)
    usual = next(count for count, one in KNOWN.items() if one.protocol == protocol and one.cleaned)
    if found is None:
        return (
            f"This list has {trials:,} trials, no published VoxCeleb1 list has; VoxCeleb1-{protocol} (cleaned) has "
            f"{usual:,}. Do not quote this figure as VoxCeleb1-{protocol}."
        )
    if found.protocol != protocol:
        return f"This list has the {trials:,} trials of {found.name}, not of VoxCeleb1-{protocol}."
    if not found.cleaned:
        return f"This is the uncleaned list ({trials:,} trials); most published figures are on the cleaned {usual:,}."
    return None
