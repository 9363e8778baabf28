from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from speakerid.errors import ModelsDiskFull, ModelsFolderUnusable, WrongHash
from speakerid.models.files import check_sha256, named_failures, sha256_of, write_bytes
from tests.models.wheels import sha256


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_bytes(path, b"first")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"second")
    assert [one.name for one in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"first"


def test_hashes(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 7)
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == sha256(data)
    assert check_sha256("file", data, sha256(data)) is data
    with pytest.raises(WrongHash, match=r"file has SHA-256 .* changed or damaged"):
        check_sha256("file", data[:-1], sha256(data))


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, ModelsDiskFull), (errno.EDQUOT, ModelsDiskFull), (errno.EROFS, ModelsFolderUnusable)],
)
def test_what_the_system_refuses_has_a_name(tmp_path: Path, number: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="SPEAKERID_MODELS"), named_failures(tmp_path, 1_000_000):
        raise OSError(number, os.strerror(number))
