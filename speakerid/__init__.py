"""speakerid: enroll a speaker once, recognize them in any later audio, say "unknown" otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speakerid.privacy import switch_telemetry_off

if TYPE_CHECKING:
    from speakerid.bootstrap import load_encoder as load_encoder
    from speakerid.verbs import SpeakerID as SpeakerID

switch_telemetry_off()  # before anything below can load a library that reports home

__version__ = "0.1.0"
__all__ = ["SpeakerID", "load_encoder"]


def __getattr__(name: str) -> Any:
    """Import the two public names only when asked for, so that `import speakerid` stays instant."""
    if name == "SpeakerID":
        from speakerid.verbs import SpeakerID

        return SpeakerID
    if name == "load_encoder":
        from speakerid.bootstrap import load_encoder

        return load_encoder
    raise AttributeError(f"module 'speakerid' has no attribute {name!r}")
