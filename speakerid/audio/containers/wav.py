"""WAV files (Microsoft RIFF/WAVE, EBU Tech 3306): where their samples lie, and which files are plain enough to trust.

FFmpeg reads one header and the samples that it announces. Recorders announce a part of them, join files, or forget a
byte of padding: what is found here is put together for FFmpeg under one header that holds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource, spliced, without_zeros
from speakerid.audio.limits import check_recordings

PLACEHOLDER_BYTES = 0x7FFF_0000  # streaming writers put 0, 0x7FFFxxxx, 0x80000000 or 0xFFFFFFFF: length not known
_PCM, _EXTENSIBLE = 1, 0xFFFE
_LINEAR = (_PCM, 3, 6, 7)  # PCM, float, A-law, mu-law: every frame has `block_align` bytes
_EXTENSIBLE_BYTES = 40  # with the sub-format, whose first two bytes are a tag
HEAD_BYTES = 16_384  # before the samples, and again behind them: FFmpeg reads on
MAX_CHUNKS = 32
SEARCHED_PLACES = 1_000  # of what may be a header there, one after another
SEARCHED_BYTES = 64 * 1024 * 1024  # for a further recording, where a header does not tell: 10 ms
_FMT_BYTES = range(16, 65)
_HARMLESS = (b"fact", b"LIST", b"JUNK", b"junk", b"PEAK", b"bext", b"FLLR", b"PAD ", b"cue ", b"smpl", b"afsp")
_FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_FIRST = (b"fmt ", b"ds64", *_HARMLESS)  # chunks that a recording begins with
# What a program appends is no samples, however its length lies.
_APPENDED = (*_HARMLESS, b"id3 ", b"ID3 ", b"iXML", b"axml", b"_PMX", b"DISP", b"inst", b"acid")
_TAGS = (b"ID3\2", b"ID3\3", b"ID3\4", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
_ALL = 0xFFFF_FFFF
_AU_FORMATS = {(1, 16): 3, (1, 24): 4, (1, 32): 5, (3, 32): 6, (3, 64): 7, (7, 8): 1, (6, 8): 27}  # by tag and bits


@dataclass(frozen=True)
class WavForm:
    """One recording of a file: most files have one."""

    fmt: bytes  # the content of that chunk, b"" without one
    order: str  # of its bytes
    start: int
    end: int
    samples: tuple[tuple[int, int], ...]  # where in the file, start and end in bytes
    missing: int  # bytes that are announced and not there
    is_plain: bool  # FFmpeg finds all of it by itself

    @property
    def linear(self) -> tuple[int, int, int] | None:
        """Channels, rate in Hz and bytes a second; None of a compressed or unknown format."""
        if len(self.fmt) < 16:
            return None
        channels, rate_hz, _, block_align = struct.unpack(f"{self.order}HIIH", self.fmt[2:14])
        return (channels, rate_hz, block_align * rate_hz) if _is_linear(self.fmt, self.order) else None

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.samples)

    @property
    def demuxer(self) -> str:
        """FFmpeg's, for `source`."""
        return "wav" if self._au is None else "au"

    @property
    def _au(self) -> int | None:
        """The number of the format in AU; None of what is not big-endian: FFmpeg swaps no samples of WAV."""
        if self.order == "<" or len(self.fmt) < 16:
            return None
        tag, bits = struct.unpack(">H12xH", self.fmt[:16])
        return _AU_FORMATS.get((tag, bits))

    def source(self, data: ByteSource) -> ByteSource:
        """A file of this recording alone. `data` is what it was found in."""
        fmt = _whole_words(self.fmt, self.order)
        if self.is_plain and fmt == self.fmt and self._au is None:
            return data if (self.start, self.end) == (0, len(data)) else spliced((data, self.start, self.end))
        head = self._au_head() or self._head(fmt)
        return spliced((head, 0, len(head)), *((data, start, end) for start, end in self.samples))

    def _head(self, fmt: bytes) -> bytes:
        name = b"RIFX" if self.order == ">" else b"RIFF"
        start = struct.pack(f"{self.order}4sI4s4sI", name, _ALL, b"WAVE", b"fmt ", len(fmt))
        return start + fmt + struct.pack(f"{self.order}4sI", b"data", min(self.size, _ALL))

    def _au_head(self) -> bytes:
        if self._au is None:
            return b""
        channels, rate_hz = struct.unpack(">HI", self.fmt[2:8])
        return struct.pack(">4sIIIII", b".snd", 24, _ALL, self._au, rate_hz, channels)


def _is_linear(fmt: bytes, order: str) -> bool:
    """Whether the content of a format chunk, or its first 40 bytes, is that of linear samples."""
    tag = struct.unpack(f"{order}H", fmt[:2])[0] if len(fmt) >= 16 else 0
    if tag == _EXTENSIBLE and len(fmt) >= _EXTENSIBLE_BYTES:
        tag = struct.unpack(f"{order}H", fmt[24:26])[0]
    return tag in _LINEAR


def _whole_words(fmt: bytes, order: str) -> bytes:
    """The format with all bits of its words in use.

    Words of PCM lie at the top of their container, so 24 valid bits in 32 (Windows' shared mode) read as 32; FFmpeg
    takes them for floats of Cool Edit.
    """
    if len(fmt) < 26:
        return fmt
    tag, _, _, _, _, bits, _, valid, _, kind = struct.unpack(f"{order}HHIIHHHHIH", fmt[:26])
    is_pcm = tag == _EXTENSIBLE and kind == _PCM and valid < bits
    return fmt[:18] + struct.pack(f"{order}H", bits) + fmt[20:] if is_pcm else fmt


def is_wav(data: ByteSource, at: int = 0) -> bool:
    return data[at : at + 4] in _FORMS and data[at + 8 : at + 12] == b"WAVE"


def wav_forms(data: ByteSource) -> list[WavForm]:
    """The recordings of a file that `is_wav`, in their order. Raises MalformedAudio for too many, ClientGone."""
    forms, at = list[WavForm](), 0
    while is_wav(data, at):
        check_recordings(len(forms) + 1)
        forms.append(_Walk(data, at).form())
        at = forms[-1].end
    return forms


class _Walk:
    """One way through the chunks of a recording that begins at `start`."""

    def __init__(self, data: ByteSource, start: int) -> None:
        self._data = data
        self._start = start
        self._order = ">" if data[start : start + 4] == b"RIFX" else "<"
        self._fmt = b""
        self._long: int | None = None  # bytes of samples by a chunk of RF64
        self._samples: list[tuple[int, int]] = []
        self._missing = 0
        self._is_plain = True

    def form(self) -> WavForm:
        end = self._end()
        plain = self._is_plain and len(self._samples) == 1
        return WavForm(self._fmt, self._order, self._start, end, tuple(self._samples), self._missing, plain)

    def _end(self) -> int:
        """Where the recording ends: at the next one, or with the file."""
        at, total = self._start + 12, len(self._data)
        while at + 8 <= total:
            name, size = self._chunk(at)
            if self._samples and is_wav(self._data, at):
                return at
            if self._samples and self._data[at : at + 11].startswith(_TAGS):
                return self._next_form(at)
            if name == b"data":
                at = self._data_end(at + 8, size)
                continue
            if self._samples and not self._is_chunk(name, at, size):
                return self._go_on(at)
            if name == b"fmt ":
                self._fmt = self._data[at + 8 : at + 8 + min(size, 256)]
            elif name == b"ds64":
                self._long = struct.unpack("<Q", self._data[at + 16 : at + 24].ljust(8, b"\0"))[0]
            at = self._next(at + 8 + size, size)
        return total

    def _chunk(self, at: int) -> tuple[bytes, int]:
        name, size = struct.unpack(f"{self._order}4sI", self._data[at : at + 8])
        return name, size

    def _data_end(self, start: int, size: int) -> int:
        """Take the samples that begin at `start`: where to look on."""
        total = len(self._data)
        if size == _ALL and self._long:
            size = self._long
        elif size == 0 or size >= PLACEHOLDER_BYTES:
            end = self._next_form(start)
            self._is_plain = end == total
            self._samples.append((start, end))
            return end
        self._missing = max(0, start + size - total)
        self._samples.append((start, min(start + size, total)))
        return self._next(start + size, size)

    def _next(self, at: int, size: int) -> int:
        """Where the next chunk begins: padded to an even number of bytes, unless its writer forgot."""
        if size % 2 == 0:
            return at
        known = (b"fmt ", b"data", *_FORMS, *_APPENDED)
        if self._data[at : at + 4] in known and self._data[at + 1 : at + 5] not in known:
            self._is_plain = False
            return at
        return at + 1

    def _is_chunk(self, name: bytes, at: int, size: int) -> bool:
        """Whether a chunk begins at `at`, or zeros to the end, not more samples."""
        if name in _APPENDED:
            return True
        fits = at + 8 + size <= len(self._data) + 1
        return (fits and all(32 <= one < 127 for one in name)) or without_zeros(self._data, at) <= at

    def _go_on(self, at: int) -> int:
        """Take what follows at `at`, which no header announces: where it ends."""
        self._samples[-1] = (self._samples[-1][0], self._next_form(at))
        self._is_plain = False
        return self._samples[-1][1]

    def _next_form(self, at: int) -> int:
        """Where the next recording begins, or the file ends."""
        found = _next_form(self._data, at)
        return len(self._data) if found is None else found


def _next_form(data: ByteSource, at: int) -> int | None:
    """Where the first recording from `at` on begins: the length of `data` without one, None where it is not known."""
    if len(data) - at > SEARCHED_BYTES:
        return None
    at += 8
    for _ in range(SEARCHED_PLACES):
        found = data.find(b"WAVE", at)
        if found < 0:
            return len(data)
        if is_wav(data, found - 8) and data[found + 4 : found + 8] in _FIRST:
            return found - 8
        at = found + 4
    return None


def is_plain_wav(data: ByteSource) -> bool:
    """Whether a WAV file is one recording of linear samples that could not surprise a decoder.

    32 KB of it tell, or up to 64 MB where its length is not known. Every other file, damaged or merely unusual, is
    decoded in another process.
    """
    head = data[:HEAD_BYTES]
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return False
    at, linear = 12, False
    for _ in range(MAX_CHUNKS):
        name, size = _chunk(head, at)
        if name == b"data":
            return linear and _ends_plainly(data, at + 8, size)
        if name == b"fmt ":
            linear = size in _FMT_BYTES and _is_linear(head[at + 8 : at + 8 + size], "<")
        elif name not in _HARMLESS:
            return False
        at += 8 + size + size % 2
    return False


def _ends_plainly(data: ByteSource, start: int, size: int) -> bool:
    """Whether only harmless chunks follow the samples, or no other recording where their length is not known."""
    if size == 0 or size >= PLACEHOLDER_BYTES:
        return _next_form(data, start) == len(data)
    at = start + size
    if len(data) - at > HEAD_BYTES:
        return False
    tail = data[at:]
    at = 0
    for _ in range(MAX_CHUNKS):
        if at + 10 > len(tail):
            return True
        name, size = _chunk(tail, at)
        if name not in _HARMLESS:
            return False
        at += 8 + size + size % 2
    return False


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    """Name and size of a chunk; no name where `data` ends before its first two bytes."""
    return struct.unpack_from("<4sI", data, at) if at + 10 <= len(data) else (b"", 0)
