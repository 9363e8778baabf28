"""speakerid over HTTP: `from speakerid.client import Client`. Needs httpx, and websockets for live streams."""

from __future__ import annotations

from speakerid.client.client import Client
from speakerid.client.errors import ClientError

__all__ = ["Client", "ClientError"]
