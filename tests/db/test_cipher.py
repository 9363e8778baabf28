"""Keys: what a sealed value gives away, where it opens, and what a key file may hold."""

from __future__ import annotations

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest

from speakerid.db.cipher import KEY_BYTES, OVERHEAD_BYTES, VERSION, DataKey, MasterKey, write_new_master_key
from speakerid.errors import (
    ExtraMissing,
    MasterKeyFileExists,
    MasterKeyMalformed,
    MasterKeyUnreadable,
    MasterKeyUnwritable,
    extras,
)

PLACE = b"speakers.name:1:spk_a:"


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(os.urandom(KEY_BYTES))


@pytest.fixture
def key(master: MasterKey) -> DataKey:
    return master.new_data_key(1)[0]


def test_a_sealed_value_opens_in_its_place_and_nowhere_else(key: DataKey) -> None:
    sealed = key.seal(b"Ada", PLACE)
    assert (sealed[:1], len(sealed)) == (VERSION, 3 + OVERHEAD_BYTES)
    assert key.open(sealed, PLACE) == b"Ada"
    assert key.open(sealed, b"speakers.name:1:spk_b:") is None
    assert key.open(sealed, b"speakers.name:2:spk_a:") is None


@pytest.mark.parametrize("at", [0, 1, 9, 21, -1])
def test_a_value_with_one_bit_changed_does_not_open(key: DataKey, at: int) -> None:
    sealed = bytearray(key.seal(b"Ada", PLACE))
    sealed[at] ^= 1
    assert key.open(bytes(sealed), PLACE) is None


def test_what_is_too_short_to_be_sealed_does_not_open(key: DataKey) -> None:
    assert [key.open(key.seal(b"", PLACE)[:length], PLACE) for length in (0, 1, 9, 20, 36)] == [None] * 5


def test_the_same_value_is_never_sealed_alike(key: DataKey) -> None:
    assert len({key.seal(b"Ada", PLACE) for _ in range(100)}) == 100


def test_digests_are_equal_for_equal_texts_of_one_gallery_and_column(master: MasterKey, key: DataKey) -> None:
    other = master.new_data_key(2)[0]
    assert key.digest("ada", "speakers.name_key") == key.digest("ada", "speakers.name_key")
    three = {key.digest("ada", "speakers.name_key"), key.digest("ada", "a.b"), other.digest("ada", "speakers.name_key")}
    assert len(three) == 3


def test_a_data_key_comes_back_for_its_gallery_and_master_key_alone(master: MasterKey) -> None:
    made, wrapped = master.new_data_key(1)
    found = master.unwrap(wrapped, 1)
    assert found is not None
    assert found.open(made.seal(b"Ada", PLACE), PLACE) == b"Ada"
    assert master.unwrap(wrapped, 2) is None
    assert MasterKey(os.urandom(KEY_BYTES)).unwrap(wrapped, 1) is None


def test_no_key_is_printed_or_pickled() -> None:
    secret = b"\xab" * KEY_BYTES
    for one in (MasterKey(secret), DataKey(secret, b"12345678")):
        assert "abab" not in f"{one!r} {one}"
        with pytest.raises(TypeError):
            pickle.dumps(one)


def test_a_new_master_key_is_its_owner_s_alone_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "key"
    write_new_master_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert len(base64.b64decode(file.read_bytes())) == KEY_BYTES
    assert MasterKey.read(file).id == MasterKey.read(file).id
    with pytest.raises(MasterKeyFileExists):
        write_new_master_key(file)


@pytest.mark.parametrize("held", [b"", b"short", base64.b64encode(bytes(31)), b"#" * 44, bytes(range(200, 233))])
def test_a_file_with_anything_else_is_no_master_key(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "key").write_bytes(held)
    with pytest.raises(MasterKeyMalformed) as refused:
        MasterKey.read(tmp_path / "key")
    assert held.decode(errors="replace") not in str(refused.value) or not held


def test_a_master_key_that_openssl_makes_is_one(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(base64.b64encode(os.urandom(32)) + b"\r\n")
    assert len(MasterKey.read(tmp_path / "key").id) == 8


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnreadable, match="No such file"):
        MasterKey.read(tmp_path / "none")


def test_a_key_is_not_written_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnwritable, match=r"No such file .* Make the folder"):
        write_new_master_key(tmp_path / "none" / "key")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_new_master_key(tmp_path / "key")
    monkeypatch.setattr(extras, "find_spec", lambda library: None)
    with pytest.raises(ExtraMissing, match="encrypt"):
        MasterKey.read(tmp_path / "key")
