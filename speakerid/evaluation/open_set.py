"""Open-set identification on real speech, through the very services that the API uses.

    python -m speakerid.evaluation.open_set --speech ../shared/speech/librispeech

Enrolls the 5 speakers of `dev` with 3 utterances each beside the first 100 speakers of `train` (one utterance each),
then identifies the other utterances of `dev` and the second 100 speakers of `train`, whom nobody enrolled.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from speakerid.evaluation.trees import speaker_tree
from speakerid.services import galleries, shape
from speakerid.services.fields import EVERY_REFUSAL
from speakerid.services.galleries import GallerySettings
from speakerid.types import Identification
from speakerid.verbs import SpeakerID

ENROLLED_UTTERANCES = 3
BYSTANDERS = 100
STRANGERS = 100


@dataclass(frozen=True)
class Task:
    """Who is enrolled with what, and what is asked: `(file, name)`, None for a stranger."""

    enroll: dict[str, list[Path]]
    probes: list[tuple[Path, str | None]]


@dataclass(frozen=True)
class OpenSetReport:
    known: int  # probes of enrolled speakers
    strangers: int  # probes of speakers who are not enrolled
    gallery: int
    top_1: int  # known probes whose best candidate is right, accepted or not
    accepted: int  # known probes accepted under their own name
    false_rejects: int  # known probes answered unknown or ambiguous
    wrong_names: int  # known probes accepted under somebody else's name
    false_accepts: int  # strangers who were given a name
    not_enough_speech: int
    target_fpir: float
    encoder: str


def librispeech_task(root: Path) -> Task:
    dev, train = speaker_tree(root / "dev"), speaker_tree(root / "train")
    others = list(train.items())
    bystanders, strangers = others[:BYSTANDERS], others[BYSTANDERS : BYSTANDERS + STRANGERS]
    enroll = {name: files[:ENROLLED_UTTERANCES] for name, files in dev.items()} | dict(bystanders)
    known = [(file, name) for name, files in dev.items() for file in files[ENROLLED_UTTERANCES:]]
    return Task(enroll, [*known, *((file, None) for _, files in strangers for file in files)])


def run(sid: SpeakerID, task: Task) -> OpenSetReport:
    for name, files in task.enroll.items():
        sid.enroll(name, *files, accept=EVERY_REFUSAL)
    answers = [(expected, sid.identify(file)) for file, expected in task.probes]
    known = [(expected, answer) for expected, answer in answers if expected is not None]
    strangers = [answer for expected, answer in answers if expected is None]
    with sid.engine.read() as db:
        gallery = shape.gallery(sid.engine, db, galleries.get(sid.engine, sid.gallery))
    return OpenSetReport(
        known=len(known),
        strangers=len(strangers),
        gallery=gallery.speakers,
        top_1=sum(answer.candidates[0].speaker.name == name for name, answer in known if answer.candidates),
        accepted=sum(_named(answer) == name for name, answer in known),
        false_rejects=sum(_named(answer) is None for _, answer in known),
        wrong_names=sum(_named(answer) not in (None, name) for name, answer in known),
        false_accepts=sum(_named(answer) is not None for answer in strangers),
        not_enough_speech=sum(answer.decision == "not_enough_speech" for _, answer in answers),
        target_fpir=gallery.target_fpir,
        encoder=sid.engine.encoder_label,
    )


def _named(answer: Identification) -> str | None:
    return answer.speaker.name if answer.speaker else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure open-set identification on real speech.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with LibriSpeech `dev` and `train`")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--target-fpir", type=float, default=0.01, help="accepted chance that a stranger is named")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as folder,
        SpeakerID.open(Path(folder) / "voices.db", encoder=options.encoder) as sid,
    ):
        with sid.engine.write() as db:
            galleries.update(sid.engine, db, sid.gallery, GallerySettings(target_fpir=options.target_fpir))
        report = run(sid, librispeech_task(options.speech))
    sys.stdout.write(json.dumps(asdict(report), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
