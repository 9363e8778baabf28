"""Galleries drawn from pieces, and on real speech the rates that calibrating them promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.encoders.fake import FakeEncoder
from speakerid.evaluation.development import Condition, unchanged
from speakerid.evaluation.gallery_calibration import TARGETS, adapted, draw, main, measure, search, table
from speakerid.evaluation.pieces import MOST, Pieces, Speech
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.gallery_trials import voiceprints
from speakerid.scoring.scorer import Scorer
from tests.scoring.galleries import default_scorer, utterances

CLEAN = Condition("clean", unchanged)
PEOPLE = 30


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return default_scorer()


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    """Of 30 speakers with four pieces, and of 10 with two, who can only be strangers."""
    side, speaker = utterances(np.random.default_rng(7), PEOPLE + 10, 4)
    kept = ~((speaker >= PEOPLE) & (np.arange(len(speaker)) % 4 > 1))
    return Pieces(tuple(f"speaker {n}" for n in range(PEOPLE + 10)), speaker[kept], side[kept])


def test_probes_and_strangers_were_never_enrolled(pieces: Pieces) -> None:
    gallery, chosen = draw(pieces, 12, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == 12
    assert chosen.max() < PEOPLE
    assert np.bincount(gallery.speaker).tolist() == [3] * 12
    enrolled, probed, strange = (
        {row.tobytes() for row in side.embeddings} for side in (gallery.enrolled, gallery.probes, gallery.strangers)
    )
    assert (len(enrolled), len(probed), len(strange)) == (36, 12, 18 * 4 + 10 * 2)
    assert not enrolled & probed | probed & strange | strange & enrolled
    assert not set(gallery.stranger.tolist()) & set(chosen.tolist())


def test_the_probe_of_a_place_is_of_its_speaker(pieces: Pieces, scorer: Scorer) -> None:
    gallery, _ = draw(pieces, 20, np.random.default_rng(0))
    llrs = scorer.compare(gallery.probes, voiceprints(gallery.enrolled, gallery.speaker)).llrs
    assert np.diag(llrs).mean() > llrs[~np.eye(20, dtype=bool)].mean() + 5


def test_searches_are_decided_one_by_one(pieces: Pieces, scorer: Scorer) -> None:
    gallery, _ = draw(pieces, 15, np.random.default_rng(1))
    used = adapted(scorer, gallery)
    found = search(used, gallery)
    prints = voiceprints(gallery.enrolled, gallery.speaker)
    for rate, missed in zip(TARGETS, found.missed, strict=True):
        fmr = 1 - (1 - rate) ** (1 / 15)
        for place in range(15):
            pair = used.compare(gallery.probes[np.array([place])], prints)
            best = int(np.argmax(pair.llrs))
            accepted = pair.llrs[0, best] >= max(0.0, used.threshold_llrs(pair, fmr)[0, best])
            assert missed[place] == (not (accepted and best == place))


def test_rows_of_both_calibrations(pieces: Pieces, scorer: Scorer) -> None:
    trained = np.arange(PEOPLE + 10) < 20
    rows = measure(scorer, pieces, 10, repeats=3, trained=trained, condition="clean", people="all")
    assert [row.calibration for row in rows] == ["default", "alone", "gallery"]
    for row in rows:
        assert row.min_cllr <= row.cllr
        assert row.fpir[0].value <= row.fpir[1].value
        assert row.fnir[0].value >= row.fnir[1].value
        assert all(0.0 <= share <= 1.0 for share in row.fpir_untrained)
    assert table(rows).count("\n") == 4


def test_a_lone_recording_is_cut_and_many_are_not() -> None:
    data = {name: list(voice.enroll) for name, voice in list(samples.voices().items())[:2]}
    several = Speech(FakeEncoder(), data).pieces(CLEAN)
    assert np.bincount(several.speaker).tolist() == [3, 3]
    lone = Speech(FakeEncoder(), {name: files[:1] for name, files in data.items()}).pieces(CLEAN)
    assert all(1 < count <= MOST for count in np.bincount(lone.speaker))
    assert lone.side.seconds.max() < 4.0


@pytest.mark.slow
def test_on_real_speech_errors_are_as_wanted(speech_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LibriSpeech, 4 galleries of each size. The interval of the rate reaches into half to twice of what is wanted."""
    speakers = speaker_tree(speech_root / "librispeech" / "train")
    assert len(speakers) > 200
    main(["--speech", str(speech_root), "--repeats", "4", "--heard", "clean", "--json"])
    rows = [row for row in json.loads(capsys.readouterr().out) if row["calibration"] == "gallery"]
    assert [(row["people"], row["gallery"]) for row in rows] == [
        ("untrained", 10), ("untrained", 25), ("all", 10), ("all", 50), ("all", 200),
    ]  # fmt: skip
    for row in rows:
        assert row["cllr"] - row["min_cllr"] <= 0.05
        for wanted, fpir in zip(TARGETS, row["fpir"], strict=True):
            assert fpir["low"] <= 2 * wanted
            assert fpir["high"] >= wanted / 2
