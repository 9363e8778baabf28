"""Which recordings a classifier learned from, so that an evaluation can leave them out: hashes, no names.

Eight bytes of the SHA-256 of each file. Whoever has a recording can ask whether it was among them; nobody can get a
recording, a name or a person out of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from speakerid.errors import ClassifierUnreadable
from speakerid.whole_files import write_whole

FILE = "trained_on.bin"  # beside the head or the graph
DIGEST_BYTES = 8  # of a million recordings two are taken for one with a chance of 1 in 40 million
Digests = frozenset[bytes]
NONE: Digests = frozenset()


def digest(path: Path) -> bytes:
    """Of the file as it is: one that was encoded anew is another recording. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()[:DIGEST_BYTES]


def digests(paths: Iterable[Path]) -> Digests:
    """Raises OSError."""
    return frozenset(digest(path) for path in paths)


def write_digests(folder: Path, known: Digests) -> None:
    """In order, so that nothing tells which came first. Raises OSError."""
    data = b"".join(sorted(known))
    write_whole(folder / FILE, lambda out: out.write(data))


def read_digests(folder: Path) -> Digests:
    """None where nobody wrote any. Raises ClassifierUnreadable."""
    path = folder / FILE
    if not path.is_file():
        return NONE
    data = path.read_bytes()
    if len(data) % DIGEST_BYTES:
        raise ClassifierUnreadable(f"{path} is damaged. Delete it, or train the classifier again.")
    return frozenset(data[start : start + DIGEST_BYTES] for start in range(0, len(data), DIGEST_BYTES))
