"""Good audio that does not allow what was asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from speakerid.errors.base import SpeakeridError
from speakerid.names import quoted

if TYPE_CHECKING:
    from speakerid.types import Review


class Refusal(SpeakeridError, code="refusal"): ...


def rounded_down(seconds: float) -> str:
    """With two digits: what falls short of a second never reads as a whole one."""
    return f"{math.floor(round(seconds * 100, 6)) / 100:.2f}"


class NotEnoughSpeech(Refusal, code="not_enough_speech"):
    def __init__(self, found_s: float, needed_s: float, why: str = "") -> None:
        """`why`: a further sentence, with the space before it."""
        super().__init__(
            f"Found {rounded_down(found_s)} s of speech, at least {needed_s:.2f} s are needed.{why or ' Speak longer.'}"
        )
        self.found_s = found_s
        self.needed_s = needed_s


class EnrollmentRefused(Refusal, code="enrollment_refused"):
    """`review` has all that was measured and refused; an error is named after the gravest."""

    sentence: ClassVar[str] = "The recording is refused. Record again."

    def __init__(self, review: Review, speaker: str, similar: str = "", *, final: bool = False, why: str = "") -> None:
        """`speaker`: the name that it was recorded for; `similar`: of the one in the review. `final`: it cannot be
        overridden. `why`: a further sentence, with the space before it."""
        codes = ",".join(review.refusals)
        way_out = "" if final else f" To enroll it all the same, repeat it with accept={codes}."
        found = rounded_down(review.speech.seconds)
        sentence = self.sentence.format(review=review, found=found, speaker=quoted(speaker), similar=quoted(similar))
        super().__init__(sentence + why + way_out)
        self.review = review
        self.similar = similar

    @property
    def facts(self) -> dict[str, Any]:
        from speakerid.types import to_json  # pydantic: 0.2 s, which `speakerid --help` need not wait for

        return {"review": to_json(self.review)}


class TooLittleSpeech(EnrollmentRefused, code="too_little_speech"):
    sentence = "Found {found} s of speech, at least {review.needed_speech_seconds:.2f} s are needed. Speak longer."


class Clipped(EnrollmentRefused, code="clipped"):
    sentence = "{review.speech.clipping_ratio:.0%} of the samples are cut off at full scale. Record at a lower level."


class MoreThanOneVoice(EnrollmentRefused, code="more_than_one_voice"):
    sentence = "More than one voice is heard. Record the speaker alone."


class DoesNotMatchSpeaker(EnrollmentRefused, code="does_not_match_speaker"):
    sentence = "The voice is not like the one that is enrolled for {speaker}. Check whose recording it is."


class VoiceAlreadyEnrolled(EnrollmentRefused, code="voice_already_enrolled"):
    sentence = "This voice is enrolled already: speaker {similar} ({review.similar_speaker}). Use that speaker."

    @property
    def facts(self) -> dict[str, Any]:
        return super().facts | {"speaker_id": self.review.similar_speaker, "speaker_name": self.similar}
