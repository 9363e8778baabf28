from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.encoders.card import EXAMPLE, Card, read_card
from speakerid.errors import EncoderNotFound


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
def test_a_wrong_card_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(EncoderNotFound, match=reason):
        read_card(write(tmp_path, text))


def test_no_card(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match="cannot be read"):
        read_card(tmp_path / "none.json")
