"""The card beside a model: a small JSON file with what the weights cannot say about themselves."""

from __future__ import annotations

import json
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


@dataclass(frozen=True)
class Card:
    """`window` and `sample_scale` matter to `kaldi_fbank_80` only.

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
