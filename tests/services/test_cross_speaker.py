"""A gallery teaches its own threshold, without being asked and whatever process answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from speakerid.db.repositories import utterances
from speakerid.scoring.calibration import MIN_SPEAKERS, OwnStrangers
from speakerid.services import cross_speaker, galleries, judge
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.identify import identify
from speakerid.services.verify import verify
from speakerid.types import FloatArray, Threshold
from tests.conftest import STORES
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, probe
from tests.services.enrolled import add_gallery, add_speaker, erase_speaker, made_up, near, probe_of

PEOPLE = 12
both_stores = pytest.mark.parametrize("store_kind", STORES)


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def voices(people: int, alike: float = 0.0) -> list[FloatArray]:
    """Directions whose cosines are about `alike`."""
    common, share = unit(10_000), np.sqrt(alike)
    rows = [share * common + np.sqrt(1.0 - alike) * unit(number) for number in range(people)]
    return [(row / np.linalg.norm(row)).astype(np.float32) for row in rows]


def fill(engine: Engine, gallery: str = "default", people: int = PEOPLE, alike: float = 0.0, each: int = 2) -> None:
    for number, voice in enumerate(voices(people, alike)):
        takes = (near(voice, 0.98, seed=100 * number + take) for take in range(each))
        add_speaker(engine, f"Speaker {number}", *map(made_up, takes), gallery=gallery)


def strangers(engine: Engine, gallery: str = "default") -> OwnStrangers | None:
    return engine.own_strangers(galleries.get(engine, gallery).key)


def threshold(engine: Engine, gallery: str = "default", compared: int = PEOPLE) -> Threshold:
    row = galleries.get(engine, gallery)
    return judge.threshold(engine, row, engine.calibration, compared, engine.own_strangers(row.key))


@both_stores
def test_every_utterance_is_asked_among_the_other_speakers(engine: Engine) -> None:
    fill(engine)
    found = strangers(engine)
    prints, rows, owners = _everything(engine)
    cosines = rows @ prints.T
    cosines[np.arange(len(rows)), owners] = -1.0
    best = cosines.max(axis=1)
    assert found is not None
    assert (found.speakers, found.compared) == (PEOPLE, PEOPLE - 1)
    assert found.mean == pytest.approx(float(best.mean()), abs=1e-6)


def _everything(engine: Engine) -> tuple[FloatArray, FloatArray, np.ndarray]:
    with engine.read() as db:
        rows = utterances.every(db, galleries.get(engine, "default").key)
    keys, owners = np.unique([row.speaker_key for row in rows], return_inverse=True)
    embeddings = np.stack([row.embedding for row in rows])
    sums = np.stack([embeddings[owners == place].sum(axis=0) for place in range(len(keys))])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True), embeddings, owners


def test_speakers_who_are_alike_raise_the_threshold_and_answers_say_so(engine: Engine) -> None:
    add_gallery(engine, "alike")
    fill(engine)
    fill(engine, "alike", alike=0.85)
    apart, alike = threshold(engine), threshold(engine, "alike")
    assert alike.llr > apart.llr
    assert alike.source == f"target_fpir=0.01, gallery of {PEOPLE}, its own strangers' scores"
    answer = identify(engine, galleries.get(engine, "alike"), probe(ADA))
    assert answer.threshold == alike
    assert answer.calibration == "default"


def test_verify_is_taught_too(engine: Engine) -> None:
    add_gallery(engine, "alike")
    fill(engine, "alike", alike=0.85)
    gallery = galleries.get(engine, "alike")
    ada = add_speaker(engine, "Ada", probe_of(engine, probe(ADA)), gallery="alike").id
    found, own, default = (
        verify(engine, gallery, ada, probe(ADA)).threshold,
        strangers(engine, "alike"),
        engine.calibration,
    )
    assert found is not None
    assert found.llr == pytest.approx(default.llr_of(default.strangers.taught(own, 1, 0.01)))
    assert found.llr > default.llr_of(default.strangers.threshold(1, 0.01))


def test_few_speakers_teach_nothing(engine: Engine) -> None:
    fill(engine, people=MIN_SPEAKERS - 1)
    assert strangers(engine) is None
    assert "strangers" not in threshold(engine).source


def test_an_empty_gallery_teaches_nothing(engine: Engine) -> None:
    assert strangers(engine) is None


def test_a_small_gallery_is_measured_after_every_change(engine: Engine) -> None:
    fill(engine)
    before = strangers(engine)
    ada = add_speaker(engine, "Ada", probe_of(engine, probe(ADA)))
    with_ada = strangers(engine)
    assert before is not None
    assert with_ada is not None
    assert with_ada.speakers == PEOPLE + 1
    erase_speaker(engine, ada.id)
    assert strangers(engine) == before


def test_a_large_gallery_is_measured_when_enough_has_changed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_speaker, "ALWAYS_BELOW", PEOPLE)
    monkeypatch.setattr(cross_speaker, "CHANGED", 2 / PEOPLE)
    fill(engine)
    with measured(monkeypatch) as times:
        strangers(engine)
        for number in range(5):
            add_speaker(engine, f"More {number}", made_up(unit(500 + number)))
            strangers(engine)
    assert times == [PEOPLE, PEOPLE + 3]


def test_no_one_who_was_erased_is_left_in_the_scores_of_a_large_gallery(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_speaker, "ALWAYS_BELOW", PEOPLE)
    monkeypatch.setattr(cross_speaker, "CHANGED", 1.0)
    fill(engine)
    before = strangers(engine)
    ada = add_speaker(engine, "Ada", probe_of(engine, probe(ADA)))
    assert strangers(engine) == before
    erase_speaker(engine, ada.id)
    with measured(monkeypatch) as times:
        assert strangers(engine) == before
    assert times == [PEOPLE]


@both_stores
def test_a_gallery_that_another_process_fills_teaches_from_the_first_look(
    engine: Engine, open_engine: EngineMaker, store_url: str
) -> None:
    other = open_engine(store_url)
    assert strangers(other) is None
    fill(engine)
    assert strangers(other) == strangers(engine) is not None


@contextmanager
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes of the galleries that were measured."""
    times: list[int] = []
    real = cross_speaker._measured

    def counted(*arguments: object) -> object:
        times.append(len(arguments[2]))  # type: ignore[arg-type]  # the keys
        return real(*arguments)  # type: ignore[arg-type]  # passed on as they are

    with monkeypatch.context() as patch:
        patch.setattr(cross_speaker, "_measured", counted)
        yield times


@both_stores
def test_every_process_finds_the_same(engine: Engine, open_engine: EngineMaker, store_url: str) -> None:
    fill(engine)
    other = open_engine(store_url)
    assert strangers(other) == strangers(engine)
    add_speaker(engine, "Ada", probe_of(engine, probe(ADA)))
    assert strangers(other) == strangers(engine)


def test_of_a_large_gallery_a_sample_is_taken(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_speaker, "MOST_UTTERANCES", 10)
    fill(engine, people=20, each=1)
    found = strangers(engine)
    assert found is not None
    assert (found.speakers, found.compared) == (10, 9)


def test_galleries_that_were_filled_in_turns_are_sampled_alike(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_speaker, "MOST_UTTERANCES", 10)
    add_gallery(engine, "other")
    for number in range(20):
        for gallery in ("default", "other"):
            add_speaker(engine, f"Speaker {number}", made_up(unit(number)), gallery=gallery)
    for gallery in ("default", "other"):
        found = strangers(engine, gallery)
        assert found is not None
        assert 8 <= found.speakers <= 12


def test_galleries_teach_themselves_alone(engine: Engine) -> None:
    add_gallery(engine, "strict", GallerySettings(target_fpir=0.001))
    fill(engine, "strict", alike=0.85)
    assert strangers(engine) is None
    assert strangers(engine, "strict") is not None


def test_one_person_under_two_names_does_not_raise_the_threshold(engine: Engine) -> None:
    fill(engine, people=2 * PEOPLE, each=1)
    before = strangers(engine)
    for number, voice in enumerate(voices(PEOPLE // 3)):
        again = near(voice, 0.98, seed=100 * number)
        add_speaker(engine, f"Again {number}", made_up(again, audio=b"sent again" + again.tobytes()))
    now = strangers(engine)
    assert before is not None
    assert now is not None
    assert now.speakers == before.speakers - PEOPLE // 3
    assert now.mean + 2 * now.deviation == pytest.approx(before.mean + 2 * before.deviation, abs=0.05)


def test_damaged_utterances_are_left_out(engine: Engine) -> None:
    fill(engine, each=1)
    with engine.write() as db:
        for row in utterances.every(db, galleries.get(engine, "default").key)[: PEOPLE - 2]:
            row.embedding = unit(1, dim=5)
    found = strangers(engine)
    assert found is None or found.speakers <= 2
