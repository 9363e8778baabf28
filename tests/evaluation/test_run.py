from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.audio.decode import Preparer, decode
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_fitted
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import load_encoder
from speakerid.evaluation.corpus import Corpus, halves, read_iden_split
from speakerid.evaluation.corpus_readers import open_corpus
from speakerid.evaluation.errors import (
    CohortNeeded,
    ContaminatedEncoder,
    ListMissing,
    MissingRecordings,
    NoProbes,
    UnreadableRecordings,
)
from speakerid.evaluation.trials import read_trials
from speakerid.evaluation.voxceleb1 import UNKNOWN, evaluate, evaluate_list, find_list
from speakerid.metrics.eer import eer, error_curve
from speakerid.settings import Settings
from tests.evaluation.shaped import run, voices, write_split, write_trials


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = voices(tmp_path_factory.mktemp("tree"))
    write_trials(root / "veri_test2.txt")
    write_split(root / "iden_split.txt")
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_verification_is_what_scoring_by_hand_gives(tree: Path, cache: Path) -> None:
    made = run(cache).verification(open_corpus(tree), read_trials(tree / "veri_test2.txt"))
    known = list(samples.voices().values())
    embed = FakeEncoder().embed
    enrolled = embed([decode(voice.enroll[0].read_bytes()) for voice in known])
    probes = embed([decode(file.read_bytes()) for voice in known for file in voice.probes])
    scores = enrolled @ probes.T
    same = np.repeat(np.eye(len(known), dtype=bool), 2, axis=1)
    figures = made.report.figures["verification"]
    assert figures.eer == pytest.approx(100 * eer(error_curve(scores.ravel(), same.ravel())))
    assert (figures.trials, figures.targets, figures.speakers) == (98, 14, 7)
    assert figures.intervals["eer"][0] <= figures.eer <= figures.intervals["eer"][1]
    assert figures.cllr is None
    assert made.report.stamps == ()


def test_calibrated_scores_are_the_services_own(tree: Path, cache: Path) -> None:
    listed, encoder = read_trials(tree / "veri_test2.txt"), load_encoder("bundled")
    made = run(cache, settings=Settings(encoder="bundled"), score="calibrated").verification(open_corpus(tree), listed)
    assert made.verification is not None
    preparer = Preparer(SileroVad())
    voice = next(iter(samples.voices().values()))
    enrolled, probe = (preparer.prepare(file.read_bytes()) for file in (voice.enroll[0], voice.probes[0]))
    expected = load_fitted(encoder).calibration.compare(*(encoder.embed([one.samples]) for one in (probe, enrolled)))
    assert made.verification.scores[0] == pytest.approx(expected[0, 0], abs=1e-4)
    assert made.verification.are_llrs
    figures = made.report.figures["verification"]
    assert figures.cllr > figures.min_cllr


def test_a_cohort_of_speakers_normalizes_scores(tree: Path, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortNeeded):
        run(cache, score="asnorm")
    made = run(cache, score="asnorm", cohort=voices(tmp_path)).verification(
        open_corpus(tree), read_trials(tree / "veri_test2.txt")
    )
    assert made.report.scoring.startswith("AS-norm, top 7 of 7 speakers of ")
    assert made.verification is not None
    assert np.abs(made.verification.scores).max() > 1.0  # standard deviations, no cosines


def test_a_cohort_of_the_tested_speakers_is_stamped(tree: Path, cache: Path, tmp_path: Path) -> None:
    listed = read_trials(tree / "veri_test2.txt")
    same = tmp_path / "same"
    for file in sorted(tree.rglob("id1000[12]/*/00004.opus")):
        (same / file.parts[-3]).mkdir(parents=True)
        (same / file.parts[-3] / "a.opus").symlink_to(file)
    (stamp,) = run(cache, score="asnorm", cohort=same).verification(open_corpus(tree), listed).report.stamps
    assert stamp.startswith("CONTAMINATED: 2 tested speakers are in the cohort too: id10001, id10002. ")


def test_identification_names_both_protocols(tree: Path, cache: Path) -> None:
    figures = run(cache).identification(open_corpus(tree), read_iden_split(tree / "iden_split.txt")).report.figures
    gallery, head = figures["gallery_search"], figures["linear_head"]
    assert (gallery.speakers, gallery.enrolled_files, gallery.probes) == (7, 14, 14)
    assert (head.speakers, head.training_files, head.probes, head.converged) == (7, 14, 14, True)
    assert gallery.protocol.startswith("gallery search")
    assert head.protocol.startswith("linear head (SUPERB-like SID)")
    assert 0 < gallery.accuracy.top_1 <= gallery.accuracy.top_5 <= 100


def test_open_set_has_no_figure_for_errors_rarer_than_its_strangers(tree: Path, cache: Path) -> None:
    figures = (
        run(cache).open_set(open_corpus(tree), read_iden_split(tree / "iden_split.txt")).report.figures["open_set"]
    )
    assert (figures.enrolled, figures.known_probes, figures.stranger_probes) == (4, 8, 6)
    assert [(one.fpir, one.fnir) for one in figures.fnir_at] == [(0.001, None), (0.01, None), (0.1, None)]


def test_one_recording_each_leaves_nothing_to_ask_about(tree: Path, cache: Path) -> None:
    corpus = open_corpus(tree)
    first = Corpus("first", corpus.layout, tuple(one for one in corpus.recordings if one.name.endswith("00001.opus")))
    asked = run(cache)
    for ask in (asked.identification, asked.open_set):
        with pytest.raises(NoProbes):
            ask(first, halves(first))


def test_open_set_needs_strangers(tree: Path, cache: Path) -> None:
    corpus = open_corpus(tree)
    split = read_iden_split(tree / "iden_split.txt")
    known = tuple(one for one in split.test if one.speaker == "id10001")
    with pytest.raises(NoProbes, match="strangers"):
        run(cache).open_set(corpus, replace(split, test=known))


def test_missing_recordings_are_listed_or_stamped(tree: Path, cache: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text((tree / "veri_test2.txt").read_text() + "1 id10001/aaaaaaaaaaa/00001.wav id10001/gone/1.wav\n")
    trials = read_trials(listed)
    with pytest.raises(MissingRecordings, match=r"1 of 22 recordings are missing: id10001/gone/1\.wav.*--skip-missing"):
        run(cache).verification(open_corpus(tree), trials)
    report = run(cache, skip_missing=True).verification(open_corpus(tree), trials).report
    assert report.figures["verification"].trials == 98
    assert report.list.trials == 99
    assert report.stamps == (
        "INCOMPLETE: 1 of 22 recordings were missing and left out: id10001/gone/1.wav.",
        "INCOMPLETE: 1 of 99 trials were left out.",
    )


def test_unreadable_recordings_are_listed_or_stamped(cache: Path, tmp_path: Path) -> None:
    root = voices(tmp_path)
    listed = write_trials(root / "veri_test2.txt")
    bad = root / "wav/id10001/bbbbbbbbbbb/00004.opus"
    bad.unlink()
    bad.write_text("not audio")
    with pytest.raises(UnreadableRecordings, match=r"1 recording\(s\) cannot be embedded: .*bbbbbbbbbbb/00004\.opus"):
        run(cache).verification(open_corpus(root), read_trials(listed))
    report = run(cache, skip_missing=True).verification(open_corpus(root), read_trials(listed)).report
    assert report.figures["verification"].trials == 98 - 7
    assert "were unreadable" in report.stamps[0]


def test_a_corpus_that_has_nothing_of_the_list_is_refused_always(tree: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("1 a b\n0 a c\n")
    with pytest.raises(MissingRecordings, match="3 of 3"):
        run(cache, skip_missing=True).verification(open_corpus(tree), read_trials(tmp_path / "list"))


def test_a_published_protocol_names_its_list_honestly(tree: Path, cache: Path) -> None:
    report = evaluate(run(cache), tree, "O", None, allow_contaminated=False).report
    assert report.protocol == "verification, VoxCeleb1-O"
    assert report.stamps[0] == UNKNOWN
    assert "This list has 98 trials" in report.stamps[1]
    assert report.list.recognized is None


def test_contaminated_encoders_are_refused_before_the_corpus_is_read(cache: Path, tmp_path: Path) -> None:
    trained = run(cache)
    object.__setattr__(trained.stage.encoder, "trained_on", ("VoxCeleb1-dev", "VoxCeleb2"))
    with pytest.raises(ContaminatedEncoder):
        evaluate(trained, tmp_path, "E", None, allow_contaminated=False)
    with pytest.raises(ListMissing, match=r"list_test_all2\.txt"):
        evaluate(trained, tmp_path, "E", None, allow_contaminated=True)


def test_another_list_called_o_does_not_deceive_the_guard(tree: Path, cache: Path) -> None:
    trained = run(cache)  # the tree's ids are of VoxCeleb1's dev part
    object.__setattr__(trained.stage.encoder, "trained_on", ("VoxCeleb1-dev", "VoxCeleb2"))
    with pytest.raises(ContaminatedEncoder):
        evaluate(trained, tree, "O", None, allow_contaminated=False)
    with pytest.raises(ContaminatedEncoder):
        evaluate_list(trained, tree, tree / "veri_test2.txt", allow_contaminated=False)
    stamped = evaluate(trained, tree, "O", None, allow_contaminated=True).report.stamps
    assert stamped[0].startswith("CONTAMINATED")


def test_lists_are_found_in_the_corpus(tmp_path: Path) -> None:
    root = tmp_path / "voxceleb1"
    (root / "meta").mkdir(parents=True)
    (tmp_path / "veri_test.txt").touch()
    assert find_list(root, "O") == tmp_path / "veri_test.txt"
    (root / "meta" / "veri_test2.txt").touch()
    assert find_list(root, "O") == root / "meta" / "veri_test2.txt"
    with pytest.raises(ListMissing, match=r"iden_split\.txt.*--list"):
        find_list(root, "identification")
