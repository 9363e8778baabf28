from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from speakerid.encoders.card import EXAMPLE, SEAL_KEY, UNSEALED, Card, fingerprint_of, read_card, seal
from speakerid.errors import EncoderNotFound

SOURCE = "ab" * 32
FILE = b"weights, metadata: " + SOURCE.encode() + UNSEALED.encode() + b", more weights"


def write(directory: Path, text: str) -> Path:
    path = directory / "model.json"
    path.write_text(text)
    return path


def test_the_example_in_the_messages_is_a_card(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, EXAMPLE))
    assert (card.front_end, card.window, card.sample_scale) == ("kaldi_fbank_80", "hamming", 32768)
    assert card.trained_on == ("VoxCeleb2",)


def test_every_entry_is_optional(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, "{}")) == Card()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "may have the entries"),
        ('{"frontend": "waveform"}', "may have the entries"),
        ('{"front_end": "mfcc"}', "front_end 'mfcc'"),
        ('{"window": "hann"}', "window 'hann'"),
    ],
)
def test_a_wrong_card_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(EncoderNotFound, match=reason):
        read_card(write(tmp_path, text))


def test_no_card(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match="cannot be read"):
        read_card(tmp_path / "none.json")


def metadata_of(data: bytes) -> dict[str, str]:
    """As a runtime would read it."""
    at = FILE.index(UNSEALED.encode())
    return {"fingerprint": SOURCE, SEAL_KEY: data[at : at + len(UNSEALED)].decode()}


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
