"""How much of a stream could not be decoded, as far as its packets tell: by time where they carry it, else by bytes."""

from __future__ import annotations

from math import inf
from typing import Any

from speakerid.audio.byte_source import ByteSource, without_zeros
from speakerid.audio.containers import joined, mp4
from speakerid.audio.containers.ends import announced_end
from speakerid.audio.containers.formats import BARE, CLOSE, FRAMED, UNINTERRUPTED

JUMP_S = 0.05  # time stamps of some writers are rounded by a few ms
LONGEST_JUMP_S = 60.0  # a longer one is another clock, as in recordings of broadcasts
HEAD_BYTES = 1_000  # of a container's own between two packets; what is more and leaves a jump was lost …
PAD_BYTES = 4_096  # … and what is more than this, in any case: AVI is padded to sectors
_AVI_CHUNKS = (b"ix", b"idx1", b"JUNK", b"LIST", b"\0ix", b"\0JUN")
OGG_HEAD_BYTES = 28  # of a page that has only one packet
_TAGS = (b"ID3", b"TAG", b"APE", b"LYR")
_LEVEL_1 = (  # elements of Matroska that may follow the last block
    *(b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67", b"\x19\x41\xa4\x69", b"\x10\x43\xa7\x70", b"\x11\x4d\x9b\x74"),
    *(b"\x16\x54\xae\x6b", b"\x15\x49\xa9\x66"),
)
_ENDING = ("avi", "flv", "rm")  # say in bytes where their audio ends
FEW_BYTES = 4_096  # more than that of audio may be missing from any of them, whatever they announce
BLOCK_TAIL_BYTES = 64  # of a group of blocks behind its last one: how much to discard, a duration


class Losses:
    """Watches the packets of one stream in a `container` (FFmpeg's name), and where those of others lie."""

    def __init__(self, container: str, codec: str, data: ByteSource | None, tick_s: float) -> None:
        """`tick_s`: the unit of the packets' times."""
        self._container = container.split(",")[0]
        self._data = data
        self._tick_s = tick_s
        self._jump = JUMP_S / tick_s
        self._is_bare = self._container in BARE or (self._container == "wav" and codec.startswith(FRAMED))
        self._close = 0 if self._is_bare else HEAD_BYTES
        self._lost_s = 0.0
        self._failing = False  # since the last good packet
        self._failed_s = 0.0
        self._confirmed = False  # something failed before a good packet
        self._expected: int | None = None  # time of the next packet in ticks
        self._first = 0  # byte of the first good packet
        self._end = 0  # byte behind the last one, or one of another stream
        self._packets = 0  # good ones, and those of other streams
        self._bytes = 0  # of good packets
        self._other_bytes = 0  # of other streams' packets
        self._samples = 0
        self._rate_hz = 1

    def good(self, packet: Any, samples: int, rate_hz: int) -> None:
        """`packet` gave so many samples. Called for every packet: 2 us."""
        time, size, at = packet.pts, packet.size, packet.pos
        jump = 0 if self._expected is None or time is None else time - self._expected
        gap = at - self._end if at is not None else 0
        if self._failing or jump > self._jump or gap > self._close:
            self._between(jump * self._tick_s, gap)
        if time is not None:
            self._expected = time + (packet.duration or round(samples / rate_hz / self._tick_s))
        elif self._expected is not None:
            self._expected += round(samples / rate_hz / self._tick_s)
        if at is not None:
            self._first = self._first if self._bytes else at
            self._end = at + size
        self._bytes += size
        self._packets += 1
        self._samples += samples
        self._rate_hz = rate_hz

    def other(self, packet: Any) -> None:
        """`packet` belongs to another stream."""
        self._other_bytes += packet.size
        self._packets += 1
        if packet.pos is not None:
            self._end = max(self._end, packet.pos + packet.size)

    def bad(self, packet: Any | None) -> None:
        """`packet` cannot be decoded; None: something that is none cannot be read."""
        self._failing = True
        self._failed_s += self._tick_s * (packet.duration or 0) if packet is not None else 0.0

    def _between(self, jump_s: float, gap: int) -> None:
        """Count what was lost between the last good packet and this one, by its time and its place."""
        failing, failed_s = self._failing, self._failed_s
        self._failing, self._failed_s = False, 0.0
        if not self._bytes:
            self._lost_s += 0.0 if self._is_bare else failed_s
            return
        self._confirmed |= failing
        jump_s = jump_s if JUMP_S < jump_s < LONGEST_JUMP_S else 0.0
        if self._is_bare:
            self._lost_s += 0.0 if self._is_tag() else max(0, gap) / self._bytes_per_s
        elif failing:
            self._lost_s += max(jump_s, failed_s) or self._by_place(gap)
        elif self._container in UNINTERRUPTED:
            self._lost_s += jump_s
        elif self._container in CLOSE and gap > HEAD_BYTES:
            self._lost_s += jump_s or self._by_place(gap)

    def _by_place(self, gap: int) -> float:
        """Seconds by the bytes that no packet holds, where nothing else may fill them."""
        if self._container not in CLOSE or gap <= PAD_BYTES or self._data is None:
            return 0.0
        is_index = self._container == "avi" and self._data[self._end : self._end + 4].startswith(_AVI_CHUNKS)
        has_alpha = self._container == "matroska" and self._other_bytes > 0  # of pictures, beside their packets
        return 0.0 if is_index or has_alpha else gap * self._s_per_byte

    def _is_tag(self) -> bool:
        return self._data is not None and self._data[self._end : self._end + 3] in _TAGS

    @property
    def _bytes_per_s(self) -> float:
        return max(self._bytes * self._rate_hz / self._samples if self._samples else 0.0, 1.0)

    @property
    def _s_per_byte(self) -> float:
        """Of all streams together."""
        return self._bytes / (self._bytes + self._other_bytes) / self._bytes_per_s

    def seconds(self) -> float:
        """What was lost before the end, once the stream has ended."""
        if not self._bytes or self._data is None:
            return self._lost_s
        if self._is_bare:
            return max(self._lost_s, self._left_out(self._data) / self._bytes_per_s)
        unread = self._unread(self._data)
        unread_s = unread * self._s_per_byte if unread > HEAD_BYTES else 0.0
        if self._container == "ogg":
            return max(self._lost_s, unread_s)
        return min(self._lost_s + unread_s, self._most_s(self._data))

    def _most_s(self, data: ByteSource) -> float:
        """What can be lost at most: what is inserted into a file is none of its audio."""
        end = announced_end(data) if self._container in _ENDING else 0
        return max(FEW_BYTES, end - self._bytes - self._other_bytes) * self._s_per_byte if end else inf

    def last_s(self) -> float:
        """What was lost at the very end: of frames without a container it is more likely something appended."""
        return 0.0 if self._is_bare else self._failed_s

    def _left_out(self, data: ByteSource) -> int:
        """Bytes of AAC that FFmpeg did not understand: it counts on as if they were not there."""
        if self._container not in ("aac", "loas") or not self._confirmed:
            return 0
        return max(0, without_zeros(data) - self._first - self._bytes)

    def _unread(self, data: ByteSource) -> int:
        """Bytes behind the last packet that were to be audio."""
        if self._container == "mov":
            return mp4.unread(data)
        if self._container == "ogg":
            return self._unread_pages(data)
        if self._container in _ENDING:
            is_index = data[self._end : self._end + 4].startswith(_AVI_CHUNKS)
            return 0 if is_index else max(0, min(announced_end(data), len(data)) - self._end)
        follows = data[self._end : self._end + BLOCK_TAIL_BYTES]
        if self._container == "voc":  # a block of type 0 ends it, also one that damage made
            return without_zeros(data, self._end) - self._end
        if self._container != "matroska" or any(one in follows for one in _LEVEL_1):
            return 0
        return without_zeros(data, self._end) - self._end

    def _unread_pages(self, data: ByteSource) -> int:
        """Bytes of Ogg pages, from the first with audio on, that gave no packet, whether they were to or not."""
        end = joined.last_page(data)
        read = self._bytes + self._other_bytes
        pages = read + read // 255 + OGG_HEAD_BYTES * self._packets
        return max(0, len(data) - joined.first_audio_page(data) - pages - (end.behind if end.is_last else 0))
