"""A gallery's answer as labels: they sum to one, and the first one is the decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speakerid.api.examples import IDENTIFICATION
from speakerid.errors import NotEnoughSpeech
from speakerid.scoring.decision import decide, probabilities
from speakerid.services import galleries, labels
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.types import Candidate, Identification, LabelScore, SpeakerRef
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services.enrolled import add_speaker, made_up, near, probe_of

THRESHOLD, MARGIN = 2.0, 1.0


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def judged(*llrs: float, names: tuple[str, ...] = ()) -> Identification:
    """What `identify` answers where the candidates have these llrs, best first."""
    likely = probabilities(llrs, THRESHOLD, MARGIN)
    called = names or tuple(f"S{nth}" for nth in range(len(llrs)))
    candidates = tuple(
        Candidate(SpeakerRef(f"spk_{nth}", called[nth]), 0.5, llr, float(likely[nth])) for nth, llr in enumerate(llrs)
    )
    return replace(IDENTIFICATION, decision=decide(llrs, THRESHOLD, MARGIN), candidates=candidates)


def ask(engine: Engine, audio: bytes, top_k: int = 5) -> tuple[LabelScore, ...]:
    return labels.of_gallery(engine, galleries.get(engine, "default"), audio, top_k=top_k)


CASES = {
    "one who is known": (8.0,),
    "one at the threshold": (THRESHOLD,),
    "one just below": (THRESHOLD - 0.01,),
    "one and others far away": (9.0, -3.0, -8.0),
    "one and a second who reaches it": (9.0, 5.0),
    "one and many just below": (THRESHOLD + 0.1, *[THRESHOLD - 0.1] * 20),
    "many just below": (*[THRESHOLD - 0.1] * 20,),
    "two too close to call": (5.0, 4.9),
    "ten of one voice": (*[9.0] * 10,),
    "nobody": (-20.0, -30.0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_label_is_a_name_exactly_when_it_is_accepted(case: str) -> None:
    answer = judged(*CASES[case])
    found = labels.speakers_and_unknown(answer)
    assert (found[0].label == "S0") is (answer.decision == "accept")
    assert found[0].label in ("S0", "unknown")
    assert len(found) == len(CASES[case]) + 1


@pytest.mark.parametrize("case", CASES)
def test_scores_sum_to_one_best_first(case: str) -> None:
    scores = [one.score for one in labels.speakers_and_unknown(judged(*CASES[case]))]
    assert sum(scores) == pytest.approx(1.0)
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= one <= 1.0 for one in scores)


def test_an_accepted_name_has_the_probability_that_identify_gives() -> None:
    answer = judged(9.0, -3.0)
    scores = {one.label: one.score for one in labels.speakers_and_unknown(answer)}
    assert [scores["S0"], scores["S1"]] == pytest.approx([one.probability for one in answer.candidates])
    assert scores["unknown"] == pytest.approx(1.0 - scores["S0"] - scores["S1"])


def test_names_that_are_not_unique_get_an_id() -> None:
    answer = judged(9.0, 3.0, 1.0, 0.0, names=("Ada", "Ada", "unknown", "Ben"))
    assert {one.label for one in labels.speakers_and_unknown(answer)} == {
        "Ada (spk_0)",
        "Ada (spk_1)",
        "unknown (spk_2)",
        "unknown",
        "Ben",
    }


def test_speakers_and_strangers(engine: Engine) -> None:
    for name, voice in (("Ada", ADA), ("Ben", BEN)):
        add_speaker(engine, name, *(probe_of(engine, utterance(voice, nth)) for nth in range(2)))
    assert [ask(engine, audio)[0].label for audio in (probe(ADA), probe(BEN), stranger())] == ["Ada", "Ben", "unknown"]
    assert {one.label for one in ask(engine, probe(ADA))} == {"Ada", "Ben", "unknown"}
    row = galleries.get(engine, "default")
    assert ask(engine, probe(ADA))[0].score == pytest.approx(
        identify(engine, row, probe(ADA)).candidates[0].probability
    )


def test_top_k_bounds_the_list_and_changes_no_score(engine: Engine) -> None:
    outcome = probe_of(engine, probe(ADA)).require()
    for number in range(6):
        add_speaker(engine, f"S{number}", made_up(near(outcome, 0.6 - number / 50, seed=number)))
    all_of_them = ask(engine, probe(ADA), top_k=1000)
    assert len(all_of_them) == 7
    assert ask(engine, probe(ADA), top_k=3) == all_of_them[:3]


def test_in_an_empty_gallery_everybody_is_unknown(engine: Engine) -> None:
    assert ask(engine, probe(ADA)) == (LabelScore("unknown", 1.0),)


def test_too_little_speech_is_refused_with_what_is_needed(engine: Engine) -> None:
    with pytest.raises(NotEnoughSpeech, match=r"Found 0\.00 s of speech, at least 1\.00 s are needed"):
        ask(engine, silence())
