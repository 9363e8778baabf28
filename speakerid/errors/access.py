"""Who may not."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class Denied(SpeakeridError):
    code = "denied"


class KeyMissing(Denied):
    code = "key_missing"

    def __init__(self) -> None:
        super().__init__("This server needs a key. Send it as 'Authorization: Bearer sid_…'.")


class KeyInvalid(Denied):
    code = "key_invalid"

    def __init__(self) -> None:
        super().__init__("The key is unknown or was revoked. Ask the operator for a new one.")


class ScopeMissing(Denied):
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The key does not allow {scope!r} here. Ask the operator for a key with this scope.")
