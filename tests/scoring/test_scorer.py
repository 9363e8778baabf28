"""AS-norm, quality measures and the scorer that joins them, against what they are defined to be."""

from __future__ import annotations

import io

import numpy as np
import pytest

from speakerid.errors import CohortInvalid
from speakerid.scoring import asnorm
from speakerid.scoring.calibration import Calibration, Quantile, Score, Tail
from speakerid.scoring.cohort import Cohort, Part
from speakerid.scoring.quality import measures
from speakerid.scoring.scorer import Scorer, normalized
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray, Speech

DIM = 32


def unit_rows(count: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, DIM))
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def side(count: int, seed: int, seconds: float = 3.0, snr_db: float | None = 20.0) -> Side:
    return Side.of(unit_rows(count, seed), [Speech(seconds, snr_db, 0.0, 8000)] * count)


def cohort(count: int = 60, top: int = 10) -> Cohort:
    return Cohort.of(unit_rows(count, 9), fingerprint="f", made_of="noise", top=top)


def calibration(
    score: Score = "cosine", quality: tuple[float, ...] = (), digest: str | None = None, slope: float = 2.0
) -> Calibration:
    quantiles = (Quantile(0.5, 0.0), Quantile(0.05, 1.0))
    return Calibration(score, slope, -1.0, quality, "x", 10, 10, "f", digest, quantiles, Tail(0.5, 0.0))


def test_as_norm_is_the_mean_of_both_sides_z_scores_over_their_top_cohort_scores() -> None:
    probes, enrolled, voices = unit_rows(3, 1), unit_rows(4, 2), unit_rows(50, 3)
    scores = probes @ enrolled.T
    got = asnorm.normalize(scores, *(asnorm.statistics(one, voices.T, 7) for one in (probes, enrolled)))
    for i, probe in enumerate(probes):
        for j, other in enumerate(enrolled):
            mine, theirs = (np.sort(voices @ one)[-7:].astype(np.float64) for one in (probe, other))
            expected = 0.5 * sum((scores[i, j] - top.mean()) / top.std() for top in (mine, theirs))
            assert got[i, j] == pytest.approx(expected, abs=1e-4)


def test_a_cohort_that_holds_the_voice_itself_counts_it_not() -> None:
    voice, others = unit_rows(1, 1), unit_rows(50, 3)
    alone = asnorm.statistics(voice, others.T, 7)
    with_itself = asnorm.statistics(voice, np.concatenate([others, voice]).T, 7)
    assert with_itself.mean == pytest.approx(alone.mean)
    assert with_itself.std == pytest.approx(alone.std)


def test_many_voices_are_normalized_as_each_alone() -> None:
    voices, others = unit_rows(asnorm.CHUNK + 3, 1), unit_rows(20, 3)
    all_at_once, last = asnorm.statistics(voices, others.T, 5), asnorm.statistics(voices[-1:], others.T, 5)
    assert all_at_once.mean[-1] == pytest.approx(last.mean[0], abs=1e-6)


def test_a_top_larger_than_the_cohort_takes_all_of_it() -> None:
    voices, others = unit_rows(2, 1), unit_rows(5, 3)
    assert asnorm.statistics(voices, others.T, 300).mean == pytest.approx((voices @ others.T).mean(axis=1), abs=1e-6)


def test_no_cohort_is_refused() -> None:
    with pytest.raises(ValueError, match="need a cohort"):
        asnorm.statistics(unit_rows(1, 1), unit_rows(0, 1).T, 5)


def test_measures_are_of_the_probe_in_the_order_of_one() -> None:
    speech = [Speech(1.0, 15.0, 0.0, 4000), Speech(100.0, None, 0.0, 8000), Speech(0.0, 99.0, 0.0, 0)]
    found = measures(Side.of(unit_rows(3, 1), speech))
    assert found[0] == pytest.approx([0.0, 1.5, 1.0])
    assert found[1] == pytest.approx([np.log(10), 2.0, 0.0])  # as 10 s; unknown noise as 20 dB
    assert found[2] == pytest.approx([np.log(0.5), 3.0, 2.0])
    assert np.isfinite(found).all()


def test_scorer_calibrates_the_normalized_score() -> None:
    voices, probes, enrolled = cohort(), side(2, 1), side(3, 2)
    pairs = Scorer(calibration("asnorm", digest=voices.digest), voices).compare(probes, enrolled)
    assert pairs.cosines == pytest.approx(probes.embeddings @ enrolled.embeddings.T, abs=1e-6)
    assert pairs.llrs == pytest.approx(2.0 * pairs.scores - 1.0)
    assert not np.allclose(pairs.scores, pairs.cosines)


PARTS = (Part(30, 30.0, 8000), Part(20, 10.0, 8000), Part(25, 30.0, 4000))


def parted() -> Cohort:
    return Cohort.of(unit_rows(75, 9), fingerprint="f", made_of="noise", top=7, parts=PARTS)


def heard(*speech: tuple[float | None, int], seed: int = 1) -> Side:
    said = [Speech(3.0, snr_db, 0.0, bandwidth_hz) for snr_db, bandwidth_hz in speech]
    return Side.of(unit_rows(len(said), seed), said)


def test_the_part_heard_most_alike() -> None:
    side = heard((60.0, 8000), (21.0, 7000), (12.0, 8000), (40.0, 3400), (9.0, 3900), (None, 8000), (None, 4000))
    assert parted().nearest(side).tolist() == [0, 0, 1, 2, 1, 0, 2]
    assert cohort().nearest(side).tolist() == [0] * 7


def test_each_side_is_normalized_by_strangers_who_were_heard_like_the_other() -> None:
    probes, enrolled = heard((60.0, 8000), (12.0, 8000), seed=1), heard((40.0, 4000), (30.0, 8000), (9.0, 8000), seed=2)
    voices = parted()
    like = {1: voices.embeddings[30:50], 0: voices.embeddings[:30], 2: voices.embeddings[50:]}
    cosines = probes.embeddings @ enrolled.embeddings.T
    found = normalized(cosines, probes, enrolled, voices)
    for i, part in enumerate((0, 1)):
        for j, other in enumerate((2, 0, 1)):
            of_probe = np.sort(like[other] @ probes.embeddings[i])[-7:]
            of_enrolled = np.sort(like[part] @ enrolled.embeddings[j])[-7:]
            wanted = 0.5 * sum((cosines[i, j] - top.mean()) / top.std() for top in (of_probe, of_enrolled))
            assert found[i, j] == pytest.approx(wanted, abs=1e-4)


def test_nobody_is_normalized_to_nothing() -> None:
    nobody = heard()
    assert normalized(np.zeros((0, 2), np.float32), nobody, heard((9.0, 8000), (9.0, 4000)), parted()).shape == (0, 2)


def test_quality_moves_llr_and_threshold_alike_and_keeps_the_order() -> None:
    short, long = side(2, 1, seconds=1.0), side(2, 1, seconds=8.0)
    enrolled, scorer = side(5, 2), Scorer(calibration(quality=(-1.0, 0.0, 0.0)))
    one, other = scorer.compare(short, enrolled), scorer.compare(long, enrolled)
    assert one.llrs - other.llrs == pytest.approx(np.full((2, 5), np.log(8.0)))
    excess = [pairs.llrs - scorer.threshold_llrs(pairs, 0.01) for pairs in (one, other)]
    assert excess[0] == pytest.approx(excess[1])


def test_the_threshold_is_the_llr_at_the_score_of_that_rate() -> None:
    scorer = Scorer(calibration())
    pairs = scorer.compare(side(2, 1), side(3, 2))
    assert scorer.threshold_llrs(pairs, 0.05) == pytest.approx(np.full((2, 3), 2.0 * 1.0 - 1.0))


@pytest.mark.parametrize("other", [None, cohort(top=11), cohort(count=59)])
def test_a_calibration_goes_with_its_own_cohort(other: Cohort | None) -> None:
    with pytest.raises(CohortInvalid, match="another cohort"):
        Scorer(calibration("asnorm", digest=cohort().digest), other)


def test_a_cohort_comes_back_from_its_file_as_it_was() -> None:
    there, back = cohort(), Cohort.from_bytes(cohort().to_bytes())
    assert back.digest == there.digest
    assert (back.embeddings == there.embeddings).all()
    assert (back.fingerprint, back.made_of, back.top) == ("f", "noise", 10)


def test_the_parts_of_a_cohort_come_back_and_count() -> None:
    there, back = parted(), Cohort.from_bytes(parted().to_bytes())
    assert (back.parts, back.digest) == (PARTS, there.digest)
    assert there.digest != Cohort.of(there.embeddings, fingerprint="f", made_of="noise", top=7).digest
    assert [part.shape for part in back.columns_by_part] == [(DIM, 30), (DIM, 20), (DIM, 25)]
    with pytest.raises(CohortInvalid, match="all of its voices"):
        Cohort.of(there.embeddings, fingerprint="f", made_of="noise", parts=PARTS[:2])


def test_a_file_from_before_the_parts_is_one_part() -> None:
    with np.load(io.BytesIO(parted().to_bytes())) as found:
        older = {name: found[name] for name in ("embeddings", "about")}
    content = io.BytesIO()
    np.savez_compressed(content, **older)
    assert Cohort.from_bytes(content.getvalue()).parts == ()


@pytest.mark.parametrize("content", [b"", b"nonsense", cohort().to_bytes()[:-40]])
def test_a_broken_cohort_file_is_named(content: bytes) -> None:
    with pytest.raises(CohortInvalid, match="not a cohort file"):
        Cohort.from_bytes(content)


@pytest.mark.parametrize("rows", [np.zeros((3, 4)), np.empty((0, 4)), np.full((2, 4), np.nan), np.ones(4)])
def test_a_cohort_needs_voices(rows: FloatArray) -> None:
    with pytest.raises(CohortInvalid, match="needs embeddings"):
        Cohort.of(rows.astype(np.float32), fingerprint="f", made_of="x")
