"""`speakerid audit`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from speakerid.cli.backend import open_backend
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, say

if TYPE_CHECKING:
    from speakerid.types import Audit, Suggestion

SHOWN = 20  # findings of one kind; --json has them all
COMMANDS = {
    "move_utterance": "speakers move-utterance {speaker} {utterance} {to}",
    "merge_speakers": "speakers merge {speaker} {to}",
    "delete_utterance": "speakers delete-utterance {speaker} {utterance}",
    "enroll_more": "enroll {speaker} FILE…",
}


@with_options
def audit(target: Target) -> None:
    """Is the gallery in order? Finds wrong labels, junk, one voice under two names, and weak voiceprints.

    Every utterance is compared with its speaker's other utterances and with all other speakers. Nothing is changed:
    each finding says what would repair it. Exit code 0 whatever is found.
    """
    with open_backend(target) as backend:
        answer = backend.audit()
    if target.as_json:
        emit(answer)
    else:
        _show(answer)


def _show(answer: Audit) -> None:
    """Lines, not a table: the commands are there to be copied."""
    say(f"{answer.speakers} speakers, {answer.utterances} utterances, {len(answer.findings)} findings.")
    for kind, count in Counter(one.kind for one in answer.findings).items():
        of_kind = [one for one in answer.findings if one.kind == kind][:SHOWN]
        say(f"\n{kind}: {count}" + (f", the first {SHOWN}" if count > SHOWN else ""))
        for one in of_kind:
            say(f"  {one.sentence}\n    {_command(one.suggestion, answer.gallery)}")


def _command(suggestion: Suggestion, gallery: str) -> str:
    inside = "" if gallery == "default" else f" --gallery {gallery}"
    return f"speakerid {COMMANDS[suggestion.action].format(**vars(suggestion))}{inside}"
