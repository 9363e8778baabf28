"""speakerid: enroll a speaker once, recognize them in any later audio, say "unknown" otherwise."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from speakerid.privacy import switch_telemetry_off

if TYPE_CHECKING:
    from speakerid.bootstrap import load_encoder
    from speakerid.errors import SpeakeridError
    from speakerid.types import (
        Audit,
        CalibrationReport,
        Candidate,
        Change,
        Classification,
        ClassifierDetails,
        Embedding,
        Enough,
        Enrollment,
        Gallery,
        GalleryExport,
        GalleryImport,
        Identification,
        LabelScore,
        LiveTurn,
        Promotion,
        Ready,
        Recording,
        Reembedding,
        Repair,
        Speaker,
        SpeakerRef,
        Speech,
        SpottedWord,
        StreamDone,
        Turn,
        UnknownVoice,
        UnknownVoiceDetails,
        Utterance,
        Verification,
        to_json,
    )
    from speakerid.verbs import SpeakerID

switch_telemetry_off()  # before anything below can load a library that reports home

__version__ = "0.1.0"
__all__ = [
    "Audit",
    "CalibrationReport",
    "Candidate",
    "Change",
    "Classification",
    "ClassifierDetails",
    "Embedding",
    "Enough",
    "Enrollment",
    "Gallery",
    "GalleryExport",
    "GalleryImport",
    "Identification",
    "LabelScore",
    "LiveTurn",
    "Promotion",
    "Ready",
    "Recording",
    "Reembedding",
    "Repair",
    "Speaker",
    "SpeakerID",
    "SpeakerRef",
    "SpeakeridError",
    "Speech",
    "SpottedWord",
    "StreamDone",
    "Turn",
    "UnknownVoice",
    "UnknownVoiceDetails",
    "Utterance",
    "Verification",
    "load_encoder",
    "to_json",
]
_HOMES = {"SpeakerID": "verbs", "SpeakeridError": "errors", "load_encoder": "bootstrap"}  # of all others: types


def __getattr__(name: str) -> Any:
    """Import a public name only when asked for, so that `import speakerid` stays instant."""
    if name not in __all__:
        raise AttributeError(f"module 'speakerid' has no attribute {name!r}")
    return getattr(import_module(f"speakerid.{_HOMES.get(name, 'types')}"), name)
