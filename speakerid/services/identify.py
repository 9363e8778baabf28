"""Who speaks? One probe against every voiceprint of a gallery, open set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import galleries, speakers
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import decide, probabilities
from speakerid.services import calibrations, scores
from speakerid.services.engine import Engine
from speakerid.services.probe import Probe, prepare_probe
from speakerid.types import Candidate, Decision, Identification, SpeakerRef, Threshold

TOP_K_LIMIT = 100
SPARE = 8  # neighbors searched beyond top_k, in case some were erased a moment ago


@dataclass(frozen=True)
class _Ranked:
    candidates: tuple[Candidate, ...] = ()  # best first
    threshold: Threshold | None = None  # for the best of them


def identify(
    engine: Engine, gallery: GalleryRow, audio: bytes, *, top_k: int = 5, channel: Channel = "mix"
) -> Identification:
    """Name the speaker, or say why not. Raises AudioError, EncoderMismatch, Overloaded."""
    voice = prepare_probe(engine, audio, min_speech_s=gallery.min_speech_s, channel=channel)
    if voice.embedding is None:
        return _answer(engine, gallery, voice, "not_enough_speech", reason=voice.shortage)
    ranked = _rank(engine, gallery, voice, min(max(top_k, 1), TOP_K_LIMIT))
    if not ranked.candidates:
        return _answer(engine, gallery, voice, "no_speakers", reason="Nobody is enrolled in this gallery.")
    llrs = [candidate.llr for candidate in ranked.candidates]
    limit = ranked.threshold.llr if ranked.threshold else 0.0
    decision = decide(llrs, limit, engine.policy.ambiguous_margin_llr)
    return _answer(engine, gallery, voice, decision, ranked.candidates, ranked.threshold, top_k)


def _rank(engine: Engine, gallery: GalleryRow, voice: Probe, top_k: int) -> _Ranked:
    """The best candidates, scored again from SQL: an erased speaker can never be among them."""
    if not comparable(engine, gallery):
        return _Ranked()
    near = engine.indexes.search(gallery.key, voice.require(), top_k + SPARE)
    if not near.keys:
        return _Ranked()
    with engine.read() as db:
        found = speakers.with_voice(db, gallery.key, near.keys, engine.encoder.dim)
    return _judged(engine, gallery, voice, found, near.size) if found else _Ranked()


def comparable(engine: Engine, gallery: GalleryRow) -> bool:
    """False for a gallery of another encoder where nobody has a voice. Raises EncoderMismatch where somebody has."""
    if gallery.encoder_fingerprint == engine.encoder.fingerprint:
        return True
    with engine.read() as db:
        if not speakers.count_voiceprints(db, gallery.key):
            return False
        now = galleries.get(db, gallery.name)
    scores.require_same_encoder(engine, now)
    return True


def _judged(engine: Engine, gallery: GalleryRow, voice: Probe, found: list[Voiceprint], compared: int) -> _Ranked:
    """`compared`: speakers in the gallery, of whom `found` are the nearest."""
    calibration = calibrations.used(engine, gallery)
    cosines = cosine(voice.require()[None, :], scores.embeddings(found))[0]
    llrs = calibration.llr(cosines)
    threshold = scores.threshold(engine, gallery, calibration, compared, scores.own_strangers(engine, gallery))
    likely = probabilities(llrs, threshold.llr, engine.policy.ambiguous_margin_llr)
    candidates = tuple(
        Candidate(SpeakerRef(found[i].row.id, found[i].row.name), float(cosines[i]), float(llrs[i]), float(likely[i]))
        for i in np.argsort(-llrs, kind="stable")
    )
    return _Ranked(candidates, threshold)


def _answer(
    engine: Engine,
    gallery: GalleryRow,
    voice: Probe,
    decision: Decision,
    candidates: tuple[Candidate, ...] = (),
    threshold: Threshold | None = None,
    top_k: int = 0,
    *,
    reason: str = "",
) -> Identification:
    return Identification(
        decision=decision,
        speaker=candidates[0].speaker if decision == "accept" else None,
        candidates=candidates[:top_k],
        margin=candidates[0].llr - candidates[1].llr if len(candidates) > 1 else None,
        threshold=threshold,
        prior=engine.policy.prior,
        speech=voice.speech,
        encoder=engine.encoder_label,
        calibration=calibrations.source(engine, gallery),
        reason=reason or _reason(decision, candidates, threshold),
    )


def _reason(decision: Decision, candidates: tuple[Candidate, ...], threshold: Threshold | None) -> str:
    best = candidates[0].llr
    limit = threshold.llr if threshold else 0.0
    if decision == "accept":
        return f"The best llr, {best:.1f}, reaches the threshold of {limit:.1f}."
    if decision == "ambiguous":
        return f"Two speakers reach the threshold of {limit:.1f} and are too close to call."
    return f"The best llr, {best:.1f}, stays below the threshold of {limit:.1f}."
