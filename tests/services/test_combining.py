"""A gallery's way of combining utterances: another one makes every voiceprint again, and everything goes by it."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select

from speakerid.db.models import SpeakerRow
from speakerid.errors import InvalidRequest
from speakerid.scoring.cosine import voiceprint
from speakerid.services import calibrate, galleries, serializers, speakers
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.probe import Probe
from speakerid.services.repair import merge, move, undo
from speakerid.types import Combining, FloatArray, Gallery, Speaker, Speech
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.services.enrolled import add_speaker, enroll_voice, made_up, near

SHORT, LONG = (Speech(seconds, 30.0, 0.0, 8000) for seconds in (2.0, 60.0))


def outcome(number: int, speech: Speech) -> Probe:
    return made_up(unit(number), speech=speech)


@pytest.fixture
def ada(engine: Engine) -> Speaker:
    return add_speaker(engine, "Ada", outcome(1, SHORT), outcome(2, LONG))


def combine(engine: Engine, combining: Combining) -> Gallery:
    with engine.write() as db:
        return galleries.update(engine, db, "default", GallerySettings(combining=combining))


def stored(engine: Engine, speaker: Speaker) -> FloatArray:
    with engine.read() as db:
        found = db.scalars(select(SpeakerRow.voiceprint).where(SpeakerRow.id == speaker.id)).one()
    assert found is not None
    return found


def of(*parts: tuple[int, float]) -> FloatArray:
    return voiceprint(np.stack([unit(number) for number, _ in parts]), [weight for _, weight in parts])


def nearest(engine: Engine, wanted: FloatArray) -> float:
    """Score of the best entry of the index: 1 where it is `wanted` itself."""
    vectors = in_memory(engine).catch_up(galleries.get(engine, "default").key).vectors
    assert vectors is not None
    return float(vectors.search(wanted[None, :], 1).scores[0, 0])


def test_it_is_the_mean_unless_another_is_set(engine: Engine, ada: Speaker) -> None:
    with engine.read() as db:
        assert serializers.gallery(engine, db, galleries.get(engine, "default")).combining == "mean"
    np.testing.assert_allclose(stored(engine, ada), of((1, 1.0), (2, 1.0)), atol=1e-6)


def test_changing_it_makes_every_voiceprint_again_and_the_index_follows(
    open_engine: EngineMaker, store_url: str
) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada = add_speaker(here, "Ada", outcome(1, SHORT), outcome(2, LONG))
    ben = add_speaker(here, "Ben", outcome(3, SHORT))
    no_one = add_speaker(here, "Nobody")
    mean, weighted = of((1, 1.0), (2, 1.0)), of((1, 2.0), (2, 60.0))
    assert nearest(there, mean) == pytest.approx(1.0, abs=1e-6)
    assert combine(here, "weighted").combining == "weighted"
    np.testing.assert_allclose(stored(here, ada), weighted, atol=1e-6)
    np.testing.assert_allclose(stored(here, ben), unit(3), atol=1e-6)
    for engine in (here, there):
        assert nearest(engine, weighted) == pytest.approx(1.0, abs=1e-6)
        assert nearest(engine, mean) < 0.99
    combine(there, "mean")
    np.testing.assert_allclose(stored(here, ada), mean, atol=1e-6)
    assert nearest(here, mean) == pytest.approx(1.0, abs=1e-6)
    with here.read() as db:
        assert speakers.get(db, galleries.get(here, "default"), no_one.id).utterances == 0


def test_more_speakers_than_are_read_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.services.galleries.SPEAKERS_AT_ONCE", 2)
    pairs = [(outcome(2 * n, SHORT), outcome(2 * n + 1, LONG)) for n in range(1, 6)]
    people = [add_speaker(engine, f"Speaker {n}", *pair) for n, pair in enumerate(pairs)]
    combine(engine, "weighted")
    for n, one in enumerate(people, start=1):
        np.testing.assert_allclose(stored(engine, one), of((2 * n, 2.0), (2 * n + 1, 60.0)), atol=1e-6)


def test_the_same_again_changes_no_speaker(engine: Engine, ada: Speaker) -> None:
    combine(engine, "mean")
    with engine.read() as db:
        assert speakers.get(db, galleries.get(engine, "default"), ada.id).etag == ada.etag


def test_enrolling_and_repairs_go_by_it(engine: Engine, ada: Speaker) -> None:
    combine(engine, "weighted")
    ben = add_speaker(engine, "Ben", outcome(3, LONG))
    added = enroll_voice(engine, ben.id, outcome(4, SHORT)).utterance.id
    np.testing.assert_allclose(stored(engine, ben), of((3, 60.0), (4, 2.0)), atol=1e-6)
    gallery = galleries.get(engine, "default")
    with engine.write() as db:
        move(db, gallery, ben.id, added, ada.id)
    np.testing.assert_allclose(stored(engine, ada), of((1, 2.0), (2, 60.0), (4, 2.0)), atol=1e-6)
    with engine.write() as db:
        undo(db, gallery)
    np.testing.assert_allclose(stored(engine, ada), of((1, 2.0), (2, 60.0)), atol=1e-6)
    with engine.write() as db:
        merge(db, gallery, ben.id, ada.id)
    np.testing.assert_allclose(stored(engine, ada), of((1, 2.0), (2, 60.0), (3, 60.0), (4, 2.0)), atol=1e-6)
    with engine.write() as db:
        undo(db, gallery)
    np.testing.assert_allclose(stored(engine, ben), of((3, 60.0), (4, 2.0)), atol=1e-6)
    with engine.write(erase=True) as db:
        speakers.delete_utterance(db, gallery, ben.id, added)
    np.testing.assert_allclose(stored(engine, ben), unit(3), atol=1e-6)


def test_cohesion_goes_by_it(engine: Engine, ada: Speaker) -> None:
    probe = near(unit(2), 0.9)
    mean = enroll_voice(engine, ada.id, made_up(probe)).cohesion
    assert mean is not None
    assert mean.score == pytest.approx(float(of((1, 1.0), (2, 1.0)) @ probe), abs=1e-5)
    combine(engine, "weighted")
    weighted = enroll_voice(engine, ada.id, made_up(probe)).cohesion
    assert weighted is not None
    assert weighted.score == pytest.approx(float(of((1, 2.0), (2, 60.0)) @ probe), abs=1e-5)


def test_a_calibration_fitted_on_other_voiceprints_is_passed_over(engine: Engine) -> None:
    for number in range(8):
        voices = [near(unit(number), 0.85, seed=100 * number + take) for take in range(3)]
        add_speaker(engine, f"Speaker {number}", *map(made_up, voices))
    made = calibrate.fit(engine, galleries.get(engine, "default"))
    with engine.write() as db:
        calibrate.keep(db, "default", made)
    assert combine(engine, "mean").calibration.source == "gallery"
    changed = combine(engine, "weighted").calibration
    assert (changed.source, changed.unused) == (
        "default",
        "It was fitted while utterances were combined otherwise. Calibrate again.",
    )
    assert combine(engine, "mean").calibration.source == "gallery"


def test_no_other_way_is_known(engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match="must be one of mean, weighted"):
        combine(engine, "median")  # type: ignore[arg-type]  # wrong on purpose
