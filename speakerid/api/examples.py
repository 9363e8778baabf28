"""Answers shown in the OpenAPI document. They are built from the real types, so they cannot go stale."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from speakerid.types import (
    Audit,
    CalibrationReport,
    Candidate,
    CurveStep,
    Enrollment,
    Estimate,
    Finding,
    FindingFigures,
    GalleryOperatingPoint,
    Hearing,
    Histogram,
    Identification,
    JobOptions,
    Match,
    MeasuredCalibration,
    RecordedVoice,
    Recording,
    RecordingJob,
    RecordingResult,
    Speaker,
    SpeakerRef,
    Speech,
    Suggestion,
    Threshold,
    Turn,
    UnknownVoice,
    UnknownVoiceDetails,
    UnknownVoiceTurn,
    Utterance,
    Verification,
    to_json,
)

ADA = SpeakerRef("spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3", "Ada")
BEN = SpeakerRef("spk_01K9Z3V7Y2B4D6F8H0J1K3M5P7", "Ben")
SPEECH = Speech(seconds=4.1, snr_db=21.5, clipping_ratio=0.0, bandwidth_hz=8000)
ENCODER = "ecapa-mini@3f9c0a1b2c3d"
MADE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
REASON = "The best llr, 6.2, reaches the threshold of 2.3."

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
    reason=REASON,
)
VERIFICATION = Verification(
    decision="accept",
    speaker=ADA,
    score=0.71,
    llr=6.2,
    probability=0.998,
    threshold=Threshold(2.3, "target_fpir=0.01, gallery of 1"),
    prior=0.5,
    speech=SPEECH,
    encoder=ENCODER,
    calibration="default",
    reason=REASON,
)
UTTERANCE_ID = "utt_01K9Z41C9D2F4G6H8J0K2M4N6P"
AUDIT = Audit(
    gallery="default",
    speakers=2,
    utterances=9,
    findings=(
        Finding(
            kind="mislabeled",
            speaker=ADA,
            sentence=f"Utterance {UTTERANCE_ID} of Ada sounds like Ben (llr 7.4) and not like its speaker (llr -9.1).",
            suggestion=Suggestion("move_utterance", ADA.id, UTTERANCE_ID, BEN.id),
            figures=FindingFigures(probability=0.999, own_llr=-9.1, other_llr=7.4, speech=SPEECH),
            other=BEN,
            utterances=(UTTERANCE_ID,),
        ),
    ),
    encoder=ENCODER,
    calibration="default",
)
CALIBRATION = CalibrationReport(
    gallery="default",
    stored=True,
    target_fpir=0.01,
    speakers=50,
    utterances=148,
    targets=148,
    nontargets=7252,
    min_cllr=0.012,
    default=MeasuredCalibration(
        Estimate(0.039, 0.028, 0.052),
        (GalleryOperatingPoint(0.01, 4.9, Estimate(0.11, 0.07, 0.15), Estimate(0.002, 0.001, 0.004)),),
    ),
    fitted=MeasuredCalibration(
        Estimate(0.021, 0.012, 0.033),
        (GalleryOperatingPoint(0.01, 3.2, Estimate(0.06, 0.03, 0.09), Estimate(0.006, 0.003, 0.009)),),
    ),
    histogram=Histogram((-12.0, 0.0, 12.0), (3, 145), (7190, 62)),
    curve=(CurveStep(-1.5, 2.0, 0.4), CurveStep(2.0, 9.5, 4.8)),
    encoder=ENCODER,
    reason="At target_fpir=0.01 it names 0.6% of the strangers (the default 0.2%) and misses 6.0% of the enrolled "
    "speakers' utterances (the default 11.0%), measured on speakers left out of the fit.",
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
UNKNOWN_HEARD = UnknownVoiceDetails(
    unknown=UnknownVoice("unk_01K9Z45E1F3H5J7K9M1N3P5Q7R", 2, 31.4, MADE, MADE, ENCODER),
    hearings=(
        Hearing(
            "rec_01K9Z44A0C2E4G6J8K0M2P4R6T",
            "unknown_1",
            19.2,
            MADE,
            (UnknownVoiceTurn(12.4, 20.1), UnknownVoiceTurn(33.0, 44.5)),
        ),
        Hearing("rec_01K9Z47M3N5P7Q9R1S3T5V7W9X", "unknown_2", 12.2, MADE, (UnknownVoiceTurn(0.8, 13.0),)),
    ),
)


def ok(answer: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": to_json(answer)}}}}


RECORDING_JOB = RecordingJob(
    id="rec_01K9Z4C7E9G1J3M5P7R9T1W3Y5",
    state="queued",
    stage=None,
    progress=0.0,
    cancelling=False,
    options=JobOptions(speakers=None, candidates=None, channel="mix"),
    error=None,
    created_at=MADE,
    started_at=None,
    finished_at=None,
)
RECORDING_RESULT = RecordingResult(
    **{**vars(RECORDING_JOB), "state": "done", "progress": 100.0, "started_at": MADE, "finished_at": MADE},
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
