"""AS-norm against the gallery's own voices: whoever is compared counts in neither side's statistics."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.errors import CohortInvalid
from speakerid.index.exact import ExactIndex
from speakerid.scoring.gallery_trials import gallery_trials, voiceprints
from speakerid.scoring.own_cohort import OwnCohortScorer, without
from speakerid.scoring.sides import Keys, Side
from speakerid.types import FloatArray, Speech
from tests.scoring.galleries import utterances
from tests.scoring.test_scorer import calibration, unit_rows

TOP, PEOPLE = 6, 20
KEYS = np.arange(PEOPLE) + 100
SPEECH = Speech(3.0, 20.0, 0.0, 8000)


def side(rows: FloatArray, keys: Keys | None = None) -> Side:
    return Side.of(rows, [SPEECH] * len(rows), None if keys is None else keys.tolist())


def scorer(voices: FloatArray, keys: Keys = KEYS) -> OwnCohortScorer:
    index = ExactIndex(voices.shape[1])
    index.upsert(keys, voices)

    def nearest(embeddings: FloatArray, k: int) -> tuple[Keys, FloatArray]:
        found = index.search(embeddings, k)
        return found.keys, found.scores

    return OwnCohortScorer(calibration=calibration("asnorm", digest="gallery"), nearest=nearest, top=TOP)


def z(voice: FloatArray, score: float, others: FloatArray) -> float:
    top = np.sort(others.astype(np.float64) @ voice)[-TOP:]
    return float((score - top.mean()) / top.std())


def test_as_if_the_enrolled_voice_were_not_in_the_cohort() -> None:
    voices, probes = unit_rows(PEOPLE, 1), unit_rows(3, 2)
    found = scorer(voices).compare(side(probes), side(voices[:5], KEYS[:5]))
    for i, probe in enumerate(probes):
        for j in range(5):
            score, others = float(probe @ voices[j]), np.delete(voices, j, axis=0)
            expected = 0.5 * (z(probe, score, others) + z(voices[j], score, others))
            assert found.scores[i, j] == pytest.approx(expected, abs=1e-4)


def test_by_key_and_not_by_likeness() -> None:
    """Two people with one voice: each is a stranger to the other."""
    voices = unit_rows(PEOPLE, 1)
    voices[1] = voices[0]
    found = scorer(voices).compare(side(unit_rows(1, 2)), side(voices[:1], KEYS[:1]))
    score, others = float(unit_rows(1, 2)[0] @ voices[0]), voices[1:]
    assert found.scores[0, 0] == pytest.approx(
        0.5 * (z(unit_rows(1, 2)[0], score, others) + z(voices[0], score, others)), abs=1e-4
    )


def test_a_gallery_against_itself_as_if_the_utterances_speaker_were_not_enrolled() -> None:
    rows, places = utterances(np.random.default_rng(3), PEOPLE, 3)
    heard = side(rows.embeddings, KEYS[places])
    prints = voiceprints(heard, places)
    assert prints.keys is not None
    assert prints.keys.tolist() == KEYS.tolist()
    found = gallery_trials(scorer(prints.embeddings), heard, places)
    rest = voiceprints(heard[np.array([1, 2])], np.zeros(2, np.intp)).embeddings[0]
    own = np.delete(prints.embeddings, 0, axis=0)
    score = float(heard.embeddings[0] @ rest)
    expected = 0.5 * (z(heard.embeddings[0], score, own) + z(rest, score, own))
    assert found.scores[0, 0] == pytest.approx(expected, abs=1e-4)
    others = np.delete(prints.embeddings, [0, 7], axis=0)
    score = float(heard.embeddings[0] @ prints.embeddings[7])
    expected = 0.5 * (z(heard.embeddings[0], score, others) + z(prints.embeddings[7], score, others))
    assert found.scores[0, 7] == pytest.approx(expected, abs=1e-4)


def test_nobody_left_is_an_error() -> None:
    keys, scores = np.array([[1, 2]]), np.array([[0.5, 0.4]], np.float32)
    assert without(keys, scores, np.array([[[1, -1]]]), 1).mean == pytest.approx(0.4)
    with pytest.raises(ValueError, match="no voice is left"):
        without(keys, scores, np.array([[[1, 2]]]), 1)


def test_a_calibration_of_a_cohort_file_is_refused() -> None:
    with pytest.raises(CohortInvalid):
        OwnCohortScorer(calibration=calibration("asnorm", digest="d"), nearest=lambda rows, k: (KEYS[None], rows))
