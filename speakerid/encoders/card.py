"""What a model file cannot prove by itself: the card beside third-party weights, the seal inside an export.

The card is a small JSON file. The seal ties the fingerprint that an export carries from its SpeechBrain source to the
file's own bytes: both compute the same, so they have one fingerprint and serve one gallery. It is taken only from a
file that is byte for byte what the export wrote; a quantized, edited or damaged copy is another encoder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from speakerid.encoders.fbank import LEVEL_RMS
from speakerid.errors import EncoderNotFound

FrontEnd = Literal["waveform", "kaldi_fbank_80"]
Window = Literal["povey", "hamming"]
EXAMPLE = (
    '{"name": "wespeaker-resnet34", "front_end": "kaldi_fbank_80", "window": "hamming", '
    '"sample_scale": 32768, "trained_on": ["VoxCeleb2"]}'
)
SEAL_KEY = "seal"
UNSEALED = "0" * 64  # in place of the seal while it is computed


@dataclass(frozen=True)
class Card:
    """Facts about a model. `window` and `sample_scale` matter to `kaldi_fbank_80` only.

    WeSpeaker: window `hamming`, sample_scale 32768. 3D-Speaker: window `povey`, sample_scale 1.
    """

    name: str | None = None
    trained_on: tuple[str, ...] = ()
    front_end: FrontEnd = "waveform"
    window: Window = "povey"
    sample_scale: float = 1.0  # samples, brought to one level within -1..1, are multiplied by this before the front end
    sample_rate_hz: int = 16_000

    @property
    def front_end_facts(self) -> bytes:
        """All that decides what the graph is given, the same for equal front ends however their cards are written."""
        facts = {name: getattr(self, name) for name in ("front_end", "sample_rate_hz", "sample_scale", "window")}
        level = {"level_rms": LEVEL_RMS} if self.front_end == "kaldi_fbank_80" else {}
        return json.dumps(facts | level | {"sample_scale": float(self.sample_scale)}, sort_keys=True).encode()


def read_card(path: Path) -> Card:
    """Raises `EncoderNotFound`, naming what is wrong, for a card that cannot be read or has unknown entries."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderNotFound(f"The card {path} cannot be read ({error}). Write JSON such as {EXAMPLE}.") from error
    return _card(path, entries)


def to_json(card: Card) -> str:
    return json.dumps(asdict(card), indent=2) + "\n"


def _card(path: Path, entries: Any) -> Card:
    known = {field.name for field in fields(Card)}
    if not isinstance(entries, dict) or not known.issuperset(entries):
        raise EncoderNotFound(f"The card {path} may have the entries {sorted(known)}, such as {EXAMPLE}.")
    card = Card(**{**entries, "trained_on": tuple(entries.get("trained_on", ()))})
    if card.front_end not in get_args(FrontEnd) or card.window not in get_args(Window):
        raise EncoderNotFound(
            f"The card {path} names front_end {card.front_end!r} and window {card.window!r}. "
            f"Known are {get_args(FrontEnd)} and {get_args(Window)}."
        )
    return card


def seal(data: bytes) -> bytes:
    """The same file with its seal; `data` holds `UNSEALED` under `SEAL_KEY` in its metadata.

    Raises ValueError unless exactly once.
    """
    if data.count(UNSEALED.encode()) != 1:
        raise ValueError(f"the file must hold {UNSEALED} once, where its seal will be")
    return data.replace(UNSEALED.encode(), hashlib.sha256(data).hexdigest().encode())


def fingerprint_of(data: bytes, metadata: Mapping[str, str]) -> str:
    """The source's where the seal is whole, otherwise the SHA-256 (hex) of all bytes."""
    found = metadata.get(SEAL_KEY, "")
    if found and data.count(found.encode()) == 1:
        opened = data.replace(found.encode(), UNSEALED.encode())
        if hashlib.sha256(opened).hexdigest() == found:
            return metadata["fingerprint"]
    return hashlib.sha256(data).hexdigest()
