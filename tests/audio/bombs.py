"""Small files that cost a decoder gigabytes or minutes, made byte by byte; each hurts in a way of its own.

Every one is a whole file of its container. `BOMBS` has them in the size of an upload; the functions take sizes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from speakerid.audio.byte_source import ChunkedSource

RATE_HZ = 16_000
CODEC_FRAMES = 1024  # of an AAC packet
HUGE = 0x7FFF_FFFF
MIB = 1024 * 1024

_AAC_LC_16KHZ_MONO = b"\x14\x08"
_SILENT_AAC = b"\x01\x18\x20\x07"


def box(name: bytes, *parts: bytes) -> bytes:
    """ISO/IEC 14496-12: 32 bits of size, four letters, content."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def full_box(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return box(name, struct.pack(">I", flags), *parts)


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def mp4_stsz(samples: int = 60_000_000) -> bytes:
    """One table without bytes per sample announces all of them: FFmpeg makes an index entry of each."""
    return _m4a(_moov(_track(1, samples)))


def mp4_cmov(samples: int = 60_000_000) -> bytes:
    """The same, in a header compressed with zlib, where a search for names of boxes finds nothing."""
    moov = _moov(_track(1, samples))
    packed = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", words(len(moov)), zlib.compress(moov, 9)))
    return _m4a(box(b"moov", packed))


def mp4_chunks(chunks: int = 3_000, per_chunk: int = 25_000_000) -> bytes:
    """Samples of one tick each are counted by their chunks: a short table of chunks, millions of samples in each."""
    tables = (
        full_box(b"stts", words(1, HUGE, 1)),
        full_box(b"stsz", words(1, 16)),
        full_box(b"stsc", words(1, 1, per_chunk, 1)),
        full_box(b"stco", words(chunks), words(64) * chunks),
    )
    return _m4a(_moov(_track_of(1, *tables)))


def mp4_fragments(runs: int = 500, samples: int = 250_000) -> bytes:
    """Many fragments' runs, each with an ordinary number of samples that take no bytes."""
    trex = full_box(b"trex", words(1, 1, CODEC_FRAMES, 1, 0))
    moov = _moov(_track(1, 0), box(b"mvex", trex))
    tfhd = full_box(b"tfhd", words(1, CODEC_FRAMES, 1), flags=0x02_0018)
    run = full_box(b"trun", words(samples))
    moof = box(b"moof", full_box(b"mfhd", words(1)), box(b"traf", tfhd, run * runs))
    return box(b"ftyp", b"iso5", words(0), b"iso5") + moov + moof + box(b"mdat", _SILENT_AAC * 64)


def mp4_tracks(tracks: int = 24, samples: int = 10_000_000) -> bytes:
    """Many tracks, each within what one recording may have."""
    return _m4a(_moov(*(_track(nth, samples) for nth in range(1, tracks + 1))))


def webm_zlib(blocks: int = 1_700, plain_bytes: int = 10_000_000) -> bytes:
    """Blocks of zeros behind zlib, a thousandth of their size, in a track that is not decoded."""
    packed = zlib.compress(bytes(plain_bytes), 9)
    cluster = element(0x1F43B675, element(0xE7, b"\0"), *[_simple_block(2, packed)] * blocks)
    return _webm(_webm_track(1), _webm_track(2, packed=True)) + cluster


def m4a_boxes(size: int = 48 * MIB) -> bytes:
    """`size` bytes of empty boxes before the header."""
    return box(b"ftyp", b"M4A ", words(0), b"isom") + box(b"free") * (size // 8) + _tail()


def m4a_inner_boxes(size: int = 48 * MIB) -> bytes:
    """`size` bytes of empty boxes inside the header."""
    return _m4a(_moov(_track(1, 16), box(b"udta", box(b"free") * (size // 8))))


def wav_chunks(size: int = 48 * MIB) -> bytes:
    """`size` bytes of empty chunks before the samples."""
    junk = struct.pack("<4sI", b"junk", 0) * (size // 8)
    return _wav_head(len(junk) + 3_200) + junk + struct.pack("<4sI", b"data", 3_200) + bytes(3_200)


def wav_trailing_chunks(size: int = 48 * MIB) -> bytes:
    """`size` bytes of empty chunks after the samples."""
    junk = struct.pack("<4sI", b"junk", 0) * (size // 8)
    return _wav_head(len(junk) + 3_200) + struct.pack("<4sI", b"data", 3_200) + bytes(3_200) + junk


def wav_comments(size: int = 8 * MIB) -> bytes:
    """A list of comments under different names, each looked for among all before it."""
    info = b"INFO" + b"".join(struct.pack(">I", 0x4141_4141 + nth) + b"\x02\0\0\0a\0" for nth in range(size // 10))
    chunk = struct.pack("<4sI", b"LIST", len(info)) + info
    return _wav_head(len(chunk) + 3_200) + chunk + struct.pack("<4sI", b"data", 3_200) + bytes(3_200)


def flac_blocks(size: int = 48 * MIB) -> bytes:
    """`size` bytes of empty metadata blocks before the samples."""
    return _flac_head() + b"\x01\0\0\0" * (size // 4) + b"\x81\0\0\0" + b"\xff\xf8\xc5\x08\0\xa6" + bytes(64)


def flac_comments(count: int = 1_000_000) -> bytes:
    """Comments under different names, each looked for among all before it."""
    comments = _vorbis_comments(count)
    return _flac_head() + b"\x84" + len(comments).to_bytes(3, "big") + comments + b"\xff\xf8\xc5\x08\0\xa6" + bytes(64)


def ogg_comments(count: int = 1_000_000) -> bytes:
    """The same in the header of Opus, over many pages."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, RATE_HZ, 0, 0)
    return b"".join(_ogg_pages([head, b"OpusTags" + _vorbis_comments(count)]))


def id3_tag(count: int = 1_000_000, missing: int = 0) -> bytes:
    """A tag of comments under different names, each looked for among all before it; `missing` bytes of it are not."""
    frames = b"".join(b"TXXX" + words(10) + b"\0\0\0" + b"%07x\x0a" % nth for nth in range(count))
    size = len(frames) + missing
    return b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames


def mp3_tags(count: int = 1_000_000) -> bytes:
    """Silent frames that a tag counts as its own."""
    return id3_tag(count, missing=10_000) + SILENT_MP3 * 20


def element(name: int, *parts: bytes) -> bytes:
    """EBML, RFC 8794: an id, eight bytes of length, content."""
    content = b"".join(parts)
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + (1 << 56 | len(content)).to_bytes(8, "big") + content


BOMBS: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        *(mp4_stsz, mp4_cmov, mp4_chunks, mp4_fragments, mp4_tracks),
        *(webm_zlib, m4a_boxes, m4a_inner_boxes, wav_chunks, wav_trailing_chunks),
        *(wav_comments, flac_blocks, flac_comments, ogg_comments, mp3_tags),
    )
}
SILENT_MP3 = b"\xff\xf3\x48\xc4" + bytes(140)  # MPEG 2 layer III, 32 kbit/s at 16 kHz: 144 bytes


def _m4a(moov: bytes) -> bytes:
    return box(b"ftyp", b"M4A ", words(0), b"isom") + moov + box(b"mdat", _SILENT_AAC * 64)


def _tail() -> bytes:
    return _moov(_track(1, 16)) + box(b"mdat", _SILENT_AAC * 64)


def _moov(*parts: bytes) -> bytes:
    matrix = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
    header = words(0, 0, RATE_HZ, HUGE, 0x10000) + b"\x01\0" + bytes(10) + matrix + bytes(24) + words(99)
    return box(b"moov", full_box(b"mvhd", header), *parts)


def _track(nth: int, samples: int) -> bytes:
    """One whose samples have one byte each, all in one chunk."""
    tables = (
        full_box(b"stts", words(1, samples, CODEC_FRAMES)),
        full_box(b"stsz", words(1 if samples else 0, samples)),
        full_box(b"stsc", words(1, 1, samples, 1) if samples else words(0)),
        full_box(b"stco", words(1, 64) if samples else words(0)),
    )
    return _track_of(nth, *tables)


def _track_of(nth: int, *tables: bytes) -> bytes:
    matrix = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
    tkhd = full_box(b"tkhd", words(0, 0, nth, 0, HUGE, 0, 0, 0), b"\x01\0\0\0", matrix, words(0, 0), flags=3)
    mdhd = full_box(b"mdhd", words(0, 0, RATE_HZ, HUGE), b"\x55\xc4\0\0")
    hdlr = full_box(b"hdlr", words(0), b"soun", bytes(13))
    stbl = box(b"stbl", full_box(b"stsd", words(1), _mp4a()), *tables)
    minf = box(b"minf", full_box(b"smhd", words(0)), _data_reference(), stbl)
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))


def _data_reference() -> bytes:
    return box(b"dinf", full_box(b"dref", words(1), full_box(b"url ", flags=1)))


def _mp4a() -> bytes:
    config = b"\x05\x02" + _AAC_LC_16KHZ_MONO
    decoder = b"\x04" + bytes([13 + len(config)]) + b"\x40\x15" + bytes(11) + config
    esds = full_box(b"esds", b"\x03" + bytes([3 + len(decoder)]) + b"\0\x01\0" + decoder)
    return box(b"mp4a", bytes(6) + b"\0\x01" + bytes(8) + struct.pack(">HHI", 1, 16, 0) + words(RATE_HZ << 16), esds)


def _wav_head(rest: int) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(fmt) + 8 + rest, b"WAVE") + fmt


def _flac_head() -> bytes:
    packed = RATE_HZ << 44 | 15 << 36 | RATE_HZ
    return b"fLaC\0\0\0\x22" + b"\x10\0\x10\0" + bytes(6) + packed.to_bytes(8, "big") + bytes(16)


def _vorbis_comments(count: int) -> bytes:
    lines = b"".join(struct.pack("<I", 9) + b"%07x=a" % nth for nth in range(count))
    return struct.pack("<I", 0) + struct.pack("<I", count) + lines


def _ogg_pages(packets: list[bytes]) -> list[bytes]:
    pages: list[bytes] = []
    for packet in packets:
        for start in range(0, len(packet) + 1, 255 * 255):
            pages.append(_ogg_page(packet[start : start + 255 * 255], len(pages), start > 0))
    return pages


def _ogg_page(body: bytes, nth: int, goes_on: bool) -> bytes:
    """RFC 3533; a packet ends where a lacing value is below 255."""
    lacing = bytes([255] * (len(body) // 255) + ([] if len(body) == 255 * 255 else [len(body) % 255]))
    kind = (1 if goes_on else 0) | (2 if nth == 0 else 0)
    page = struct.pack("<4sBBqIII", b"OggS", 0, kind, 0, 7, nth, 0) + bytes([len(lacing)]) + lacing + body
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(page: bytes) -> int:
    """The polynomial of zlib's, not reflected: reverse bits on the way in and out."""
    mirrored = page.translate(_MIRROR)
    crc = zlib.crc32(mirrored, 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)


_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _webm(*tracks: bytes) -> bytes:
    """Up to its clusters; the segment's length is left open."""
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(4, "big")))
    return head + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + info + element(0x1654AE6B, *tracks)


def _webm_track(nth: int, packed: bool = False) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 48_000, 0, 0)
    sound = element(0xE1, element(0xB5, struct.pack(">d", 48_000.0)), element(0x9F, b"\x01"))
    zlib_coded = element(0x6D80, element(0x6240, element(0x5034, element(0x4254, b"\0"))))
    names = (element(0xD7, bytes([nth])), element(0x73C5, bytes([nth])), element(0x83, b"\x02"))
    codec = (element(0x86, b"A_OPUS"), element(0x63A2, head), sound)
    return element(0xAE, *names, *codec, zlib_coded if packed else b"")


def _simple_block(track: int, data: bytes) -> bytes:
    return element(0xA3, bytes([0x80 | track]), b"\0\0\x80", data)


PASSED_OVER = "wav_comments"  # nobody reads the comments of plain WAV: its few samples are a recording like others
SMALL = [name for name in BOMBS if name.startswith("mp4_")]  # a few KB each


def endless(name: str, size: int) -> ChunkedSource:
    """About `size` bytes of the kind `name`, made while they are read; they end in the middle of it."""
    head, unit = _endless()[name]
    repeated = unit * (MIB // len(unit) + 2)

    def load(nth: int) -> bytes:
        start = nth * MIB - len(head)
        if start < 0:
            return (head + repeated)[:MIB]
        return repeated[start % len(unit) :][:MIB]

    return ChunkedSource(size, MIB, load)


def _endless() -> dict[str, tuple[bytes, bytes]]:
    """How each begins, and what follows again and again."""
    wav = _wav_head(0)
    cluster = b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" + element(0xE7, b"\0")
    return {
        "m4a_boxes": (box(b"ftyp", b"M4A ", words(0), b"isom"), box(b"free")),
        "wav_chunks": (wav, struct.pack("<4sI", b"junk", 0)),
        "wav_trailing_chunks": (
            wav + struct.pack("<4sI", b"data", 3_200) + bytes(3_200),
            struct.pack("<4sI", b"junk", 0),
        ),
        "flac_blocks": (_flac_head(), b"\x01\0\0\0"),
        "webm_zlib": (
            _webm(_webm_track(1), _webm_track(2, packed=True)) + cluster,
            _simple_block(2, zlib.compress(bytes(10_000_000), 9)),
        ),
        "mp4_fragments": (mp4_fragments(0), mp4_fragments()[len(mp4_fragments(0)) :]),
    }


ENDLESS = sorted(_endless())
