"""Keys of an encrypted store: a master key wraps a data key for each gallery, which seals values (docs/decisions/0040).

A sealed value is a version byte, the id of its data key, a nonce and what AES-256-GCM makes of it. The place that it
belongs to (gallery, table, column, row) is authenticated with it: moved elsewhere, it does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from speakerid.errors import MasterKeyFileExists, MasterKeyMalformed, MasterKeyUnreadable, MasterKeyUnwritable
from speakerid.errors.extras import require

VERSION = b"\x01"
KEY_BYTES = 32
ID_BYTES = 8
NONCE_BYTES = 12  # random: a data key is good for 2^32 values (NIST SP 800-38D, section 8.3)
TAG_BYTES = 16
HEAD_BYTES = len(VERSION) + ID_BYTES
OVERHEAD_BYTES = HEAD_BYTES + NONCE_BYTES + TAG_BYTES
MOST_FILE_BYTES = 4096


class _Secret:
    """An AES-256-GCM key and what names it; nothing prints it."""

    __slots__ = ("_aead", "_invalid", "_secret", "id")

    def __init__(self, secret: bytes, key_id: bytes, purpose: str) -> None:
        """Raises ExtraMissing."""
        require("cryptography")
        from cryptography.exceptions import InvalidTag  # an extra; 20 ms
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.id, self._secret, self._invalid = key_id, secret, InvalidTag
        self._aead = AESGCM(_derived(secret, purpose))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not copied or stored")

    def _sealed(self, plain: bytes, place: bytes, head: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + self._aead.encrypt(nonce, plain, head + place)

    def _opened(self, sealed: bytes, place: bytes) -> bytes | None:
        """None for what was changed, or belongs elsewhere."""
        head, nonce, rest = sealed[:HEAD_BYTES], sealed[HEAD_BYTES:][:NONCE_BYTES], sealed[HEAD_BYTES + NONCE_BYTES :]
        try:
            return self._aead.decrypt(nonce, rest, head + place)
        except (self._invalid, ValueError):
            return None


class DataKey(_Secret):
    """Of one gallery."""

    __slots__ = ("_lookup",)

    def __init__(self, secret: bytes, key_id: bytes) -> None:
        super().__init__(secret, key_id, "speakerid 1 values")
        self._lookup = _derived(secret, "speakerid 1 lookup")

    def seal(self, plain: bytes, place: bytes) -> bytes:
        return self._sealed(plain, place, VERSION + self.id)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """None for what was changed, or belongs elsewhere."""
        return self._opened(sealed, place)

    def digest(self, text: str, column: str) -> str:
        """What `text` is looked up by in `column`: the same for the same text, and only in this gallery."""
        return hmac.new(self._lookup, f"{column}\n{text}".encode(), hashlib.sha256).hexdigest()


class MasterKey(_Secret):
    """Of a whole store. `id` says which one it is, and nothing of it."""

    def __init__(self, secret: bytes) -> None:
        super().__init__(secret, _derived(secret, "speakerid 1 master id")[:ID_BYTES], "speakerid 1 wrap")

    @classmethod
    def given(cls, file: Path | None) -> MasterKey | None:
        """That of the file, if there is to be one. Raises MasterKeyUnreadable, MasterKeyMalformed, ExtraMissing."""
        return None if file is None else cls.read(file)

    @classmethod
    def read(cls, file: Path) -> MasterKey:
        """Raises MasterKeyUnreadable, MasterKeyMalformed, ExtraMissing."""
        try:
            with file.open("rb") as opened:
                found = opened.read(MOST_FILE_BYTES)
        except OSError as error:
            raise MasterKeyUnreadable(str(file), error.strerror or "") from None
        try:
            secret = base64.b64decode(found.strip(), validate=True)
        except binascii.Error:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise MasterKeyMalformed(str(file))
        return cls(secret)

    def new_data_key(self, gallery_key: int) -> tuple[DataKey, bytes]:
        """A data key, and what of it is kept in the store."""
        made = DataKey(os.urandom(KEY_BYTES), os.urandom(ID_BYTES))
        return made, self.wrap(made, gallery_key)

    def wrap(self, key: DataKey, gallery_key: int) -> bytes:
        return self._sealed(key._secret, _wrapped_at(gallery_key), VERSION + key.id)

    def unwrap(self, wrapped: bytes, gallery_key: int) -> DataKey | None:
        """None for what was changed, belongs to another gallery, or was wrapped by another master key."""
        secret = self._opened(wrapped, _wrapped_at(gallery_key))
        return None if secret is None else DataKey(secret, key_id(wrapped))


def key_id(sealed: bytes) -> bytes:
    """Of the data key that it was sealed with; of a wrapped key, its own."""
    return sealed[len(VERSION) : HEAD_BYTES]


def write_new_master_key(file: Path) -> None:
    """For its owner alone, and never over another file. Raises MasterKeyFileExists, MasterKeyUnwritable."""
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        raise MasterKeyFileExists(str(file)) from None
    except OSError as error:
        raise MasterKeyUnwritable(str(file), error.strerror or "") from None
    with os.fdopen(made, "wb") as opened:
        opened.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        opened.flush()
        os.fsync(made)


def _wrapped_at(gallery_key: int) -> bytes:
    return f"gallery_keys.wrapped:{gallery_key}".encode()


def _derived(secret: bytes, purpose: str) -> bytes:
    """HKDF-Expand (RFC 5869) of one block: the secret is random already."""
    return hmac.new(secret, purpose.encode() + b"\x01", hashlib.sha256).digest()
