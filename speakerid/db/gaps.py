"""Bytes of a SQLite file that belong to nothing: gaps of b-tree pages, where copies of moved cells stay behind.

`secure_delete` zeroes what is deleted, not what was copied to another place; other programs do not use it. The layout
is that of "B-tree Pages" and "The Freelist" in sqlite.org/fileformat2.html. A page that does not follow it to the
letter is left alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
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
class GapLayout:
    """From the file's own header."""

    page_bytes: int
    usable_bytes: int  # of a page: some keep bytes at its end for an extension
    pointer_maps: bool  # auto_vacuum

    @classmethod
    def of(cls, header: bytes) -> GapLayout:
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


def free(layout: GapLayout, header: bytes, read: Callable[[int], bytes]) -> dict[int, Gap]:
    """The free pages, by number, and what of each means nothing: all of a leaf, what is behind the list of a trunk."""
    found: dict[int, Gap] = {}
    number, most = int.from_bytes(header[32:36], "big"), layout.usable_bytes // 4 - 2
    while number and number not in found:
        following, count = struct.unpack_from(">II", page := read(number))
        if count > most:
            break
        found |= dict.fromkeys(struct.unpack_from(f">{count}I", page, 8), (0, layout.usable_bytes))
        found[number] = (8 + 4 * count, layout.usable_bytes)
        number = following
    return found


def dirty(layout: GapLayout, number: int, page: bytes, free_pages: Mapping[int, Gap]) -> list[Gap]:
    """The gaps of page `number` that hold anything but zeros."""
    if layout.is_pointer_map(number):
        return []
    try:
        found = [free_pages[number]] if number in free_pages else list(_gaps(layout, number, page))
    except ValueError:
        return []
    return [(first, end) for first, end in found if page[first:end].strip(b"\0")]


def _gaps(layout: GapLayout, number: int, page: bytes) -> Iterator[Gap]:
    """Of a b-tree page. Raises ValueError where it contradicts itself."""
    start, usable = HEADER_BYTES if number == 1 else 0, layout.usable_bytes
    header = PAGE_HEADER_BYTES.get(page[start])
    if header is None:
        return
    block, cells, content = struct.unpack_from(">HHH", page, start + 1)
    content = content or 65_536
    pointers_end = start + header + 2 * cells
    if not pointers_end <= content <= usable:
        raise ValueError("cells overlap their pointers")
    yield pointers_end, content
    least = content
    while block:
        if not least <= block <= usable - FREEBLOCK_BYTES:
            raise ValueError("a free block out of place")
        following, size = struct.unpack_from(">HH", page, block)
        if size < FREEBLOCK_BYTES or block + size > usable:
            raise ValueError("a free block of impossible size")
        yield block + FREEBLOCK_BYTES, block + size
        least, block = block + size, following
