from __future__ import annotations

import numpy as np
import pytest

from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.scoring.gallery_trials import gallery_trials, voiceprints
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.types import Speech
from tests.scoring.galleries import default_scorer, utterances


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return default_scorer()


def test_own_voiceprints_are_made_without_the_utterance(scorer: Scorer) -> None:
    rows, places = utterances(np.random.default_rng(0), 4, 3)
    found = gallery_trials(scorer, rows, places)
    for row, place in enumerate(places):
        for speaker in range(4):
            used = (places == speaker) & (np.arange(len(places)) != row)
            expected = cosine(rows.embeddings[[row]], voiceprint(rows.embeddings[used])[np.newaxis])[0, 0]
            assert found.scores[row, speaker] == pytest.approx(expected, abs=1e-6)
            assert found.own[row, speaker] == (speaker == place)
    np.testing.assert_allclose(found.llrs, scorer.calibration.slope * found.scores + scorer.calibration.intercept)


def test_an_only_utterance_has_no_target_but_counts_as_another_speaker(scorer: Scorer) -> None:
    rows, _ = utterances(np.random.default_rng(0), 4, 1)
    found = gallery_trials(scorer, rows, np.array([0, 1, 1, 2]))
    assert found.targets.sum() == 2
    assert found.nontargets.sum() == 8
    assert np.isnan(found.scores[0, 0])
    assert np.isnan(found.llrs[3, 2])
    assert found.known.sum() == 10


def test_only_some_speakers_as_if_nobody_else_were_enrolled(scorer: Scorer) -> None:
    rows, places = utterances(np.random.default_rng(0), 5, 2)
    some = np.array([1, 4])
    kept = np.isin(places, some)
    alone = gallery_trials(scorer, rows[kept], np.searchsorted(some, places[kept]))
    picked = gallery_trials(scorer, rows, places).only(some)
    np.testing.assert_allclose(picked.scores, alone.scores)
    np.testing.assert_array_equal(picked.speaker, alone.speaker)


def test_a_voiceprint_has_the_speech_of_all_its_utterances() -> None:
    speech = [Speech(2.0, None, 0.0, 8000), Speech(3.0, 10.0, 0.0, 4000), Speech(4.0, None, 0.0, 4000)]
    rows, _ = utterances(np.random.default_rng(0), 3, 1)
    found = voiceprints(Side.of(rows.embeddings, speech), np.array([0, 0, 1]))
    assert found.seconds.tolist() == [5.0, 4.0]
    assert found.bandwidth_hz.tolist() == [6000.0, 4000.0]
    assert found.snr_db[0] == 10.0
    assert np.isnan(found.snr_db[1])


def test_the_policy_counts_also_where_an_utterance_is_left_out(scorer: Scorer) -> None:
    rows, places = utterances(np.random.default_rng(1), 3, 3)
    seconds = np.array([1.0, 20.0, 5.0, 2.0, 2.0, 9.0, 1.0, 1.0, 60.0])
    side = Side(rows.embeddings, seconds, rows.snr_db, rows.bandwidth_hz)
    found = gallery_trials(scorer, side, places, "weighted")
    for row, place in enumerate(places):
        for speaker in range(3):
            used = (places == speaker) & (np.arange(9) != row)
            whole = voiceprint(rows.embeddings[used], list(seconds[used]))
            assert found.scores[row, speaker] == pytest.approx(
                cosine(rows.embeddings[[row]], whole[None])[0, 0], abs=1e-6
            )
        assert found.targets[row, place]
