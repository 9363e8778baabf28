"""The cohort of AS-norm: embeddings of voices that nobody is looking for, on disk as one small .npz file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speakerid.errors import CohortInvalid
from speakerid.types import FloatArray

TOP = 100  # of the shipped cohort of 800; 50 to 300 differ little (docs/decisions/0007)


@dataclass(frozen=True)
class Cohort:
    """`embeddings (c, dim)`, float16 on disk; valid only for the encoder with this `fingerprint`."""

    embeddings: FloatArray
    fingerprint: str
    made_of: str  # name of the material
    top: int = TOP

    @cached_property
    def digest(self) -> str:
        """Tells which cohort a calibration was fitted with."""
        content = self.embeddings.astype(np.float16).tobytes() + f"{self.top} {self.fingerprint}".encode()
        return hashlib.sha256(content).hexdigest()

    @cached_property
    def columns(self) -> FloatArray:
        """`(dim, c)` in row order: one probe and few candidates are multiplied with it twice as fast."""
        return np.ascontiguousarray(self.embeddings.T)

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        np.savez_compressed(
            out, embeddings=self.embeddings.astype(np.float16), about=[self.fingerprint, self.made_of, str(self.top)]
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Cohort:
        """Raises CohortInvalid."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                fingerprint, made_of, top = (str(one) for one in found["about"])
                return cls.of(found["embeddings"], fingerprint=fingerprint, made_of=made_of, top=int(top))
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise CohortInvalid(f"This is not a cohort file: {error}.") from None

    @classmethod
    def of(cls, embeddings: FloatArray, *, fingerprint: str, made_of: str, top: int = TOP) -> Cohort:
        """Rounded to float16, as it will be read back, so that its digest and its scores stay the same."""
        wide = embeddings.astype(np.float16).astype(np.float32)
        norms = np.linalg.norm(wide, axis=1, keepdims=True) if wide.ndim == 2 else np.zeros(1)
        if not (norms > 0).all() or not len(wide):
            raise CohortInvalid("A cohort needs embeddings (n, dim), none of them zero or not a number.")
        return cls(wide, fingerprint, made_of, top)
