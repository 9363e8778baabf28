"""The seal of an exported file: it ties the fingerprint that the file carries from its source to the file's own bytes.

An export computes what its SpeechBrain source computes, so both have one fingerprint and serve one gallery. That word
is taken only from a file that is byte for byte what the export wrote; a quantized, edited or damaged copy, which
carries the same words, is another encoder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

KEY = "seal"
OPEN = "0" * 64  # in place of the seal while it is computed


def seal(data: bytes) -> bytes:
    """The same file with its seal; `data` holds `OPEN` under `KEY` in its metadata. ValueError unless exactly once."""
    if data.count(OPEN.encode()) != 1:
        raise ValueError(f"the file must hold {OPEN} once, where its seal will be")
    return data.replace(OPEN.encode(), hashlib.sha256(data).hexdigest().encode())


def fingerprint_of(data: bytes, metadata: Mapping[str, str]) -> str:
    """The source's where the seal is whole, otherwise the SHA-256 (hex) of all bytes."""
    found = metadata.get(KEY, "")
    if found and data.count(found.encode()) == 1:
        opened = data.replace(found.encode(), OPEN.encode())
        if hashlib.sha256(opened).hexdigest() == found:
            return metadata["fingerprint"]
    return hashlib.sha256(data).hexdigest()
