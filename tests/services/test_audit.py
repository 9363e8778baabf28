"""What an audit finds in a store, and that doing what it suggests puts the gallery in order."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audit.leave_one_out import unit as normalized
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderMismatch, GalleryNotFound
from speakerid.services import galleries, speakers
from speakerid.services.audit import audit, whole
from speakerid.services.engine import Engine
from speakerid.services.repair import merge, move
from speakerid.types import Audit, Finding, FloatArray, Speech, to_json
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import SPEECH, add_gallery, add_speaker, enroll_voice, made_up

NOISY = Speech(seconds=1.2, snr_db=3.0, clipping_ratio=0.05, bandwidth_hz=8000)
AXES = np.eye(32, dtype=np.float32)  # voices that have nothing in common


def said_by(axis: int, seed: int) -> FloatArray:
    """An utterance of the voice along this axis: cosine 0.94 with it, about 0.89 with its other utterances."""
    noise = 0.065 * np.random.default_rng(1000 * axis + seed).standard_normal((1, 32))
    found: FloatArray = normalized(AXES[axis] + noise)[0]
    return found


def add_people(engine: Engine, count: int = 6, gallery: str = "default") -> list[str]:
    """Ids of sound speakers with three utterances and 12 s of speech each."""
    return [
        add_speaker(engine, f"P{axis}", *(made_up(said_by(axis, n)) for n in range(3)), gallery=gallery).id
        for axis in range(count)
    ]


def look(engine: Engine, gallery: str = "default") -> Audit:
    return audit(engine, galleries.get(engine, gallery))


def only(answer: Audit, kind: str) -> Finding:
    (found,) = (one for one in answer.findings if one.kind == kind)
    return found


def kinds(answer: Audit) -> list[str]:
    return [one.kind for one in answer.findings]


def test_a_sound_gallery(engine: Engine) -> None:
    add_people(engine)
    answer = look(engine)
    assert (answer.speakers, answer.utterances, answer.findings) == (6, 18, ())
    assert (answer.gallery, answer.encoder, answer.calibration) == ("default", engine.encoder_label, "default")


def test_an_empty_gallery_and_a_speaker_without_a_voice(engine: Engine) -> None:
    assert look(engine).findings == ()
    ada = add_speaker(engine, "Ada")
    finding = only(look(engine), "weak_voiceprint")
    assert (finding.speaker.id, finding.figures.utterances, finding.figures.speech_seconds) == (ada.id, 0, 0.0)
    assert finding.reasons == ("too_little_speech", "too_few_utterances")


def test_a_wrong_label_is_moved(engine: Engine) -> None:
    people = add_people(engine)
    wrong = enroll_voice(engine, people[1], made_up(said_by(4, 9))).utterance.id
    answer = look(engine)
    finding = only(answer, "mislabeled")
    assert kinds(answer) == ["mislabeled"]
    assert finding.other is not None
    assert (finding.speaker.id, finding.other.id, finding.utterances) == (people[1], people[4], (wrong,))
    assert finding.figures.probability is not None
    assert finding.figures.own_llr is not None
    assert finding.figures.other_llr is not None
    assert finding.figures.probability > 0.99
    assert finding.figures.own_llr < 0 < finding.figures.other_llr
    assert all(word in finding.sentence for word in (wrong, "P1", "P4"))
    todo = finding.suggestion
    assert todo.action == "move_utterance"
    assert todo.utterance is not None
    assert todo.to is not None
    with engine.write() as db:
        move(db, galleries.get(engine, "default"), todo.speaker, todo.utterance, todo.to)
    assert look(engine).findings == ()


def test_a_stranger_under_a_name_is_erased(engine: Engine) -> None:
    people = add_people(engine)
    wrong = enroll_voice(engine, people[2], made_up(said_by(20, 1))).utterance.id
    finding = only(look(engine), "mislabeled")
    assert (finding.other, finding.suggestion.action, finding.utterances) == (None, "delete_utterance", (wrong,))
    with engine.write(erase=True) as db:
        speakers.delete_utterance(db, galleries.get(engine, "default"), people[2], wrong)
    assert look(engine).findings == ()


def test_poor_audio_that_fits_no_one_is_junk(engine: Engine) -> None:
    people = add_people(engine)
    bad = enroll_voice(engine, people[2], made_up(said_by(20, 1), speech=NOISY)).utterance
    finding = only(look(engine), "junk")
    assert (finding.speaker.id, finding.utterances, finding.suggestion.utterance) == (people[2], (bad.id,), bad.id)
    assert finding.reasons == ("short", "noisy", "clipped")
    assert finding.figures.speech == NOISY
    assert finding.suggestion.action == "delete_utterance"


def test_one_voice_under_two_names_is_merged_into_the_fuller_one(engine: Engine) -> None:
    people = add_people(engine)
    twin = add_speaker(engine, "Twin", *(made_up(said_by(3, 10 + n)) for n in range(2)))
    finding = only(look(engine), "duplicate_speakers")
    assert finding.other is not None
    assert (finding.speaker.id, finding.other.id) == (twin.id, people[3])
    assert finding.figures.likeness == pytest.approx(1.0, abs=0.1)
    todo = finding.suggestion
    assert (todo.action, todo.speaker, todo.to) == ("merge_speakers", twin.id, people[3])
    with engine.write() as db:
        merge(db, galleries.get(engine, "default"), twin.id, people[3])
    assert look(engine).findings == ()


def test_of_two_that_differ_one_is_wrong(engine: Engine) -> None:
    add_people(engine)
    pair = add_speaker(engine, "Ada", made_up(said_by(20, 1)), made_up(said_by(21, 1)))
    answer = look(engine)
    finding = only(answer, "mismatched_pair")
    assert kinds(answer) == ["mismatched_pair", "weak_voiceprint"]
    assert (finding.speaker.id, len(set(finding.utterances)), finding.suggestion.action) == (pair.id, 2, "enroll_more")
    enroll_voice(engine, pair.id, made_up(said_by(21, 2)))
    decided = only(look(engine), "mislabeled")
    assert (decided.utterances[0] in finding.utterances, decided.suggestion.action) == (True, "delete_utterance")


def test_weak_voiceprints_say_why(engine: Engine) -> None:
    add_people(engine)
    short = Speech(seconds=2.0, snr_db=30.0, clipping_ratio=0.0, bandwidth_hz=8000)
    brief = add_speaker(engine, "Brief", *(made_up(said_by(20, n), speech=short) for n in range(3)))
    alone = add_speaker(engine, "Alone", made_up(said_by(21, 1), speech=Speech(30.0, 30.0, 0.0, 8000)))
    mixed = add_speaker(engine, "Mixed", *(made_up(said_by(22 + n, 1)) for n in range(3)))
    found = {one.speaker.id: one for one in look(engine).findings}
    assert {one.kind for one in found.values()} == {"weak_voiceprint"}
    assert {key: one.reasons for key, one in found.items()} == {
        brief.id: ("too_little_speech",),
        alone.id: ("too_few_utterances",),
        mixed.id: ("low_cohesion",),
    }
    assert found[brief.id].figures.speech_seconds == 6.0
    cohesion = found[mixed.id].figures.cohesion_llr
    assert cohesion is not None
    assert cohesion < 0
    assert {one.suggestion.action for one in found.values()} == {"enroll_more"}


def test_galleries_are_audited_apart(engine: Engine) -> None:
    add_gallery(engine, "other")
    add_people(engine)
    add_people(engine, gallery="other")
    assert [look(engine, name).findings for name in ("default", "other")] == [(), ()]


def test_every_finding_becomes_json(engine: Engine) -> None:
    """No number of an array, and no infinity, is left in it."""
    add_speaker(engine, "Ada", made_up(unit(1)), made_up(unit(2)), made_up(unit(1) * np.float32(0.999)))
    answer = to_json(look(engine))
    assert all(isinstance(one["sentence"], str) for one in answer["findings"])
    assert answer["findings"]


def test_refusals(engine: Engine, open_engine: EngineMaker, store_url: str) -> None:
    add_gallery(engine, "team")
    gone = galleries.get(engine, "team")
    with engine.write(erase=True) as db:
        galleries.delete(db, "team")
    with pytest.raises(GalleryNotFound):
        audit(engine, gone)
    add_people(engine, 2)
    with pytest.raises(EncoderMismatch):
        look(open_engine(store_url, encoder=FakeEncoder(dim=48), calibrated=False))
    assert look(open_engine(store_url, calibrated=False)).calibration == "generic"


def test_it_changes_nothing(engine: Engine) -> None:
    people = add_people(engine, 3)
    enroll_voice(engine, people[0], made_up(said_by(2, 9), speech=SPEECH))
    assert look(engine) == look(engine)


def test_a_large_gallery_is_audited_page_by_page(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the others as voiceprints, the pages find what the whole does, and a duplicate once."""
    people = add_people(engine)
    add_speaker(engine, "P0 again", *(made_up(said_by(0, n)) for n in range(3, 6)))
    wrong = enroll_voice(engine, people[1], made_up(said_by(5, 9))).utterance.id
    at_once = look(engine)
    assert at_once.next_cursor is None
    monkeypatch.setattr("speakerid.services.audit.MOST_COMPARISONS", 2 * 3 * 7)
    first = look(engine)
    assert first.next_cursor is not None
    assert (first.speakers, first.utterances) == (7, 3)  # the next one has four
    paged = whole(engine, galleries.get(engine, "default"))
    assert (paged.utterances, paged.next_cursor) == (at_once.utterances, None)

    def found(report: Audit) -> set[tuple[str, str, str | None]]:
        return {(one.kind, one.speaker.id, one.other.id if one.other else None) for one in report.findings}

    assert found(paged) == found(at_once)
    assert len(paged.findings) == len(at_once.findings)
    assert [one.utterances for one in paged.findings if one.kind == "mislabeled"] == [(wrong,)]
    assert sum(one.kind == "duplicate_speakers" for one in paged.findings) == 1


def test_a_speaker_with_too_many_utterances_is_a_page_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_people(engine, 3)
    monkeypatch.setattr("speakerid.services.audit.MOST_COMPARISONS", 1)
    assert look(engine).utterances == 3
    assert whole(engine, galleries.get(engine, "default")).utterances == 9
