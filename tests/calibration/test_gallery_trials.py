from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.calibration.gallery_trials import Utterances, gallery_trials
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine, voiceprint
from tests.calibration.made_galleries import default_calibration, utterances


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return default_calibration()


def test_own_voiceprints_are_made_without_the_utterance(calibration: Calibration) -> None:
    enrolled = utterances(np.random.default_rng(0), 4, 3)
    found = gallery_trials(calibration, enrolled)
    for row, place in enumerate(enrolled.speaker):
        for speaker in range(4):
            used = (enrolled.speaker == speaker) & (np.arange(12) != row)
            expected = cosine(enrolled.embeddings[[row]], voiceprint(enrolled.embeddings[used])[np.newaxis])[0, 0]
            assert found.scores[row, speaker] == pytest.approx(expected, abs=1e-6)
            assert found.own[row, speaker] == (speaker == place)
    np.testing.assert_allclose(found.llrs, calibration.slope * found.scores + calibration.intercept)


def test_an_only_utterance_has_no_target_but_counts_as_another_speaker(calibration: Calibration) -> None:
    enrolled = replace(utterances(np.random.default_rng(0), 4, 1), speaker=np.array([0, 1, 1, 2]))
    found = gallery_trials(calibration, enrolled)
    assert found.targets.sum() == 2
    assert found.nontargets.sum() == 8
    assert np.isnan(found.scores[0, 0])
    assert np.isnan(found.llrs[3, 2])
    assert found.known.sum() == 10


def test_only_some_speakers_as_if_the_others_were_not_enrolled(calibration: Calibration) -> None:
    enrolled = utterances(np.random.default_rng(0), 5, 2)
    some = np.array([1, 4])
    kept = np.isin(enrolled.speaker, some)
    places = np.searchsorted(some, enrolled.speaker[kept])
    alone = gallery_trials(calibration, Utterances(enrolled.embeddings[kept], enrolled.seconds[kept], places))
    picked = gallery_trials(calibration, enrolled).only(some)
    np.testing.assert_allclose(picked.scores, alone.scores)
    np.testing.assert_array_equal(picked.speaker, alone.speaker)


def test_the_policy_counts_also_where_an_utterance_is_left_out(calibration: Calibration) -> None:
    seconds = np.array([1.0, 20.0, 5.0, 2.0, 2.0, 9.0, 1.0, 1.0, 60.0])
    enrolled = replace(utterances(np.random.default_rng(1), 3, 3), seconds=seconds, combining="weighted")
    found = gallery_trials(calibration, enrolled)
    for row, place in enumerate(enrolled.speaker):
        for speaker in range(3):
            used = (enrolled.speaker == speaker) & (np.arange(9) != row)
            whole = voiceprint(enrolled.embeddings[used], list(seconds[used]))
            assert found.scores[row, speaker] == pytest.approx(
                cosine(enrolled.embeddings[[row]], whole[None])[0, 0], abs=1e-6
            )
        assert found.targets[row, place]
