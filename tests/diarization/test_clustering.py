"""Which segments are one person, by made embeddings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fastcluster import linkage
from scipy.cluster.hierarchy import fcluster
from sklearn.metrics import adjusted_rand_score

from speakerid.diarization import clustering
from speakerid.diarization.clustering import ClusterOptions, Clusters, Evidence, cluster
from speakerid.types import SpeakerCount
from tests.diarization.made import calibrated, evidence_of

OPTIONS = ClusterOptions(stop_llr=-1.0)
TRUTH = [0] * 30 + [1] * 20 + [2] * 12 + [0] * 8


def clusters(evidence: Evidence, options: ClusterOptions = OPTIONS, count: SpeakerCount | None = None) -> Clusters:
    return cluster(evidence, calibrated, options, count or SpeakerCount())


def test_speakers_are_separated() -> None:
    assert adjusted_rand_score(TRUTH, clusters(evidence_of(TRUTH)).labels) == 1.0


def test_block_by_block_finds_the_same_people() -> None:
    truth = TRUTH * 6
    assert adjusted_rand_score(truth, clusters(evidence_of(truth), replace(OPTIONS, block=50)).labels) == 1.0


@pytest.mark.parametrize("block", [50, 1000])
@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_a_known_number_is_kept_to(block: int, number: int) -> None:
    found = clusters(evidence_of(TRUTH * 2), replace(OPTIONS, block=block), SpeakerCount(None, number, number))
    assert len(set(found.labels.tolist())) == number


@pytest.mark.parametrize(
    ("count", "number"),
    [
        (SpeakerCount(None, 1, 2), 2),
        (SpeakerCount(None, 2, 5), 3),
        (SpeakerCount(None, 4), 4),
        (SpeakerCount(None, 1, 9), 3),
    ],
)
def test_bounds_only_matter_where_they_are_crossed(count: SpeakerCount, number: int) -> None:
    assert len(set(clusters(evidence_of(TRUTH), count=count).labels.tolist())) == number


@pytest.mark.parametrize(
    "count", [SpeakerCount(None, 2), SpeakerCount(None, 2, 2), SpeakerCount(None, 1, 2), SpeakerCount(None, 1, 9)]
)
def test_bounds_that_the_answer_keeps_to_change_nothing(count: SpeakerCount) -> None:
    """The second cluster is what fits the first too little, and too short to be a person's."""
    evidence = evidence_of([0, 0, 0, 0, 1], seconds=1.5, speakers=[0, 0, 0, 0, 1], pause=0.0)
    options = replace(OPTIONS, outlier_llr=-2.0)
    bounded, free = clusters(evidence, options, count), clusters(evidence, options)
    assert free.number == 2
    assert (bounded.labels.tolist(), bounded.sure.tolist()) == (free.labels.tolist(), free.sure.tolist())


def test_more_people_than_segments_is_every_segment_by_itself() -> None:
    assert len(set(clusters(evidence_of([0, 0, 0]), count=SpeakerCount(None, 5, 5)).labels.tolist())) == 3


def test_one_segment_is_one_person() -> None:
    assert clusters(evidence_of([0])).labels.tolist() == [0]


def test_small_clusters_go_to_the_likeliest_and_are_not_sure() -> None:
    truth = [0] * 5 + [1] * 5 + [2]
    found = clusters(evidence_of(truth, seconds=1.5))
    assert len(set(found.labels.tolist())) == 2
    assert found.sure.tolist() == [True] * 10 + [False]


def test_centers_are_the_means_of_what_is_sure() -> None:
    evidence = evidence_of([0] * 5 + [1] * 5)
    found = clusters(evidence)
    centers = found.centers(evidence)
    own = evidence.embeddings[found.labels == found.labels[-1]].sum(axis=0)
    assert np.linalg.norm(centers, axis=1) == pytest.approx([1.0, 1.0], abs=1e-6)
    assert centers[found.labels[-1]] == pytest.approx(own / np.linalg.norm(own), abs=1e-6)


def test_segmentation_keeps_two_people_apart_whom_embeddings_join() -> None:
    together = clusters(evidence_of([0] * 6))
    apart = clusters(evidence_of([0] * 6, speakers=[0, 1, 0, 1, 0, 1], pause=0.0))
    assert set(together.labels.tolist()) == {0}
    assert adjusted_rand_score([0, 1, 0, 1, 0, 1], apart.labels) == 1.0


def test_segmentation_means_nothing_for_what_is_far_apart() -> None:
    found = clusters(evidence_of([0] * 6, speakers=[0, 1, 0, 1, 0, 1], pause=20.0))
    assert set(found.labels.tolist()) == {0}


def test_a_segment_without_an_embedding_goes_where_segmentation_puts_it() -> None:
    evidence = evidence_of([0, 0, 0, 1, 1, 1, 1], speakers=[0, 0, 0, 1, 1, 1, 0], pause=0.0)
    evidence.embeddings[3] = 0.0
    evidence.alone_s[3] = 0.0
    found = clusters(evidence)
    assert found.labels[3] == found.labels[4] != found.labels[0]


def test_a_segment_of_which_nothing_is_known_goes_to_the_nearest_in_time() -> None:
    evidence = evidence_of([0, 0, 0, 1, 1, 1, 1])
    evidence.embeddings[6] = 0.0
    evidence.alone_s[6] = 0.0
    assert clusters(evidence).labels[6] == clusters(evidence).labels[5]


def test_speech_that_fits_no_cluster_is_one_more() -> None:
    evidence = evidence_of([0, 0, 0, 0, 0], speakers=[0, 0, 0, 0, 1], pause=0.0)
    evidence.embeddings[4] = 0.0
    evidence.alone_s[4] = 0.0
    evidence.starts_s[4] = evidence.starts_s[3]
    found = clusters(evidence, replace(OPTIONS, outlier_llr=-2.0))
    assert (found.labels.tolist(), found.sure.tolist()) == ([0, 0, 0, 0, 1], [True] * 4 + [False])
    assert clusters(evidence, replace(OPTIONS, outlier_llr=-2.0), SpeakerCount(None, 1, 1)).labels.tolist() == [0] * 5


def test_what_fits_no_cluster_has_a_center_but_is_not_known() -> None:
    evidence = evidence_of([0, 0, 0, 0, 1], seconds=1.5, speakers=[0, 0, 0, 0, 1], pause=0.0)
    found = clusters(evidence, replace(OPTIONS, outlier_llr=-2.0))
    assert found.labels.tolist() == [0, 0, 0, 0, 1]
    assert found.known.tolist() == [True] * 4 + [False]
    np.testing.assert_allclose(found.centers(evidence)[1], evidence.embeddings[4], atol=1e-6)


def test_a_short_segment_that_is_unlike_its_cluster_is_not_supported() -> None:
    evidence = evidence_of([0, 0, 0, 0, 1])
    evidence.alone_s[:] = [2.0, 2.0, 2.0, 0.4, 0.4]
    found = clusters(evidence)
    assert found.labels.tolist() == [0] * 5
    assert found.supported(evidence, calibrated, replace(OPTIONS, short_llr=-2.0)).tolist() == [True] * 4 + [False]
    assert found.supported(evidence, calibrated, replace(OPTIONS, short_llr=-5.0)).all()


def test_segments_that_count_or_fit_no_cluster_are_supported() -> None:
    """However unlike their cluster they are."""
    evidence = evidence_of([0, 0, 0, 0, 1], seconds=1.5, speakers=[0, 0, 0, 0, 1], pause=0.0)
    evidence.alone_s[4] = 0.4
    found = clusters(evidence, replace(OPTIONS, outlier_llr=-2.0))
    strict = replace(OPTIONS, short_llr=9.0)
    assert found.known.tolist() == [True] * 4 + [False]
    assert found.supported(evidence, calibrated, strict).all()


def test_without_any_embedding_all_is_one_person() -> None:
    evidence = evidence_of([0, 1, 2])
    evidence.embeddings[:] = 0.0
    found = clusters(evidence)
    assert found.labels.tolist() == [0, 0, 0]
    assert not found.sure.any()
    assert not found.centers(evidence).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_tree_is_cut_where_scipy_cuts_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    tree = linkage(random.random(60 * 59 // 2), "average")
    for distance in (0.0, *np.quantile(tree[:, 2], (0.1, 0.5, 0.9)), 1.0):
        expected = fcluster(tree, distance, "distance")
        assert adjusted_rand_score(expected, clustering._below(tree, float(distance))) == 1.0
