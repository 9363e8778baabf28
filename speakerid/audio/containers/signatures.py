"""What containers begin with: one table for files that FFmpeg cannot open and for live streams."""

from __future__ import annotations

from speakerid.audio.byte_source import ByteSource

HEAD_BYTES = 12  # that are enough to know any of them by
EBML = b"\x1a\x45\xdf\xa3"  # RFC 8794: WebM and Matroska
CLUSTER = b"\x1f\x43\xb6\x75"  # of WebM: a recorder's later chunk begins with one
_BEGINNINGS = (
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, EBML, "WebM"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "MP4"),
    (0, b"FORM", "AIFF"),
    (0, b"caff\0\x01", "CAF"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    (0, b"#!AMR", "AMR"),
)
_FRAGMENT = (b"moof", b"styp", b"sidx", b"mdat")  # boxes of MP4 that a recorder's later chunk begins with


def container(data: ByteSource) -> str | None:
    """The name of the container that `data` begins as; None where its first 12 bytes are of none."""
    return next((name for at, magic, name in _BEGINNINGS if data[at : at + len(magic)] == magic), None)


def is_fragment(box: bytes) -> bool:
    """Whether this first box of MP4, by its name, is that of a later chunk."""
    return box in _FRAGMENT


def live_container(head: bytes) -> str | None:
    """The container that a live stream is part of, from its beginning or not: its name, None without one."""
    return "MP4" if is_fragment(head[4:8]) else container(head)
