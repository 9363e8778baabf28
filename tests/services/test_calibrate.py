"""A gallery's own calibration: fitted, kept, used, passed over, forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from speakerid.db.repositories import galleries as rows
from speakerid.errors import (
    ClassesOverlap,
    EncoderMismatch,
    PreconditionFailed,
    TooFewTrials,
)
from speakerid.services import calibrate, galleries, identify, judge, serializers, speakers, verify
from speakerid.services.calibrate import Made
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.types import CalibrationReport, FloatArray, Gallery
from tests.conftest import STORES
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, silence, utterance
from tests.services.enrolled import add_gallery, add_speaker, erase_speaker, made_up, near, probe_of

SPEAKERS = 8
EACH = 3
COSINE = 0.85  # of an utterance with its speaker


both_stores = pytest.mark.parametrize("store_kind", STORES)


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def fill(engine: Engine, gallery: str = "default", people: int = SPEAKERS, each: int = EACH) -> None:
    for number in range(people):
        add_speaker(engine, f"Speaker {number}", *map(made_up, voices(number, each)), gallery=gallery)


def voices(number: int, each: int) -> list[FloatArray]:
    return [near(unit(number), COSINE, seed=100 * number + take) for take in range(each)]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(engine)
    return engine


def fitted(engine: Engine, gallery: str = "default") -> Made:
    return calibrate.fit(engine, galleries.get(engine, gallery))


def calibrated(engine: Engine, gallery: str = "default") -> CalibrationReport:
    made = fitted(engine, gallery)
    with engine.write() as db:
        return calibrate.keep(db, gallery, made)


def reset(engine: Engine, gallery: str = "default", if_match: str | None = None) -> Gallery:
    with engine.write() as db:
        return calibrate.reset(engine, db, gallery, if_match)


def shown(engine: Engine, gallery: str = "default") -> Gallery:
    with engine.read() as db:
        return serializers.gallery(engine, db, galleries.get(engine, gallery))


def test_looking_changes_nothing(filled: Engine) -> None:
    report = fitted(filled).report
    assert not report.stored
    assert (report.speakers, report.utterances) == (SPEAKERS, SPEAKERS * EACH)
    assert report.targets == SPEAKERS * EACH
    assert report.nontargets == SPEAKERS * EACH * (SPEAKERS - 1)
    assert shown(filled).calibration.source == "default"


@both_stores
def test_answers_use_it_from_now_on_and_say_so(filled: Engine) -> None:
    add_speaker(filled, "Ada", probe_of(filled, utterance(ADA)))
    ada = shown_speaker(filled, "Ada")
    gallery = galleries.get(filled, "default")
    who, is_ada = identify.identify(filled, gallery, probe(ADA)), verify.verify(filled, gallery, ada, probe(ADA))
    assert (who.calibration, is_ada.calibration) == ("default", "default")
    version = gallery.version
    assert calibrated(filled).stored
    gallery = galleries.get(filled, "default")
    now, is_ada_now = identify.identify(filled, gallery, probe(ADA)), verify.verify(filled, gallery, ada, probe(ADA))
    assert (now.calibration, is_ada_now.calibration) == ("gallery", "gallery")
    assert gallery.version == version + 1
    assert is_ada_now.llr != is_ada.llr
    assert is_ada_now.score == is_ada.score


def shown_speaker(engine: Engine, name: str) -> str:
    with engine.read() as db:
        return speakers.by_name_or_id(db, galleries.get(engine, "default"), name).id


def test_too_little_speech_names_the_calibration_too(filled: Engine) -> None:
    calibrated(filled)
    assert identify.identify(filled, galleries.get(filled, "default"), silence()).calibration == "gallery"


def test_the_gallery_shows_what_it_was_fitted_on(filled: Engine) -> None:
    report = calibrated(filled)
    about = shown(filled).calibration
    assert (about.source, about.unused, about.speakers) == ("gallery", None, SPEAKERS)
    assert (about.targets, about.nontargets) == (report.targets, report.nontargets)
    assert about.fitted_at is not None
    assert about.fitted_at.tzinfo is not None


@both_stores
def test_it_survives_a_restart_exactly(filled: Engine, open_engine: EngineMaker, store_url: str) -> None:
    made = fitted(filled)
    with filled.write() as db:
        calibrate.keep(db, "default", made)
    again = open_engine(store_url)
    used = judge.used(again, galleries.get(again, "default"))
    assert (used.slope, used.intercept) == (made.stored.slope, made.stored.intercept)


def test_the_wanted_error_of_the_gallery_is_reported(engine: Engine) -> None:
    add_gallery(engine, "careful", GallerySettings(target_fpir=0.002))
    fill(engine, "careful")
    report = fitted(engine, "careful").report
    assert report.target_fpir == 0.002
    assert 0.002 in [point.target_fpir for point in report.fitted.points]
    assert "target_fpir=0.002" in report.reason


def test_other_galleries_keep_theirs(filled: Engine) -> None:
    add_gallery(filled, "team")
    calibrated(filled)
    assert shown(filled, "team").calibration.source == "default"
    with pytest.raises(TooFewTrials):
        fitted(filled, "team")


@both_stores
def test_going_back(filled: Engine) -> None:
    calibrated(filled)
    etag = shown(filled).etag
    with pytest.raises(PreconditionFailed):
        reset(filled, if_match='"v0"')
    gone = reset(filled, if_match=etag)
    assert gone.calibration.source == "default"
    assert gone.calibration.fitted_at is None
    assert gone.etag != etag
    assert reset(filled).etag == gone.etag  # nothing left to change


def test_one_of_another_encoder_is_passed_over(filled: Engine) -> None:
    made = fitted(filled)
    other = replace(made.stored, fingerprint="0" * 64)
    keep_as(filled, other.to_row())
    about = shown(filled).calibration
    assert (about.source, about.unused) == ("default", judge.OTHER_ENCODER)
    gallery = galleries.get(filled, "default")
    assert judge.used(filled, gallery) is filled.calibration
    assert identify.identify(filled, gallery, probe(ADA)).calibration == "default"


def test_one_of_an_earlier_version_is_passed_over(filled: Engine) -> None:
    """Those held what strangers scored too, normalized by a cohort, and weighed how good the speech was."""
    former = {"score": "asnorm", "slope": 2.0, "intercept": -6.0, "quality": [0.1, 0.2, 0.3], "cohort": "f" * 64}
    row = {"calibration": former, "speakers": 8, "fitted_at": "2026-01-31T12:00:00+00:00", "combining": "mean"}
    keep_as(filled, row)
    about = shown(filled).calibration
    assert (about.source, about.unused) == ("default", judge.UNREADABLE)
    assert identify.identify(filled, galleries.get(filled, "default"), probe(ADA)).calibration == "default"
    assert calibrated(filled).stored
    assert shown(filled).calibration.source == "gallery"


def test_it_is_parsed_once_until_it_changes(filled: Engine) -> None:
    calibrated(filled)
    judge._parsed.cache_clear()
    for _ in range(2):
        assert identify.identify(filled, galleries.get(filled, "default"), probe(ADA)).calibration == "gallery"
    assert judge._parsed.cache_info().misses == 1
    keep_as(filled, replace(fitted(filled).stored, slope=1.0).to_row())
    assert judge.used(filled, galleries.get(filled, "default")).slope == 1.0
    assert judge._parsed.cache_info().misses == 2


def keep_as(engine: Engine, row: dict[str, Any]) -> None:
    with engine.write() as db:
        rows.get(db, "default").calibration = row


def test_too_few_speakers(engine: Engine) -> None:
    with pytest.raises(TooFewTrials, match="utterances or more: 0, 5 are needed"):
        fitted(engine)
    fill(engine, people=4)
    with pytest.raises(TooFewTrials, match="utterances or more: 4, 5 are needed"):
        fitted(engine)


def test_speakers_that_cannot_be_distinguished(engine: Engine) -> None:
    for number in range(SPEAKERS):
        anybody = (unit(100 * number + take) for take in range(EACH))
        add_speaker(engine, f"Speaker {number}", *map(made_up, anybody))
    with pytest.raises(ClassesOverlap):
        fitted(engine)


def test_a_gallery_of_an_encoder_without_a_fit_adapts_the_prior(open_engine: EngineMaker, store_url: str) -> None:
    engine = open_engine(store_url, calibrated=False)
    fill(engine)
    assert shown(engine).calibration.source == "generic"
    assert calibrated(engine).stored
    assert shown(engine).calibration.source == "gallery"


def test_a_gallery_of_another_encoder(filled: Engine) -> None:
    made = fitted(filled)
    with filled.write() as db:
        rows.get(db, "default").encoder_fingerprint = "0" * 64
    with pytest.raises(EncoderMismatch):
        fitted(filled)
    with pytest.raises(EncoderMismatch), filled.write() as db:
        calibrate.keep(db, "default", made)


@both_stores
def test_large_galleries_are_judged_by_some_of_their_speakers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(engine, people=12, each=5)
    monkeypatch.setattr(calibrate, "MOST_TRIALS", 200)
    monkeypatch.setattr(calibrate, "MOST_OF_ONE", 3)
    first, again = fitted(engine).report, fitted(engine).report
    assert (first.speakers, first.utterances) == (8, 24)
    assert first == again


def test_thresholds_follow_the_size_of_the_gallery_as_it_is_then(filled: Engine) -> None:
    calibrated(filled)
    gallery = galleries.get(filled, "default")
    used = judge.used(filled, gallery)
    own = filled.own_strangers(gallery.key)
    few, many = (judge.threshold(filled, gallery, used, size, own) for size in (2, 2_000))
    assert few.llr < many.llr


def test_erasing_everybody_leaves_an_aggregate_that_can_be_reset(filled: Engine) -> None:
    calibrated(filled)
    for number in range(SPEAKERS):
        erase_speaker(filled, shown_speaker(filled, f"Speaker {number}"))
    assert shown(filled).calibration.source == "gallery"
    assert reset(filled).calibration.source == "default"
