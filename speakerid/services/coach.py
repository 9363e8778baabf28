"""The enrollment coach: compare a recording with what is enrolled, and name what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from statistics import fmean

import numpy as np

from speakerid.audio.decode import as_wav
from speakerid.audio.fingerprint import COVERED, is_long, is_same_take
from speakerid.audio.limits import RECORDING, SAMPLE_RATE_HZ, Channel
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import speakers, utterances, voiceprints
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
from speakerid.services.engine import Engine
from speakerid.services.neighbors import NO_NEIGHBORS, Neighbors
from speakerid.services.probe import EmbeddedUtterance, Listener, Probe, ProbeOptions, needed_s, probe_of
from speakerid.types import EnrollmentRefusal, FloatArray, Match, Review, Speech

ERRORS: dict[EnrollmentRefusal, type[EnrollmentRefused]] = {
    "too_little_speech": TooLittleSpeech,
    "clipped": Clipped,
    "more_than_one_voice": MoreThanOneVoice,
    "does_not_match_speaker": DoesNotMatchSpeaker,
    "voice_already_enrolled": VoiceAlreadyEnrolled,
}
# Chance that a new speaker is taken for another one of the gallery: 1 of 1,000 is refused, 1 of 50 remarked on.
ELSEWHERE_FPIR = CoachLimit(refuse=0.001, warn=0.02)
NEAREST = 8  # speakers looked at: one may be the speaker in question, some erased a moment ago
ABOUT = 0.9  # of the longer one's speech at least: encodings of one take have about equally much


def prepare(engine: Engine, gallery: GalleryRow, audio: bytes, channel: Channel = "mix") -> Probe:
    """The probe of a recording, with the evidence for a second speaker in it and who sounds alike.

    Raises AudioError, Overloaded.
    """
    return among(engine, gallery, enrollment_probe(engine, audio, channel))


def among(engine: Engine, gallery: GalleryRow, probe: Probe) -> Probe:
    """The same with who sounds alike in the gallery as it is now."""
    return replace(probe, near=near(engine, gallery, probe.embedding))


def enrollment_probe(listener: Listener, audio: bytes, channel: Channel = "mix") -> Probe:
    """All of a probe that needs no store. Raises AudioError, Overloaded."""
    options = ProbeOptions(
        needed_s(listener, 0.0),
        channel,
        windows=listener.limits.voices is not None,
        fingerprint=True,
        samples=channel != "mix",
    )
    found = listener.embedded(audio, options)
    return replace(
        probe_of(audio, found, options),
        audio=audio if found.samples is None else _one_side(found.samples),
        voices_llr=_voices_llr(listener, found),
    )


def same_take(db: Handle, speaker: SpeakerRow, probe: Probe) -> UtteranceRow | None:
    """The speaker's utterance that is this very recording in another encoding, or that it is a piece of."""
    for one in utterances.with_fingerprint(db, speaker):
        if _may_be_one_take(probe, one.speech_s) and is_same_take(probe.fingerprint, one.fingerprint or b""):
            return one
    return None


def _may_be_one_take(probe: Probe, earlier_s: float) -> bool:
    """By seconds of speech: of a long recording the middle is not compared, so they are about equal."""
    shorter, longer = sorted((probe.speech.seconds, earlier_s))
    return shorter >= ABOUT * longer if is_long(probe.fingerprint) else probe.speech.seconds <= earlier_s / COVERED


def review(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    probe: Probe,
    take: UtteranceRow | None = None,
) -> Review:
    """Compare with what is enrolled now but for the same `take`, in the caller's transaction.

    By the encoder's own calibration, whatever the gallery's: the limits were fitted with it.
    """
    others = [one for one in utterances.with_embedding(db, speaker) if one is not take]
    cohesion = _cohesion(engine, gallery, others, probe)
    similar = _most_similar(engine, db, speaker, probe)
    evidence = CoachEvidence(
        speech=probe.speech,
        needed_s=max(gallery.min_speech_s, probe.needed_s),
        bandwidths_hz=tuple(one.bandwidth_hz for one in others),
        voices_llr=probe.voices_llr,
        match_llr=cohesion.llr if cohesion else None,
        elsewhere_llr=similar.llr if similar else None,
        elsewhere=similar.limit if similar else NEVER,
    )
    found = judge(evidence, engine.limits)
    return Review(
        speech=probe.speech,
        needed_speech_seconds=evidence.needed_s,
        voices=engine.limits.count(probe.voices_llr),
        cohesion=cohesion,
        similar_speaker=similar.speaker_id if similar and similar.llr > similar.limit.warn else None,
        refusals=found.refusals,
        warnings=(*found.warnings, *probe.warnings),
    )


def refuse(
    db: Handle,
    speaker: SpeakerRow,
    found: Review,
    accepted: frozenset[EnrollmentRefusal],
    probe: Probe | None = None,
) -> None:
    """Raise the error of the gravest refusal that is not `accepted`, if there is one.

    A `probe` that has too little speech to be embedded is refused whatever is accepted.
    """
    if probe is not None and probe.embedding is None:
        raise TooLittleSpeech(found, speaker.name, final=True, why=probe.too_faint)
    left = [code for code in found.refusals if code not in accepted]
    if left:
        similar = found.similar_speaker or ""
        names = speakers.names(db, speaker.gallery_key, [similar])
        raise ERRORS[left[0]](found, speaker.name, names.get(similar, similar))


def near(engine: Engine, gallery: GalleryRow, embedding: FloatArray | None) -> Neighbors:
    """Who sounds like `embedding (dim,)`. None where another encoder was used: enrolling will refuse that, or the
    gallery has no voiceprints."""
    if embedding is None or gallery.encoder_fingerprint != engine.encoder.fingerprint:
        return NO_NEIGHBORS
    found = engine.indexes.search(gallery.key, embedding, NEAREST)
    return replace(found, own=engine.own_strangers(gallery.key))


def together(parts: Sequence[UtteranceRow | HearingRow]) -> Speech:
    """Seconds in all, the mean of what else was measured."""
    snrs = [one.snr_db for one in parts if one.snr_db is not None]
    return Speech(
        seconds=sum(one.speech_s for one in parts),
        snr_db=fmean(snrs) if snrs else None,
        clipping_ratio=fmean(one.clipping_ratio for one in parts),
        bandwidth_hz=round(fmean(one.bandwidth_hz for one in parts)),
    )


@dataclass(frozen=True)
class _Similar:
    """The other speaker who is most alike; beyond `limit` it is the same person."""

    speaker_id: str
    llr: float
    limit: CoachLimit


def _one_side(samples: FloatArray) -> bytes:
    """The bytes to keep of a call: that side alone, as long as was allowed."""
    return as_wav((samples, SAMPLE_RATE_HZ), RECORDING)


def _voices_llr(listener: Listener, found: EmbeddedUtterance) -> float | None:
    model = listener.limits.voices
    if model is None or found.windows is None:
        return None
    return model.llr(split(found.windows, found.speech.seconds))


def _cohesion(engine: Engine, gallery: GalleryRow, others: list[UtteranceRow], probe: Probe) -> Match | None:
    if probe.embedding is None or not others:
        return None
    seconds = np.array([one.speech_s for one in others])
    enrolled = voiceprint(np.stack([one.embedding for one in others]), shares(gallery.combining, seconds))
    score = cosine(probe.embedding[None, :], enrolled[None, :])
    return Match(score.item(), engine.calibration.llr(score).item())


def _most_similar(engine: Engine, db: Handle, speaker: SpeakerRow, probe: Probe) -> _Similar | None:
    """Of the other speakers, where there is one to compare with."""
    alike = voiceprints.with_voice(db, speaker.gallery_key, (probe.near or NO_NEIGHBORS).keys, engine.encoder.dim)
    found = [one for one in alike if one.row.key != speaker.key]
    if probe.embedding is None or not found:
        return None
    llrs = engine.calibration.compare(probe.embedding[None, :], np.stack([one.embedding for one in found]))[0]
    best = int(llrs.argmax())
    refuse, warn = (_elsewhere_llr(engine, probe, fpir) for fpir in astuple(ELSEWHERE_FPIR))
    limit = CoachLimit(math.inf if engine.calibration.is_generic else refuse, warn)  # a prior is too weak to refuse
    return _Similar(found[best].row.id, float(llrs[best]), limit)


def _elsewhere_llr(engine: Engine, probe: Probe, fpir: float) -> float:
    """By the encoder's own calibration, as the other limits."""
    calibration, near = engine.calibration, probe.near or NO_NEIGHBORS
    return max(0.0, calibration.llr_of(calibration.strangers.taught(near.own, near.size, fpir)))
