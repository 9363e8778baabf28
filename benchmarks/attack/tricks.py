"""Files that name other files and addresses: playlists, scripts and containers that ask their reader to open more."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.audio.bombs import box, element, full_box, words

RATE_HZ = 16_000


@dataclass(frozen=True)
class Canary:
    """What only the attack knows of: whoever opens it followed a reference."""

    file: Path
    port: int  # on loopback

    def targets(self) -> Mapping[str, str]:
        """Every way to name them."""
        file, web = str(self.file), f"127.0.0.1:{self.port}"
        plain = {
            "path": file,
            "file": f"file://{file}",
            "file:": f"file:{file}",
            "climbing": "../" * 12 + file.lstrip("/"),
            "hostname": "/etc/hostname",
            "concat": f"concat:{file}|{file}",
            "subfile": f"subfile,,start,0,end,64,,:{file}",
            "crypto": f"crypto:{file}",
            "cache": f"cache:{file}",
            "async": f"async:{file}",
            "pipe": "pipe:0",
            "fd": "fd:0",
            "unix": f"unix:{file}",
        }
        schemes = ("http", "https", "tcp", "udp", "rtp", "rtsp", "rtmp", "ftp", "gopher", "hls+http", "srt", "mmsh")
        data = {"data": "data:audio/wav;base64,UklGRiQAAABXQVZF"}
        return plain | data | {scheme: f"{scheme}://{web}/voice.wav" for scheme in schemes}


def tricks(canary: Canary) -> Iterator[tuple[str, bytes]]:
    """(what it is, the file), every carrier with every target."""
    for target, text in canary.targets().items():
        for make in CARRIERS:
            yield f"{make.__name__} {target}", make(text)
    yield "sdp", _sdp(canary.port)
    yield "sdp behind a tag", _behind_a_tag(_sdp(canary.port))


def playlist(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode()


def playlist_key(target: str) -> bytes:
    keys = f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXT-X-MAP:URI="{target}"\n'
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n{keys}#EXTINF:10,\n{target}\n".encode()


def playlist_of_playlists(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n".encode()


def playlist_behind_a_tag(target: str) -> bytes:
    return _behind_a_tag(playlist(target))


def concat_script(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\nduration 10\n".encode()


def pls(target: str) -> bytes:
    return f"[playlist]\nFile1={target}\nLength1=10\nNumberOfEntries=1\nVersion=2\n".encode()


def dash(target: str) -> bytes:
    segment = f'<SegmentList><SegmentURL media="{target}"/></SegmentList>'
    periods = f"<Period><BaseURL>{target}</BaseURL><AdaptationSet>{segment}</AdaptationSet></Period>"
    return f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">{periods}</MPD>'.encode()


def smooth(target: str) -> bytes:
    return f'<?xml version="1.0"?><asx version="3.0"><entry><ref href="{target}"/></entry></asx>'.encode()


def mov_url(target: str) -> bytes:
    """A track whose samples lie elsewhere, by address."""
    return _mov(full_box(b"url ", target.encode() + b"\0"))


def mov_alias(target: str) -> bytes:
    """By an alias of a Macintosh: volume, folder and path."""
    path = target.encode()[:1000]
    name = Path(target).name.encode()[:27]
    volume = struct.pack(">HHB", 0, 0, 1) + b"/".ljust(27, b"\0")
    aliased = bytes(10) + volume + bytes(8) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    levels = struct.pack(">HH", 1, 9) + bytes(16)
    parts = struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2)
    posix = struct.pack(">HH", 18, len(path)) + path + bytes(len(path) % 2)
    return _mov(full_box(b"alis", aliased + levels + parts + posix + struct.pack(">HH", 0xFFFF, 0)))


def mov_reference_movie(target: str) -> bytes:
    """A movie that says where a better one lies."""
    reference = box(b"rdrf", words(0), b"url ", words(len(target) + 1), target.encode() + b"\0")
    return box(b"ftyp", b"qt  ", words(0)) + box(b"moov", box(b"rmra", box(b"rmda", reference)))


def matroska_segments(target: str) -> bytes:
    """A segment that names the ones before and after it, and a chapter that lies in another."""
    name = target.encode()
    info = element(0x1549A966, element(0x3C83AB, name), element(0x3EB83BB, name), element(0x7384, name))
    tags = element(0x1254C367, element(0x7373, element(0x67C8, element(0x45A3, b"URL"), element(0x4487, name))))
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, info, tags)


def id3_link(target: str) -> bytes:
    """A tag with a linked frame, a web page and a picture that lies elsewhere."""
    address = target.encode("latin-1")
    frames = _frame(b"LINK", b"APIC" + address) + _frame(b"WOAF", address)
    return _tagged(frames + _frame(b"APIC", b"\0-->\0\3\0" + address)) + (b"\xff\xf3\x48\xc4" + bytes(140)) * 20


def flac_picture(target: str) -> bytes:
    """A picture whose bytes are an address."""
    address = target.encode()
    picture = words(3, 3) + b"-->" + words(0, 1, 1, 24, 0, len(address)) + address
    packed = RATE_HZ << 44 | 15 << 36 | RATE_HZ
    head = b"fLaC\0\0\0\x22" + b"\x10\0\x10\0" + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return head + b"\x86" + len(picture).to_bytes(3, "big") + picture + b"\xff\xf8\xc5\x08\0\xa6" + bytes(64)


def wav_list(target: str) -> bytes:
    """An address where a recording's name stands, and one more as samples."""
    name = target.encode() + b"\0" * (len(target) % 2)
    info = b"INFO" + struct.pack("<4sI", b"IARL", len(name)) + name
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    rest = fmt + struct.pack("<4sI", b"LIST", len(info)) + info + struct.pack("<4sI", b"data", len(name)) + name
    return struct.pack("<4sI4s", b"RIFF", 4 + len(rest), b"WAVE") + rest


def json_inputs(target: str) -> bytes:
    return f'{{"inputs": "{target}", "file": "{target}", "url": "{target}"}}'.encode()


def bare(target: str) -> bytes:
    return target.encode()


CARRIERS: tuple[Callable[[str], bytes], ...] = (
    *(playlist, playlist_key, playlist_of_playlists, playlist_behind_a_tag, concat_script, pls, dash, smooth),
    *(mov_url, mov_alias, mov_reference_movie, matroska_segments, id3_link, flac_picture, wav_list, json_inputs, bare),
)


def _sdp(port: int) -> bytes:
    head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    return f"{head}m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n".encode()


def _behind_a_tag(rest: bytes) -> bytes:
    return _tagged(_frame(b"TIT2", b"\0x")) + rest


def _tagged(frames: bytes) -> bytes:
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frames


def _frame(name: bytes, content: bytes) -> bytes:
    return name + words(len(content)) + b"\0\0" + content


def _mov(reference: bytes) -> bytes:
    """One track of 16-bit samples, which lie where `reference` says."""
    matrix = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
    sound = bytes(6) + b"\0\x01" + bytes(8) + struct.pack(">HHI", 1, 16, 0) + words(RATE_HZ << 16)
    tables = (
        full_box(b"stsd", words(1), box(b"sowt", sound)),
        full_box(b"stts", words(1, RATE_HZ, 1)),
        full_box(b"stsz", words(2, RATE_HZ)),
        full_box(b"stsc", words(1, 1, RATE_HZ, 1)),
        full_box(b"stco", words(1, 0)),
    )
    dinf = box(b"dinf", full_box(b"dref", words(1), reference))
    minf = box(b"minf", full_box(b"smhd", words(0)), dinf, box(b"stbl", *tables))
    mdhd = full_box(b"mdhd", words(0, 0, RATE_HZ, RATE_HZ), b"\x55\xc4\0\0")
    hdlr = full_box(b"hdlr", b"mhlr", b"soun", bytes(13))
    tkhd = full_box(b"tkhd", words(0, 0, 1, 0, RATE_HZ, 0, 0, 0), b"\x01\0\0\0", matrix, words(0, 0), flags=7)
    mvhd = full_box(b"mvhd", words(0, 0, RATE_HZ, RATE_HZ, 0x10000), b"\x01\0", bytes(10), matrix, bytes(24), words(2))
    return box(b"ftyp", b"qt  ", words(0)) + box(b"moov", mvhd, box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf)))
