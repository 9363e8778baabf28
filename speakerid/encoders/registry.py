"""From what an operator writes to an Encoder: a name of the table, a file, a directory or a hub name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from speakerid.encoders.base import Encoder
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderNotFound
from speakerid.errors.extras import require

BUNDLED = Path(__file__).parent / "bundled" / "model.onnx"
FITTED = Path(__file__).parent / "fitted"  # what was fitted for the encoders that have names
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
PAIR = "campplus+ecapa-mini"
PAIR_WEIGHTS = (0.9, 0.44)  # squares of 0.81 and 0.19: how much each one's cosine counts
POSSIBLE = (
    f"'default', '{PAIR}', 'campplus', 'ecapa-mini' (also 'bundled'), a '.onnx' file, a SpeechBrain model directory, "
    "a hub name such as 'speechbrain/spkrec-ecapa-voxceleb', or 'fake' (tests only)"
)


@dataclass(frozen=True)
class NamedEncoder:
    """A row of the table of encoders that have names."""

    load: Callable[[Path], Encoder]  # from the folder of fetched models
    fetched: tuple[str, ...] = ()  # models of that folder that it needs


def fetched_graph(models: Path, name: str) -> Path:
    return models / name / "model.onnx"


def _campplus(models: Path) -> Encoder:
    return _onnx(fetched_graph(models, "campplus"))


def _pair(models: Path) -> Encoder:
    from speakerid.encoders.concatenated import ConcatenatedEncoder, Part

    loaded = (_campplus(models), _onnx(BUNDLED))
    return ConcatenatedEncoder(PAIR, tuple(Part(one, weight) for one, weight in zip(loaded, PAIR_WEIGHTS, strict=True)))


_MINI = NamedEncoder(lambda _: _onnx(BUNDLED))
NAMED = {
    PAIR: NamedEncoder(_pair, ("campplus",)),
    "campplus": NamedEncoder(_campplus, ("campplus",)),
    "ecapa-mini": _MINI,
    "bundled": _MINI,
    "fake": NamedEncoder(lambda _: FakeEncoder()),
}
BEST_FIRST = (PAIR, "bundled")  # what `default` means: the first that this machine has
NOWHERE = Path("/nonexistent")  # no folder of fetched models


def load_encoder(spec: str = "default", models: Path = NOWHERE) -> Encoder:
    """Load the encoder that `spec` names; `models` is the folder of fetched models.

    Raises `EncoderNotFound` when there is none, `ExtraMissing` where it needs a library that is not installed. A
    directory or hub name can run code from its YAML file: pass only what the operator chose, never anything that
    came with a request.
    """
    spec = resolve(spec, models)
    if named := NAMED.get(spec):
        if missing := _missing(named, models):
            raise EncoderNotFound(f"{spec} needs a model that is not in {models}: {missing}. {HOW_TO_FETCH}")
        return named.load(models)
    if spec.endswith(".onnx"):
        return _onnx(Path(spec))
    if (spec and Path(spec).is_dir()) or HUB_NAME.fullmatch(spec):
        return _speechbrain(spec)
    raise EncoderNotFound(f"There is no encoder {spec!r}. Possible are {POSSIBLE}.")


HOW_TO_FETCH = "Run 'speakerid models fetch', or 'speakerid models import' on a machine without network."


def resolve(spec: str, models: Path) -> str:
    """What `default` means here; any other `spec` as it is."""
    if spec != "default":
        return spec
    return next(name for name in BEST_FIRST if not _missing(NAMED[name], models))


def needed(spec: str, models: Path) -> tuple[str, ...]:
    """The fetched models that the encoder `spec` is made of."""
    named = NAMED.get(resolve(spec, models))
    return named.fetched if named else ()


def better_encoder(spec: str, models: Path) -> str | None:
    """One line for whoever starts with `default` on a machine that lacks the best encoder."""
    chosen = resolve(spec, models)
    if spec != "default" or chosen == BEST_FIRST[0]:
        return None
    return (
        f"The encoder is {chosen}. 'speakerid models fetch' brings a far better one, {BEST_FIRST[0]}: fetch before you "
        "enroll, for voiceprints of one encoder are never compared with another's."
    )


def _missing(named: NamedEncoder, models: Path) -> str | None:
    return next((name for name in named.fetched if not fetched_graph(models, name).is_file()), None)


# The imports below sit inside functions on purpose: loading this module must load neither torch (1.2 s and
# 160 MB, which a server on ONNX never needs) nor onnxruntime.


def _onnx(path: Path) -> Encoder:
    from speakerid.encoders.onnx import OnnxEncoder

    return OnnxEncoder.load(path)


def _speechbrain(source: str) -> Encoder:
    require("torch", "speechbrain")
    from speakerid.encoders.model_hub import refuse_unreachable

    refuse_unreachable(source, EncoderNotFound)
    from speakerid.encoders.speechbrain import SpeechBrainEncoder

    return SpeechBrainEncoder.load(source)
