"""What is wrong with the key of an encrypted store, or with the store for that key. None of them says the key."""

from __future__ import annotations

from speakerid.errors.store import StoreError, StoreUnavailable

_SETTING = "SPEAKERID_MASTER_KEY_FILE"
_FORM = "A master key is 32 random bytes as base64: 'speakerid db new-master-key FILE' makes one."


class MasterKeyError(StoreError, code="master_key_error"): ...


class MasterKeyMissing(MasterKeyError, code="master_key_missing"):
    def __init__(self, why: str = "The store is encrypted.") -> None:
        super().__init__(f"{why} Set {_SETTING} to the file that has its master key.")


class MasterKeyWrong(MasterKeyError, code="master_key_wrong"):
    def __init__(self) -> None:
        super().__init__(
            f"The store is encrypted with another master key. Set {_SETTING} to the file with the one that it was "
            "encrypted with, or that 'speakerid db rotate-master-key' gave it last."
        )


class MasterKeyMalformed(MasterKeyError, code="master_key_malformed"):
    def __init__(self, file: str) -> None:
        super().__init__(f"{file} holds no master key. {_FORM}")


class MasterKeyUnreadable(MasterKeyError, code="master_key_unreadable"):
    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"The master key cannot be read from {file} ({reason}). Name its file, and let whoever runs this read it."
        )


class MasterKeyUnwritable(MasterKeyError, code="master_key_unwritable"):
    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"The master key cannot be written to {file} ({reason}). Make the folder, or choose another.")


class MasterKeyFileExists(MasterKeyError, code="master_key_file_exists"):
    def __init__(self, file: str) -> None:
        super().__init__(f"{file} exists already, and a key is never written over. Choose another name.")


class StoreNotEncrypted(MasterKeyError, code="store_not_encrypted"):
    def __init__(self) -> None:
        super().__init__(
            f"{_SETTING} is set, but the store is not encrypted. Stop what uses it and run 'speakerid db encrypt', or "
            "leave the setting out."
        )


class EncryptionUnfinished(MasterKeyError, code="encryption_unfinished"):
    def __init__(self) -> None:
        super().__init__(
            "'speakerid db encrypt' did not come to its end on this store. Run it again: it goes on where it was."
        )


class EncryptionChanged(StoreUnavailable, code="encryption_changed"):
    def __init__(self) -> None:
        super().__init__(
            "The store was encrypted, or got another master key, while it was open here. Nothing was changed: start "
            "anew with the key that it has now."
        )


class NotSealed(StoreError, code="not_sealed"):
    """A bug of this project: a statement would have written a secret as it is."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} was not encrypted, so nothing was written. Report this, with what you did.")
