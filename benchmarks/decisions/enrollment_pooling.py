"""How should several enrollment utterances be combined? Policies compared on real speech.

    python -m benchmarks.decisions.enrollment_pooling --speech ../shared/speech

Up to three of four utterances of about 4 s of each speaker are drawn to enroll, many times; the others are probes. The
speakers are those of `dev`, and those of `train` that the encoder was not trained on, whose one recording is cut into
pieces. Every policy L2-normalizes before it averages.

Where a speaker is enrolled both as recorded and by telephone, utterances differ much. Where two seconds are enrolled
beside all the rest of a recording, up to a minute, they differ in length.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decisions.pieces import PieceOfSpeech, Pieces, SpeechPieces
from recipes.simulation.conditions import Condition, noisy, telephone, unchanged
from speakerid.audio.files import speaker_tree
from speakerid.bootstrap import load_encoder, load_fitted
from speakerid.encoders.base import label
from speakerid.metrics.eer import Floats, eer, error_curve, operating_point
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.types import FloatArray

DRAWS, ENROLLED, UNTRAINED, FMR = 40, 3, 51, 0.001
TURNS = 4  # parts of a recording that are in turn the two seconds
SHORTLIST = 13  # candidates that `identify` scores for its five answers
CONDITIONS = (Condition("clean", unchanged), Condition("10 dB", noisy), Condition("telephone", telephone))
Policy = Callable[
    [PieceOfSpeech, list[PieceOfSpeech], Calibration], Floats
]  # probes, utterances by speaker: llrs (probes, speakers)


def mean(probes: PieceOfSpeech, people: list[PieceOfSpeech], calibration: Calibration) -> Floats:
    return calibration.compare(probes.embeddings, _prints(people, weighted=False))


def mean_by_duration(probes: PieceOfSpeech, people: list[PieceOfSpeech], calibration: Calibration) -> Floats:
    return calibration.compare(probes.embeddings, _prints(people, weighted=True))


def best_exemplar(probes: PieceOfSpeech, people: list[PieceOfSpeech], calibration: Calibration) -> Floats:
    llrs = calibration.compare(probes.embeddings, PieceOfSpeech.joined(people).embeddings)
    starts = np.cumsum([0, *(len(one) for one in people[:-1])])
    best: Floats = np.maximum.reduceat(llrs, starts, axis=1)
    return best


def shortlist_by_exemplar(probes: PieceOfSpeech, people: list[PieceOfSpeech], calibration: Calibration) -> Floats:
    """The speakers of the nearest utterances, decided by their means."""
    near = best_exemplar(probes, people, calibration)
    kept = near >= np.sort(near, axis=1)[:, -min(SHORTLIST, len(people))][:, None]
    return np.where(kept, mean(probes, people, calibration), near.min())


POLICIES: dict[str, Policy] = {
    "mean": mean,
    "mean weighted by duration": mean_by_duration,
    "best exemplar": best_exemplar,
    "best exemplar to shortlist, mean to decide": shortlist_by_exemplar,
}


def measure(pieces: Pieces, calibration: Calibration) -> dict[str, Any]:
    numbers, counts = np.unique(pieces.speaker, return_counts=True)
    numbers = numbers[counts > 1]
    random = np.random.default_rng(0)
    llrs: dict[str, list[Floats]] = {name: [] for name in POLICIES}
    same, right = [], {name: list[np.bool_]() for name in POLICIES}
    outside = 0
    for _ in range(DRAWS):
        enrolled = [_drawn(pieces, number, random) for number in numbers]
        people = [pieces.spoken[rows] for rows in enrolled]
        asking = np.setdiff1d(np.flatnonzero(np.isin(pieces.speaker, numbers)), np.concatenate(enrolled))
        truth = np.searchsorted(numbers, pieces.speaker[asking])
        same.append(truth[:, None] == np.arange(len(people)))
        for name, policy in POLICIES.items():
            found = policy(pieces.spoken[asking], people, calibration)
            llrs[name].append(found)
            right[name] += list(found.argmax(axis=1) == truth)
        cosines = cosine(pieces.spoken.embeddings[asking], _prints(people, weighted=False))
        ranks = (cosines > cosines[np.arange(len(asking)), truth][:, None]).sum(axis=1)
        outside += int((ranks >= SHORTLIST).sum())
    labels = np.concatenate([one.ravel() for one in same])
    return {
        "probes": sum(len(one) for one in same),
        "speakers": len(numbers),
        "right_speaker_outside_the_shortlist_of_means": outside,
        "policies": {name: _figures(llrs[name], labels, right[name]) for name in POLICIES},
    }


def measure_uneven(speech: SpeechPieces, calibration: Calibration, short: Condition) -> dict[str, Any]:
    """Two seconds, through `short`, beside the rest; another piece of the recording is the probe."""
    found = [speech.uneven(short, turn, turns=TURNS) for turn in range(TURNS)]
    llrs: dict[str, list[Floats]] = {"mean": [], "mean weighted by duration": []}
    for enrolled, probes in found:
        for name in llrs:
            llrs[name].append(POLICIES[name](probes, enrolled, calibration))
    same = np.concatenate([np.eye(len(enrolled), dtype=np.bool_).ravel() for enrolled, _ in found])
    right = {
        name: [hit for one in every for hit in one.argmax(axis=1) == np.arange(len(one))]
        for name, every in llrs.items()
    }
    return {
        "probes": sum(len(probes) for _, probes in found),
        "median_seconds": [float(np.median([one.seconds[part] for one in found[0][0]])) for part in (0, 1)],
        "policies": {name: _figures(llrs[name], same, right[name]) for name in llrs},
    }


def alternating(one: Pieces, other: Pieces) -> Pieces:
    """Of each speaker every other piece of `one`, and of `other` those between."""
    spoken, speakers = list[PieceOfSpeech](), list[Any]()
    for turn, pieces in enumerate((one, other)):
        starts = np.searchsorted(pieces.speaker, pieces.speaker)
        rows = np.flatnonzero((np.arange(len(pieces.speaker)) - starts) % 2 == turn)
        spoken.append(pieces.spoken[rows])
        speakers.append(pieces.speaker[rows])
    return Pieces(one.names, np.concatenate(speakers), PieceOfSpeech.joined(spoken))


def _figures(llrs: list[Floats], labels: Floats, right: list[np.bool_]) -> dict[str, float]:
    curve = error_curve(np.concatenate([one.ravel() for one in llrs]), labels)
    return {
        "eer_percent": round(100 * eer(curve), 2),
        "fnr_percent_at_fmr_0.001": round(100 * operating_point(curve, FMR).fnr, 2),
        "top_1_percent": round(100 * float(np.mean(right)), 2),
    }


def _drawn(pieces: Pieces, number: int, random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.intp]]:
    rows = np.flatnonzero(pieces.speaker == number)
    return random.choice(rows, min(ENROLLED, len(rows) - 1), replace=False)


def _prints(people: list[PieceOfSpeech], *, weighted: bool) -> FloatArray:
    return np.stack([voiceprint(one.embeddings, list(one.seconds) if weighted else None) for one in people])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare ways to combine enrollment utterances.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with librispeech")
    parser.add_argument("--encoder", default="bundled")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    calibration = load_fitted(encoder).calibration
    dev, train = (speaker_tree(options.speech / "librispeech" / part) for part in ("dev", "train"))
    speech = SpeechPieces(encoder, dev | dict(list(train.items())[-UNTRAINED:]))
    pieces = {one.name: speech.pieces(one) for one in CONDITIONS}
    pieces["clean and telephone"] = alternating(pieces["clean"], pieces["telephone"])
    found = {name: measure(one, calibration) for name, one in pieces.items()}
    for one in CONDITIONS:
        found[f"2 s, {one.name}, beside the rest, clean"] = measure_uneven(speech, calibration, one)
    sys.stdout.write(json.dumps({"encoder": label(encoder)} | found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
