"""Optional libraries: which extra brings which, and how it is installed, in the same words everywhere."""

from __future__ import annotations

from importlib.util import find_spec

from speakerid.errors.base import SpeakeridError

EXTRA_OF = {
    "cryptography": "encrypt",
    "faster_whisper": "transcribe",
    "hyperpyyaml": "models",
    "matplotlib": "pictures",
    "onnx": "fetch",
    "onnxscript": "train",
    "psycopg": "postgres",
    "pyannote": "evaluate",
    "ray": "cluster",
    "scipy": "evaluate",
    "sklearn": "evaluate",
    "sounddevice": "listen",
    "speechbrain": "models",
    "torch": "models",
    "torchaudio": "models",
}


def how_to_install(extra: str) -> str:
    """A sentence. It names no package of an index: nothing is published, and what is there belongs to others (0022)."""
    return (
        f"Install the extra {extra!r}: pip install '.[{extra}]' in a checkout of this project, or "
        f"pip install 'FILE.whl[{extra}]' where it came as a wheel."
    )


class ExtraMissing(SpeakeridError, code="extra_missing"):
    def __init__(self, library: str, extra: str = "") -> None:
        super().__init__(f"This needs the package {library!r}. {how_to_install(extra or EXTRA_OF[library])}")


class ClusterFailed(SpeakeridError, code="cluster_failed"):
    """A Ray cluster cannot be reached, or its workers cannot work."""


def require(*libraries: str, extra: str = "") -> None:
    """Raises `ExtraMissing` before anything slow begins; `extra` has all of `libraries`, if not each its own."""
    for library in libraries:
        if find_spec(library) is None:
            raise ExtraMissing(library, extra)


def extra_missing(error: ImportError) -> ExtraMissing | None:
    """What a failed import means; None where no extra would help."""
    library = (error.name or "").split(".")[0]
    return ExtraMissing(library) if library in EXTRA_OF and find_spec(library) is None else None
