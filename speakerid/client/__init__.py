"""speakerid over HTTP: `from speakerid.client import Client`, with the verbs and the answers of `SpeakerID`."""

from __future__ import annotations

from speakerid.client.client import Client
from speakerid.client.wire import ClientError

__all__ = ["Client", "ClientError"]
