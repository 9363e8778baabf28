"""Transcriptions: the transcriber of the server, and what callers ask of it."""

from __future__ import annotations

from typing import Any

from speakerid.errors.base import InvalidRequest
from speakerid.errors.models import ModelsError


class TranscriptionRefused(InvalidRequest, code="transcription_refused"):
    """One field of the request, `param`, is to blame."""

    def __init__(self, param: str, why: str) -> None:
        super().__init__(f"{param}: {why}")
        self.param = param

    @property
    def facts(self) -> dict[str, Any]:
        return {"param": self.param}


class TranscriberMissing(InvalidRequest, code="transcriber_missing"):
    def __init__(self, asked: str) -> None:
        super().__init__(
            f"This server has no transcriber, so there is no {asked!r}. Ask for response_format=diarized_json, which "
            "says who speaks when, with empty texts; or ask the operator to set SPEAKERID_TRANSCRIBER."
        )


class TranscriberUnusable(ModelsError, code="transcriber_unusable"): ...
