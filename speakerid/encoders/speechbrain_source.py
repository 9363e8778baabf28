"""Where a SpeechBrain model comes from, a directory or a hub name; it is loaded by SpeechBrain's own interfaces.

They run any code that the model's YAML file names: load only what the operator chose.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.encoders.model_hub import not_given, refuse_unreachable
from speakerid.encoders.speechbrain_import import ensure_torchaudio, forget_redirects
from speakerid.errors import SpeakeridError

ensure_torchaudio()  # SpeechBrain imports torchaudio, so what follows cannot stand at the top (E402)

from speechbrain.inference.classifiers import EncoderClassifier  # noqa: E402  # after the stand-in
from speechbrain.inference.interfaces import foreign_class  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.ECAPA_TDNN import Classifier as CosineClassifier  # noqa: E402  # after the stand-in
from speechbrain.utils.fetching import fetch  # noqa: E402  # after the stand-in

forget_redirects()

HYPERPARAMS = "hyperparams.yaml"
Interface = Callable[..., Any]  # takes source, overrides and run_opts; SpeechBrain has no types


@dataclass(frozen=True)
class SpeechBrainSource:
    """`where` is a directory or a hub name (`org/model`, kept in the hub's own cache); errors are of two classes."""

    where: str
    not_found: type[SpeakeridError]  # the hub does not give it, or a file is missing
    unusable: type[SpeakeridError]  # SpeechBrain cannot build it

    @property
    def directory(self) -> Path | None:
        return Path(self.where) if Path(self.where).is_dir() else None

    def require(self, *files: str) -> None:
        """Raises `not_found` for a directory without one of `files`, or a hub that does not answer at once."""
        refuse_unreachable(self.where, self.not_found)
        missing = [name for name in files if self.directory and not (self.directory / name).is_file()]
        if missing:
            raise self.not_found(f"{self.where} is not a SpeechBrain model: {' and '.join(missing)} not found in it.")

    def file(self, name: str) -> Path:
        """Raises `not_found`."""
        try:
            return Path(fetch(name, self.where))
        except OSError as error:
            raise self.not_found(self._cannot_find(error)) from error

    def origin(self, published: Iterable[str]) -> str | None:
        """Which of the hub names `published` it is, or is a copy of: its YAML file still names where it came from."""
        text = self.file(HYPERPARAMS).read_text("utf-8")
        return next((name for name in published if name == self.where or name in text), None)

    def load(self, interface: Interface = EncoderClassifier.from_hparams, *, device: str = "cpu") -> Any:
        """SpeechBrain's model. Without a savedir files stay where they are: nothing goes to the working directory.

        Raises `not_found`, `unusable`.
        """
        try:
            return interface(source=self.where, overrides=self._stay_local(), run_opts={"device": device})
        except OSError as error:  # a missing file, or the hub's own errors, which are OSErrors
            raise self.not_found(self._cannot_find(error)) from error
        except Exception as error:  # whatever the model's YAML runs into
            raise self.unusable(f"SpeechBrain cannot build a model from {self.where}: {error}") from error

    def load_foreign(self, file: str, name: str, *, device: str = "cpu") -> Any:
        """As `load`, by the class `name` of the Python `file` that comes with the model: runs that code."""
        before = list(sys.path)
        try:
            return self.load(lambda **given: foreign_class(pymodule_file=file, classname=name, **given), device=device)
        finally:
            sys.path[:] = before  # SpeechBrain leaves the model's folder there, for every later import

    def _stay_local(self) -> dict[str, str]:
        """Overrides with which a local copy loads from itself: published YAML files name the hub as `pretrained_path`.

        https://github.com/speechbrain/speechbrain/issues/2817
        """
        if self.directory is None:
            return {}
        text = (self.directory / HYPERPARAMS).read_text("utf-8")
        named = re.search(r"(?m)^pretrained_path:", text)
        return {"pretrained_path": str(self.directory.resolve())} if named else {}

    def _cannot_find(self, error: Exception) -> str:
        if self.directory is not None:
            missing = getattr(error, "filename", None) or error
            return f"A file that {self.where}/{HYPERPARAMS} names is missing: {missing}."
        return not_given(self.where, error)


def gives_cosines(model: Any) -> bool:
    """Whether what a loaded `model` calls `out_prob` are cosines, not logarithms of probabilities."""
    return isinstance(getattr(model.mods, "classifier", None), CosineClassifier)


def one_text(hyperparams: Path) -> bytes:
    """The YAML file with line ends as \\n, for fingerprints."""
    return hyperparams.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
