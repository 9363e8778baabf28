from __future__ import annotations

import hashlib

import pytest

from speakerid.encoders.seal import KEY, OPEN, fingerprint_of, seal

SOURCE = "ab" * 32
FILE = b"weights, metadata: " + SOURCE.encode() + OPEN.encode() + b", more weights"


def metadata_of(data: bytes) -> dict[str, str]:
    """As a runtime would read it."""
    at = FILE.index(OPEN.encode())
    return {"fingerprint": SOURCE, KEY: data[at : at + len(OPEN)].decode()}


def test_a_sealed_file_has_the_fingerprint_of_its_source() -> None:
    sealed = seal(FILE)
    assert len(sealed) == len(FILE)
    assert fingerprint_of(sealed, metadata_of(sealed)) == SOURCE


@pytest.mark.parametrize("position", [0, FILE.index(b"ab"), len(FILE) - 1])
def test_whatever_byte_changes_it_is_another_file(position: int) -> None:
    changed = bytearray(seal(FILE))
    changed[position] ^= 1
    assert fingerprint_of(bytes(changed), metadata_of(bytes(changed))) == hashlib.sha256(changed).hexdigest()


def test_a_word_without_a_seal_counts_for_nothing() -> None:
    assert fingerprint_of(FILE, {"fingerprint": SOURCE}) == hashlib.sha256(FILE).hexdigest()
    assert fingerprint_of(FILE, metadata_of(FILE)) == hashlib.sha256(FILE).hexdigest()


def test_a_file_without_room_for_a_seal_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="once"):
        seal(b"weights")
