"""Hours of silence in a few hundred kilobytes: every FLAC frame is one CONSTANT subframe (RFC 9639)."""

from __future__ import annotations

from functools import cache

BLOCK = 4096
RATE_HZ = 16_000


def silent_flac(seconds: int, *, declare: bool = True) -> bytes:
    """16 kHz mono, 13 bytes for each 0.26 s. `declare=False` leaves the number of samples out of the header."""
    frames = seconds * RATE_HZ // BLOCK
    total = frames * BLOCK if declare else 0
    packed = RATE_HZ << 44 | 0 << 41 | 15 << 36 | total
    info = BLOCK.to_bytes(2, "big") * 2 + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\x00\x00\x22" + info + b"".join(_frame(number) for number in range(frames))


def _frame(number: int) -> bytes:
    header = b"\xff\xf8\xc5\x08" + _utf8(number)  # fixed blocks of 4096, 16 kHz, mono, 16 bit
    body = header + bytes([_crc(header, 8, 0x07)]) + b"\x00\x00\x00"
    return body + _crc(body, 16, 0x8005).to_bytes(2, "big")


def _utf8(number: int) -> bytes:
    """Frame numbers are coded like characters, surrogates included."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table, crc = _crc_table(bits, polynomial), 0
    for byte in data:
        crc = (crc << 8 ^ table[crc >> (bits - 8) ^ byte]) & ((1 << bits) - 1)
    return crc


@cache
def _crc_table(bits: int, polynomial: int) -> tuple[int, ...]:
    def shifted(crc: int) -> int:
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc >> (bits - 1) else 0)) & ((1 << bits) - 1)
        return crc

    return tuple(shifted(byte << (bits - 8)) for byte in range(256))
