"""Bytes of a SQLite file that belong to nothing: gaps of b-tree pages, where copies of moved cells stay behind.

`secure_delete` zeroes what is deleted, not what was copied to another place. The layout is that of "B-tree Pages" in
sqlite.org/fileformat2.html. A page that does not follow it to the letter is left alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 100  # of the file, at the start of its first page
PAGE_HEADER_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}  # by kind: interior index, interior table, leaf index, leaf table
FREEBLOCK_BYTES = 4  # where the next one is, and the size of this one
POINTER_BYTES = 5  # of a pointer map, for each page
LOCK_BYTE = 0x4000_0000  # the page that holds it is never used
# Overflow and free-list pages begin with a page number: below this many pages its first byte is no kind of b-tree page.
MOST_PAGES = 0x0200_0000
Gap = tuple[int, int]  # start and end (exclusive) in the page


@dataclass(frozen=True)
class Layout:
    """What the file's own header says."""

    page_bytes: int
    usable_bytes: int  # of a page: some keep bytes at its end for an extension
    pointer_maps: bool  # auto_vacuum

    @classmethod
    def of(cls, header: bytes) -> Layout:
        """Raises ValueError for a file that is no SQLite database."""
        if len(header) < HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
            raise ValueError("no SQLite database")
        stated = int.from_bytes(header[16:18], "big")
        page_bytes = 65_536 if stated == 1 else stated
        if page_bytes < 512 or page_bytes & (page_bytes - 1):
            raise ValueError(f"a page of {page_bytes} bytes")
        return cls(page_bytes, page_bytes - header[20], any(header[52:56]))

    def is_pointer_map(self, number: int) -> bool:
        """`number` of the page, from 1. Its first byte may look like a b-tree page's."""
        if not self.pointer_maps or number < 2:
            return False
        apart = self.usable_bytes // POINTER_BYTES + 1
        first = (number - 2) // apart * apart + 2
        return number == (first + 1 if first == LOCK_BYTE // self.page_bytes + 1 else first)


def dirty(layout: Layout, number: int, page: bytes) -> list[Gap]:
    """The gaps of page `number` that hold anything but zeros."""
    if layout.is_pointer_map(number):
        return []
    start = HEADER_BYTES if number == 1 else 0
    try:
        found = list(_gaps(page, start, layout.usable_bytes))
    except ValueError:
        return []
    return [(first, end) for first, end in found if page[first:end].strip(b"\0")]


def _gaps(page: bytes, start: int, usable: int) -> Iterator[Gap]:
    """Raises ValueError where the page contradicts itself."""
    header = PAGE_HEADER_BYTES.get(page[start])
    if header is None:
        return
    free, cells, content = struct.unpack_from(">HHH", page, start + 1)
    content = content or 65_536
    pointers_end = start + header + 2 * cells
    if not pointers_end <= content <= usable:
        raise ValueError("cells overlap their pointers")
    yield pointers_end, content
    least = content
    while free:
        if not least <= free <= usable - FREEBLOCK_BYTES:
            raise ValueError("a free block out of place")
        following, size = struct.unpack_from(">HH", page, free)
        if size < FREEBLOCK_BYTES or free + size > usable:
            raise ValueError("a free block of impossible size")
        yield free + FREEBLOCK_BYTES, free + size
        least, free = free + size, following
