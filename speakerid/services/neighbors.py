"""Who is nearest in a gallery: what is asked of the indexes in memory, or of the store itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from speakerid.scoring.calibration import OwnStrangers, Strangers
from speakerid.types import FloatArray

if TYPE_CHECKING:  # what an encoder process does without
    from speakerid.db.repositories.voiceprints import Voiceprint


@dataclass(frozen=True)
class Neighbors:
    """Speaker keys, nearest first, out of `size` voiceprints. Not to be trusted before SQL was asked again."""

    keys: tuple[int, ...]
    size: int
    own: OwnStrangers | None = None  # how strangers score in the gallery; None where that was not asked or is unknown


NO_NEIGHBORS = Neighbors(keys=(), size=0)


class EncoderShape(Protocol):
    """Of the running encoder, what its embeddings are known by."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...


class Indexes(Protocol):
    """The voiceprints of an encoder's galleries, to be searched. Every method may be called from any thread."""

    def search(self, gallery_key: int, query: FloatArray, k: int) -> Neighbors:
        """The nearest voiceprints to `query (dim,)`, of all that is committed, wherever."""

    def recognized(self, gallery_key: int, keys: Sequence[int]) -> list[Voiceprint]:
        """Those of `keys` who may be recognized as the store is now, in no order."""

    def size(self, gallery_key: int) -> int:
        """Voiceprints of the gallery."""

    def own_strangers(self, gallery_key: int, default: Strangers) -> OwnStrangers | None:
        """How strangers score in the gallery; None for too few speakers. Never inside a write transaction."""

    def load_all(self) -> None:
        """Have what the first search would wait for."""

    def load_soon(self, gallery_key: int) -> None:
        """The same of one gallery, in a thread."""

    def loaded(self) -> set[int]:
        """Keys of the galleries that are in memory."""

    def sizes(self) -> list[int]:
        """Voiceprints of each gallery that is in memory."""

    def damaged(self) -> list[int]:
        """Keys of the speakers who cannot be found, because their rows cannot be used."""

    def lag(self) -> int:
        """How many committed changes are not in the indexes at this moment; they are brought in. Raises StoreError."""

    def follow(self) -> None:
        """Bring in what changed elsewhere, and drop what was erased elsewhere. Raises StoreError."""

    def apply(self, touched: dict[int, set[int]]) -> None:
        """Bring in what was just committed here: speaker keys by gallery key."""

    def forget(self, gallery_keys: Iterable[int]) -> None:
        """Of erased galleries."""

    def purge(self) -> None:
        """Leave nothing in files of what was erased, whoever did it."""

    def close(self) -> None:
        """Wait for what is being written."""
