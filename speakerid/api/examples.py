"""The answers shown in the OpenAPI document, built from the real types, so that they cannot go stale."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from speakerid.types import (
    Candidate,
    Enrollment,
    Identification,
    JobOptions,
    Key,
    Match,
    NewKey,
    RecordedVoice,
    Recording,
    RecordingResult,
    Speaker,
    SpeakerRef,
    Speech,
    Threshold,
    Turn,
    Utterance,
    to_json,
)

ADA = SpeakerRef("spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3", "Ada")
BEN = SpeakerRef("spk_01K9Z3V7Y2B4D6F8H0J1K3M5P7", "Ben")
SPEECH = Speech(seconds=4.1, snr_db=21.5, clipping_ratio=0.0, bandwidth_hz=8000)
ENCODER = "ecapa-mini@3f9c0a1b2c3d"
MADE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

IDENTIFICATION = Identification(
    decision="accept",
    speaker=ADA,
    candidates=(Candidate(ADA, 0.71, 6.2, 0.98), Candidate(BEN, 0.32, 2.3, 0.02)),
    margin=3.9,
    threshold=Threshold(2.3, "target_fpir=0.01, gallery of 212"),
    prior=0.5,
    speech=SPEECH,
    encoder=ENCODER,
    calibration="default",
    reason="The best llr, 6.2, reaches the threshold of 2.3.",
)
ENROLLMENT = Enrollment(
    speaker=Speaker(
        id=ADA.id,
        name=ADA.name,
        external_id=None,
        metadata={},
        consent={"given": "2026-01-31"},
        status="enrolling",
        utterances=2,
        speech_seconds=8.2,
        remaining_speech_seconds=1.8,
        created_at=MADE,
        etag='"v3"',
    ),
    utterance=Utterance(
        id="utt_01K9Z3X2C4E6G8J0K2M4N6P8Q0",
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        speech=SPEECH,
        voices=1,
        accepted=(),
        encoder=ENCODER,
        created_at=MADE,
    ),
    already_enrolled=False,
    cohesion=Match(score=0.71, llr=6.2),
    similar_speaker=None,
    warnings=("narrow_band",),
)
KEY = Key(
    id="key_01K9Z4E9H1K3M5P7R9T1W3Y5A7",
    name="front-end",
    scopes=("identify",),
    galleries=("default",),
    created_at=MADE,
    expires_at=datetime(2026, 5, 1, tzinfo=UTC),
    requests_per_minute=600,
    audio_seconds_per_day=36_000,
    audio_seconds_today=1_234.5,
)
NEW_KEY = NewKey(KEY, "sid_…")


def ok(answer: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": to_json(answer)}}}}


RECORDING_RESULT = RecordingResult(
    id="rec_01K9Z4C7E9G1J3M5P7R9T1W3Y5",
    name="standup",
    state="done",
    stage=None,
    progress=100.0,
    cancelling=False,
    options=JobOptions(speakers=None, candidates=None, channel="mix"),
    error=None,
    created_at=MADE,
    started_at=MADE,
    finished_at=MADE,
    result=Recording(
        seconds=61.2,
        turns=(
            Turn(0.4, 5.1, ADA.id, ADA, None, 6.2, 0.98, overlap=True),
            Turn(4.7, 9.3, "unknown_1", None, None, None, None, overlap=True),
            Turn(9.9, 12.0, ADA.id, ADA, None, 6.2, 0.98),
        ),
        voices=(
            RecordedVoice(
                voice=ADA.id,
                decision="accept",
                speaker=ADA,
                candidates=(Candidate(ADA, 0.71, 6.2, 0.98),),
                margin=None,
                threshold=Threshold(2.3, "target_fpir=0.01, gallery of 212"),
                speech=SPEECH,
                channel=None,
                reason="The llr, 6.2, reaches the threshold of 2.3.",
            ),
        ),
        speech_seconds=8.4,
        prior=0.5,
        encoder=ENCODER,
        calibration="default",
        reason="2 voices, 1 of them named.",
    ),
)
