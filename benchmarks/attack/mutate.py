"""Damage to files: to any bytes, and to the lengths, counts and names that containers are made of."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

EXTREMES = (0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF)
BOXES = (
    *(b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"mdhd", b"hdlr", b"minf", b"dinf", b"dref", b"stbl"),
    *(b"stsd", b"mp4a", b"esds", b"stts", b"stsc", b"stsz", b"stco", b"mvex", b"trex", b"moof", b"traf", b"tfhd"),
    *(b"trun", b"tfdt", b"mdat", b"free", b"udta", b"edts", b"elst", b"sidx", b"mfra"),
)
# Fields of the tables that count or measure something, in bytes from the name of the box.
FIELDS = range(4, 40, 4)
EBML = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\xae"),
    *(
        b"\xa3",
        b"\xa0",
        b"\xa1",
        b"\xe7",
        b"\x86",
        b"\x63\xa2",
        b"\xe1",
        b"\xb5",
        b"\x9f",
        b"\x1c\x53\xbb\x6b",
        b"\xec",
    ),
)
CHUNKS = (
    b"RIFF",
    b"fmt ",
    b"data",
    b"LIST",
    b"fact",
    b"OggS",
    b"OpusHead",
    b"OpusTags",
    b"fLaC",
    b"ID3",
    b"Xing",
    b"Info",
)

Damage = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def flip(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        data[_anywhere(rng, data)] ^= 1 << rng.randrange(8)


def noise(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at, length = _anywhere(rng, data), rng.choice((4, 20, 300))
    data[at : at + length] = rng.randbytes(length)


def cut(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    del data[_anywhere(rng, data) + 1 :]


def drop(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = _anywhere(rng, data)
    del data[at : at + rng.randrange(1, 2_000)]


def repeat(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = _anywhere(rng, data)
    data[at:at] = bytes(data[at : at + rng.randrange(1, 400)]) * rng.choice((1, 1, 50))


def splice(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Go on as another file, of any container."""
    other = rng.choice(others)
    data[_anywhere(rng, data) :] = other[rng.randrange(len(other)) :]


def chain(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    data += rng.choice(others)


def head(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """The start of another container, or of none, before this one's content."""
    other = rng.choice(others)
    length = rng.choice((4, 12, 64, 300))
    data[:length] = other[:length] if rng.random() < 0.7 else rng.randbytes(length)


def extreme(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """A length, a count or a rate, wherever one may be, in either order of bytes."""
    at, width = _anywhere(rng, data), rng.choice("BHIQ")
    number = rng.choice(EXTREMES) & (256 ** struct.calcsize(width) - 1)
    packed = struct.pack(rng.choice("<>") + width, number)
    data[at : at + len(packed)] = packed


def box_field(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """A box's own size, or a field after its name."""
    if (at := _found(rng, data, BOXES)) is None:
        return extreme(rng, data, others)
    where = at - 4 if rng.random() < 0.4 else at + rng.choice(FIELDS)
    data[where : where + 4] = struct.pack(">I", rng.choice((*EXTREMES, rng.randrange(2**32), len(data))))
    return None


def box_name(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """One box becomes another, so that its content is read as what it is not."""
    if (at := _found(rng, data, BOXES)) is None:
        return head(rng, data, others)
    data[at : at + 4] = rng.choice(BOXES)
    return None


def ebml_length(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """The length of a Matroska element, also an unknown or an endless one; or its id."""
    if (at := _found(rng, data, EBML)) is None:
        return extreme(rng, data, others)
    length = rng.choice((b"\xff", b"\x01" + b"\xff" * 7, b"\x80", b"\x08\xff\xff\xff\xff", b"\x00", rng.randbytes(8)))
    where = at + rng.choice((0, 1, 2, 4))
    data[where : where + len(length)] = length
    return None


def chunk_field(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """What follows the name of a RIFF chunk, an Ogg page or a tag."""
    if (at := _found(rng, data, CHUNKS)) is None:
        return extreme(rng, data, others)
    where = at + rng.randrange(4, 30)
    data[where : where + 4] = struct.pack("<I", rng.choice((*EXTREMES, rng.randrange(2**32))))
    return None


DAMAGES: tuple[Damage, ...] = (
    *(flip, flip, noise, cut, drop, repeat, splice, chain, head, extreme),
    *(box_field, box_field, box_name, ebml_length, ebml_length, chunk_field),
)


def damaged(rng: random.Random, whole: bytes, others: Sequence[bytes]) -> bytes:
    """`whole` with one to five damages; never empty."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        rng.choice(DAMAGES)(rng, data, others)
        if not data:
            return whole[:1]
    return bytes(data)


def _anywhere(rng: random.Random, data: bytearray) -> int:
    """Half of them near either end, where the headers and tables are."""
    reach = min(len(data), rng.choice((64, 600, len(data))))
    return rng.randrange(reach) if rng.random() < 0.6 else len(data) - 1 - rng.randrange(reach)


def _found(rng: random.Random, data: bytearray, names: Sequence[bytes]) -> int | None:
    """Where one of the names is that are there."""
    places = [at for name in names if (at := data.find(name)) >= 0]
    return rng.choice(places) if places else None
