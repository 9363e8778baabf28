"""One audio file as people have them, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.cases.write import Planes


@dataclass(frozen=True)
class Case:
    """`make` gives the bytes. Without a `code` the voice in it must be that of the plain file."""

    make: Callable[[Planes], bytes]
    cosine: float = 0.98  # at least, to the embedding of the plain file
    lost_s: float | None = None  # of audio that cannot be read, told with the answer; None: nothing is lost
    code: str | None = None  # of the error
    says: str = ""  # what its sentence names
    hz: int = 16_000  # of the plain file to compare with: 8,000 for what telephones carry


Cases = dict[str, Case]
TELEPHONE = 8_000
