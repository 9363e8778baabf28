"""The inbox of unknown voices, measured: strangers who come back, and who is taken for whom.

    python -m benchmarks.recordings.inbox --speech ../shared/speech

Made conversations: half of the people are enrolled, all who have enough speech come back in several of them with
other speech each time. Meetings (AMI): no one is enrolled, several people are in two excerpts or more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from benchmarks.recordings import made_conversations
from benchmarks.recordings.cases import Case, enroll, meetings
from benchmarks.recordings.made_conversations import say
from benchmarks.recordings.recurring_speakers import (
    SPOKEN_S,
    Appearance,
    Inbox,
    counted,
    recurring_conversations,
    speaker_of,
)
from benchmarks.recordings.reference import ReferenceTurn, in_seconds
from recipes.simulation.conversations import Cast
from speakerid.audio.decode import as_wav
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.services import galleries
from speakerid.services.galleries import GallerySettings
from speakerid.services.recordings import at_once
from speakerid.services.unknowns.inbox import show
from speakerid.types import JobOptions
from speakerid.verbs import SpeakerID

WORLDS = 8  # times that the same people are dealt into other conversations
SEED = 3


def world(sid: SpeakerID, cases: Iterable[Case], enrolled: frozenset[str] = frozenset()) -> Inbox:
    """What is in the gallery's inbox after these recordings."""
    gallery, truth = galleries.get(sid.engine, sid.gallery), dict[str, tuple[ReferenceTurn, ...]]()
    for case in cases:
        audio = as_wav((case.samples, SAMPLE_RATE_HZ))
        found = at_once.run_now(sid.engine, gallery, audio, JobOptions())
        assert found.id is not None
        truth[found.id] = case.truth
    with sid.engine.read() as db:
        kept = [_appearances(db, gallery, one.id, truth) for one in sid.unknowns()]
    return counted(truth, enrolled, kept)


def _appearances(
    db: Handle, gallery: GalleryRow, unknown_id: str, truth: dict[str, tuple[ReferenceTurn, ...]]
) -> list[Appearance]:
    return [
        Appearance(one.recording, speaker_of([(turn.start, turn.end) for turn in one.turns], truth[one.recording]))
        for one in show(db, gallery, unknown_id).hearings
    ]


def made_worlds(sid: SpeakerID, cast: Cast, worlds: int, target_fpir: float) -> Inbox:
    enrolled = frozenset(voice.name for voice in cast.voices if voice.enroll is not None)
    found = Inbox()
    for nth in range(worlds):
        own = _gallery(sid, f"world-{nth}", target_fpir)
        enroll(own, cast)
        cases = (
            Case(one.name, one.samples, tuple(in_seconds((turn.span, turn.speaker) for turn in one.turns)))
            for one in recurring_conversations(cast, SEED + nth)
        )
        found += world(own, cases, enrolled)
    return found


def _gallery(sid: SpeakerID, name: str, target_fpir: float) -> SpeakerID:
    settings = GallerySettings(target_fpir=target_fpir, keep_unknown_voices=True)
    with sid.engine.write() as db:
        galleries.create(sid.engine, db, name, settings)
    return SpeakerID(sid.engine, name)


def report(title: str, found: Inbox) -> None:
    say(f"\n{title}")
    _share(f"strangers with {SPOKEN_S:g} s in two recordings: recognized", found.recognized, found.recurring)
    _share("of those recognized: in one voice only", found.whole, found.recognized)
    _share("kept voices that mix two people", found.mixed, found.kept)
    _share("kept voices that came back", found.again, found.kept)
    _share("kept voices that are enrolled people's", found.enrolled, found.kept)


def _share(name: str, hits: int, trials: int) -> None:
    if not trials:
        return
    say(f"  {name:56s} {hits} of {trials}, {hits / trials:.1%}")


def main(arguments: list[str] | None = None) -> int:
    parser = made_conversations.options("Measure the inbox of unknown voices.")
    parser.add_argument("--target-fpir", type=float, default=0.01)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    options = parser.parse_args(arguments)
    with made_conversations.people(options) as (sid, cast):
        say(f"{sid.engine.encoder_label}, target_fpir={options.target_fpir:g}")
        found = made_worlds(sid, cast, options.worlds, options.target_fpir)
        report(f"Made conversations, the same {len(cast.voices)} people dealt {options.worlds} times", found)
        report("AMI meetings", world(_gallery(sid, "meetings", options.target_fpir), meetings(options.speech / "ami")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
