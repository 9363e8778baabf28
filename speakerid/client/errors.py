"""What a request to a server can fail with."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """`code` is the server's own, or `server_unreachable`, `unexpected_answer`, `file_missing` from this side.

    `str(error)` is a sentence for a person. `status` and `request_id` are None when no server answered. `facts` is what
    else the server's problem document says, such as the coach's `review` of a recording.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        status: int | None = None,
        request_id: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.request_id = request_id
        self.facts = facts or {}
