"""The enrollment coach: listen to a recording, compare it with what is enrolled, say what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from statistics import fmean

import numpy as np

from speakerid.audio.limits import RECORDING, SAMPLE_RATE_HZ, Channel
from speakerid.audio.prepare import CleanSpeech
from speakerid.audio.wav import wav_bytes
from speakerid.audio.windows import speech_windows
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import speakers, utterances
from speakerid.errors import (
    Clipped,
    DoesNotMatchSpeaker,
    EnrollmentRefused,
    MoreThanOneVoice,
    TooLittleSpeech,
    VoiceAlreadyEnrolled,
)
from speakerid.scoring.coach import NEVER, CoachEvidence, CoachLimit, judge
from speakerid.scoring.cosine import cosine, shares, voiceprint
from speakerid.scoring.multi_speaker_detector import split
from speakerid.services import scores
from speakerid.services.engine import Engine
from speakerid.services.index_sync import NOBODY, Neighbors
from speakerid.services.probe import Probe, probe_of_speech
from speakerid.types import EnrollmentRefusal, FloatArray, Match, Review, Speech

ERRORS: dict[EnrollmentRefusal, type[EnrollmentRefused]] = {
    "too_little_speech": TooLittleSpeech,
    "clipped": Clipped,
    "more_than_one_voice": MoreThanOneVoice,
    "does_not_match_speaker": DoesNotMatchSpeaker,
    "voice_already_enrolled": VoiceAlreadyEnrolled,
}
# Chance that a new speaker is taken for somebody in the gallery: 1 of 1,000 is refused, 1 of 50 remarked on.
ELSEWHERE_FPIR = CoachLimit(refuse=0.001, warn=0.02)
NEAREST = 8  # speakers looked at: one may be the speaker in question, some erased a moment ago
WINDOWS_AT_ONCE = 16  # so that one long recording does not fill the encoder's queue


def hear(engine: Engine, gallery: GalleryRow, audio: bytes, channel: Channel = "mix") -> Probe:
    """Listen, also for a second voice, and look up who sounds alike. Raises AudioError, Overloaded."""
    clean, kept = _prepared(engine, audio, channel)
    voice = replace(probe_of_speech(engine, audio, clean, min_speech_s=0.0, channel=channel), audio=kept)
    return replace(voice, voices_llr=_voices_llr(engine, clean), near=near(engine, gallery, voice.embedding))


def review(engine: Engine, db: Handle, gallery: GalleryRow, speaker: SpeakerRow, voice: Probe) -> Review:
    """Compare with what is enrolled now, in the caller's transaction.

    By the encoder's own calibration, whatever the gallery's: the limits were fitted with it.
    """
    others = [one for one in utterances.with_embedding(db, speaker) if one.sha256 != voice.sha256]
    cohesion = _cohesion(engine, gallery, others, voice)
    similar = _most_similar(engine, db, speaker, voice)
    evidence = CoachEvidence(
        speech=voice.speech,
        needed_s=max(gallery.min_speech_s, voice.needed_s),
        bandwidths_hz=tuple(one.bandwidth_hz for one in others),
        voices_llr=voice.voices_llr,
        match_llr=cohesion.llr if cohesion else None,
        elsewhere_llr=similar.llr if similar else None,
        elsewhere=similar.limit if similar else NEVER,
    )
    found = judge(evidence, engine.limits)
    return Review(
        speech=voice.speech,
        needed_speech_seconds=evidence.needed_s,
        voices=engine.limits.count(voice.voices_llr),
        cohesion=cohesion,
        similar_speaker=similar.speaker_id if similar and similar.llr > similar.limit.warn else None,
        refusals=found.refusals,
        warnings=found.warnings,
    )


def refuse(said: Review, accepted: frozenset[EnrollmentRefusal], *, heard: bool) -> None:
    """Raise the error of the gravest refusal that is not `accepted`, if there is one.

    What the encoder could not hear (`heard`) is refused whatever is accepted.
    """
    if not heard:
        raise TooLittleSpeech(said, final=True)
    left = [code for code in said.refusals if code not in accepted]
    if left:
        raise ERRORS[left[0]](said)


def near(engine: Engine, gallery: GalleryRow, embedding: FloatArray | None) -> Neighbors:
    """Who sounds like `embedding (dim,)`. Nobody where another encoder was used: enrolling will refuse that, or the
    gallery has no voices."""
    if embedding is None or gallery.encoder_fingerprint != engine.encoder.fingerprint:
        return NOBODY
    found = engine.indexes.search(gallery.key, embedding, NEAREST)
    return replace(found, own=scores.own_strangers(engine, gallery))


def together(heard: Sequence[UtteranceRow | HearingRow]) -> Speech:
    """Seconds in all, the mean of what else was measured."""
    snrs = [one.snr_db for one in heard if one.snr_db is not None]
    return Speech(
        seconds=sum(one.speech_s for one in heard),
        snr_db=fmean(snrs) if snrs else None,
        clipping_ratio=fmean(one.clipping_ratio for one in heard),
        bandwidth_hz=round(fmean(one.bandwidth_hz for one in heard)),
    )


@dataclass(frozen=True)
class _Similar:
    """The other speaker who is most alike; beyond `limit` it is the same voice."""

    speaker_id: str
    llr: float
    limit: CoachLimit


def _prepared(engine: Engine, audio: bytes, channel: Channel) -> tuple[CleanSpeech, bytes]:
    """The speech, and the bytes to keep: of one side of a call, that side alone."""
    if channel == "mix":
        return engine.preparer.prepare(audio), audio
    samples = engine.preparer.decode(audio, channel=channel)
    return engine.preparer.clean(samples), wav_bytes((samples, SAMPLE_RATE_HZ), RECORDING)  # as long as was allowed


def _voices_llr(engine: Engine, clean: CleanSpeech) -> float | None:
    model = engine.limits.voices
    windows = speech_windows(clean.samples) if model else []
    if model is None or len(windows) < 2:
        return None
    batches = [windows[start : start + WINDOWS_AT_ONCE] for start in range(0, len(windows), WINDOWS_AT_ONCE)]
    heard = np.concatenate([engine.encoder.embed(batch) for batch in batches])
    return model.llr(split(heard, clean.speech.seconds))


def _cohesion(engine: Engine, gallery: GalleryRow, others: list[UtteranceRow], voice: Probe) -> Match | None:
    if voice.embedding is None or not others:
        return None
    seconds = np.array([one.speech_s for one in others])
    enrolled = voiceprint(np.stack([one.embedding for one in others]), shares(gallery.combining, seconds))
    score = cosine(voice.embedding[None, :], enrolled[None, :])
    return Match(score.item(), engine.calibration.llr(score).item())


def _most_similar(engine: Engine, db: Handle, speaker: SpeakerRow, voice: Probe) -> _Similar | None:
    """Of the other speakers, where there is one to compare with."""
    alike = speakers.with_voice(db, speaker.gallery_key, voice.near.keys, engine.encoder.dim)
    found = [one for one in alike if one.row.key != speaker.key]
    if voice.embedding is None or not found:
        return None
    llrs = engine.calibration.compare(voice.embedding[None, :], scores.embeddings(found))[0]
    best = int(llrs.argmax())
    refuse, warn = (_elsewhere_llr(engine, voice, fpir) for fpir in astuple(ELSEWHERE_FPIR))
    limit = CoachLimit(math.inf if engine.calibration.is_generic else refuse, warn)  # a prior says too little to refuse
    return _Similar(found[best].row.id, float(llrs[best]), limit)


def _elsewhere_llr(engine: Engine, voice: Probe, fpir: float) -> float:
    """By the encoder's own calibration, as the other limits."""
    calibration = engine.calibration
    return max(0.0, calibration.llr_of(calibration.strangers.taught(voice.near.own, voice.near.size, fpir)))
