"""The cohort of AS-norm: embeddings of voices that nobody is looking for, on disk as one small .npz file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import CohortInvalid
from speakerid.scoring.quality import heard
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray

TOP = 150  # of the 800 voices of a part (docs/decisions/0007)


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a cohort that were heard alike: as recorded, in noise, or over the telephone."""

    voices: int
    snr_db: float
    bandwidth_hz: float


@dataclass(frozen=True)
class Cohort:
    """`embeddings (c, dim)`, float16 on disk; valid only for the encoder with this `fingerprint`.

    `parts` tell how they were heard, in order; none: nobody knows, they are one.
    """

    embeddings: FloatArray
    fingerprint: str
    made_of: str  # name of the material
    top: int = TOP
    parts: tuple[Part, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Tells which cohort a calibration was fitted with."""
        parts = "".join(f" {one.voices} {one.snr_db:.6g} {one.bandwidth_hz:.6g}" for one in self.parts)
        about = f"{self.top} {self.fingerprint}{parts}"
        content = self.embeddings.astype(np.float16).tobytes() + about.encode()
        return hashlib.sha256(content).hexdigest()

    @cached_property
    def columns(self) -> FloatArray:
        """`(dim, c)` in row order: one probe and few candidates are multiplied with it twice as fast."""
        return np.ascontiguousarray(self.embeddings.T)

    @cached_property
    def columns_by_part(self) -> tuple[FloatArray, ...]:
        if not self.parts:
            return (self.columns,)
        ends = np.cumsum([one.voices for one in self.parts])[:-1]
        return tuple(np.ascontiguousarray(rows.T) for rows in np.split(self.embeddings, ends))

    def nearest(self, side: Side) -> NDArray[np.intp]:
        """`(n,)`: the part that was heard most like each of `side`. Where the SNR is not known, bandwidth decides."""
        if len(self.parts) < 2:
            return np.zeros(len(side), np.intp)
        parts = heard(*(np.array([getattr(one, name) for one in self.parts]) for name in ("snr_db", "bandwidth_hz")))
        apart = heard(side.snr_db, side.bandwidth_hz)[:, None, :] - parts[None, :, :]
        nearest: NDArray[np.intp] = np.nansum(apart**2, axis=2).argmin(axis=1)
        return nearest

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        np.savez_compressed(
            out,
            embeddings=self.embeddings.astype(np.float16),
            about=[self.fingerprint, self.made_of, str(self.top)],
            parts=np.array([astuple(one) for one in self.parts], np.float64).reshape(len(self.parts), 3),
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Cohort:
        """Raises CohortInvalid."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                fingerprint, made_of, top = (str(one) for one in found["about"])
                rows = found.get("parts", ())  # older files have none
                parts = tuple(Part(int(voices), float(snr), float(band)) for voices, snr, band in rows)
                return cls.of(found["embeddings"], fingerprint=fingerprint, made_of=made_of, top=int(top), parts=parts)
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise CohortInvalid(f"This is not a cohort file: {error}.") from None

    @classmethod
    def of(
        cls,
        embeddings: FloatArray,
        *,
        fingerprint: str,
        made_of: str,
        top: int = TOP,
        parts: tuple[Part, ...] = (),
    ) -> Cohort:
        """Rounded to float16, as it will be read back, so that its digest and its scores stay the same."""
        wide = embeddings.astype(np.float16).astype(np.float32)
        norms = np.linalg.norm(wide, axis=1, keepdims=True) if wide.ndim == 2 else np.zeros(1)
        if not (norms > 0).all() or not len(wide):
            raise CohortInvalid("A cohort needs embeddings (n, dim), none of them zero or not a number.")
        if parts and sum(one.voices for one in parts) != len(wide):
            raise CohortInvalid("The parts of a cohort need to have all of its voices.")
        return cls(wide, fingerprint, made_of, top, parts)
