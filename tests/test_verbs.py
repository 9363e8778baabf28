"""SpeakerID: the same verbs and answers from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from speakerid import SpeakerID, samples
from speakerid.audio.decode import decode
from speakerid.db.models import GalleryRow
from speakerid.errors import (
    DoesNotMatchSpeaker,
    EmptyAudio,
    FileMissing,
    GalleryNotFound,
    InvalidRequest,
    NoVoiceprint,
    SpeakerNotFound,
    StoreNewer,
    StoreUnavailable,
    TooFewTrials,
    TooLittleSpeech,
    UndoImpossible,
    UtteranceElsewhere,
    VoiceAlreadyEnrolled,
)
from speakerid.services import galleries, repair, speakers
from speakerid.services.engine import Engine
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    return SpeakerID(engine)


def test_three_lines_are_enough(tmp_path: Path) -> None:
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid:
        sid.enroll("Ada", *samples.voices()[ADA].enroll)
        assert sid.identify(samples.voices()[ADA].probes[0]).decision == "accept"
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as again:
        assert [one.name for one in again.speakers()] == ["Ada"]
        answer = again.identify(probe(ADA))
        assert answer.speaker is not None
        assert answer.speaker.name == "Ada"


def test_enroll_by_name_makes_the_speaker_once(sid: SpeakerID) -> None:
    first = sid.enroll("Ada", utterance(ADA, 0))
    second = sid.enroll(" Ada ", utterance(ADA, 1))
    third = sid.enroll(first.speaker.id, utterance(ADA, 2))
    assert first.speaker.id == second.speaker.id == third.speaker.id
    assert third.speaker.utterances == 3


def test_enroll_is_all_or_nothing(sid: SpeakerID) -> None:
    sid.enroll("Ben", utterance(BEN))
    for bad, error in ((silence(), TooLittleSpeech), (b"", EmptyAudio), (utterance(BEN), UtteranceElsewhere)):
        with pytest.raises(error):
            sid.enroll("Ada", utterance(ADA, 0), bad, utterance(ADA, 1))
        assert [one.name for one in sid.speakers()] == ["Ben"]
    with pytest.raises(InvalidRequest):
        sid.enroll("Ada")


def test_what_the_coach_refuses_can_be_accepted(sid: SpeakerID) -> None:
    sid.enroll("Ada", utterance(ADA, 0))
    with pytest.raises(VoiceAlreadyEnrolled):
        sid.enroll("Eve", utterance(ADA, 1), accept="clipped")
    assert [one.name for one in sid.speakers()] == ["Ada"]
    done = sid.enroll("Eve", utterance(ADA, 1), accept=["voice_already_enrolled"])
    assert done.utterance.accepted == ("voice_already_enrolled",)
    with pytest.raises(InvalidRequest, match="everything"):
        sid.enroll("Eve", utterance(ADA, 2), accept="everything")


def test_recordings_sent_together_are_compared_with_each_other(sid: SpeakerID) -> None:
    with pytest.raises(DoesNotMatchSpeaker):
        sid.enroll("Ada", utterance(ADA), utterance(BEN))
    assert sid.speakers() == []


def test_paths_bytes_and_samples_are_the_same_voice(sid: SpeakerID) -> None:
    path = samples.voices()[ADA].probes[0]
    sid.enroll("Ada", utterance(ADA))
    answers = [sid.identify(one) for one in (path, str(path), path.read_bytes(), (decode(path.read_bytes()), 16_000))]
    llrs = [answer.candidates[0].llr for answer in answers]
    np.testing.assert_allclose(llrs, llrs[0], atol=1e-4)
    stereo = np.stack([decode(path.read_bytes())] * 2)
    assert sid.identify((stereo, 16_000)).candidates[0].llr == pytest.approx(llrs[0], abs=1e-3)


def test_verify_by_name_or_id(sid: SpeakerID) -> None:
    ada = sid.enroll("Ada", utterance(ADA)).speaker.id
    assert [sid.verify(who, probe(ADA)).decision for who in ("Ada", ada)] == ["accept", "accept"]
    assert sid.verify("Ada", probe(BEN)).decision == "reject"
    with pytest.raises(SpeakerNotFound):
        sid.verify("Eve", probe(ADA))


def test_a_stranger_is_unknown(sid: SpeakerID) -> None:
    sid.enroll("Ada", utterance(ADA))
    assert sid.identify(stranger()).decision == "unknown"


def test_a_name_of_two_speakers_is_not_guessed(sid: SpeakerID, engine: Engine) -> None:
    for _ in range(2):
        with engine.write() as db:
            speakers.create(db, _gallery(sid), speakers.SpeakerFields(name="Ada"))
    ids = [one.id for one in sid.speakers()]
    for ask in (lambda: sid.enroll("Ada", utterance(ADA)), lambda: sid.delete("Ada")):
        with pytest.raises(InvalidRequest) as caught:
            ask()
        assert all(one in str(caught.value) for one in ids)
    with pytest.raises(NoVoiceprint):
        sid.verify(ids[0], probe(ADA))


def test_deleting_erases(sid: SpeakerID) -> None:
    sid.enroll("Ada", utterance(ADA))
    sid.delete("Ada")
    assert sid.speakers() == []
    assert sid.identify(probe(ADA)).decision == "no_speakers"
    with pytest.raises(SpeakerNotFound):
        sid.delete("Ada")


def test_audit_repair_and_undo(sid: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "PAGE_LIMIT", 1)
    sid.enroll("Ada", *(utterance(ADA, n) for n in range(3)))
    sid.enroll("Ben", *(utterance(BEN, n) for n in range(3)))
    wrong = sid.enroll("Ben", probe(ADA), accept="does_not_match_speaker").utterance.id
    (finding,) = sid.audit().findings
    assert (finding.kind, finding.utterances) == ("mislabeled", (wrong,))
    sid.move("Ben", wrong, "Ada")
    assert sid.audit().findings == ()
    sid.merge("Ada", "Ben")
    assert [one.kind for one in sid.history()] == ["merge", "move"]
    assert sid.undo().change.kind == "merge"
    assert sid.delete_utterance("Ada", wrong).utterances == 3
    with pytest.raises(UndoImpossible):
        sid.undo()


def test_all_speakers_are_listed(sid: SpeakerID, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setattr(speakers, "PAGE_LIMIT", 3)
    for number in range(7):
        with engine.write() as db:
            speakers.create(db, _gallery(sid), speakers.SpeakerFields(name=f"Speaker {number}"))
    assert len({one.id for one in sid.speakers()}) == 7


def test_calibrate_looks_keeps_and_goes_back(sid: SpeakerID) -> None:
    with pytest.raises(TooFewTrials):
        sid.calibrate()
    for name, voice in samples.voices().items():
        sid.enroll(name, *voice.enroll)
    assert not sid.calibrate(dry_run=True).stored
    assert sid.identify(probe(ADA)).calibration == "default"
    assert sid.calibrate().stored
    assert sid.identify(probe(ADA)).calibration == "gallery"
    assert sid.reset_calibration().calibration.source == "default"


def test_a_gallery_has_to_be_there(engine: Engine) -> None:
    with pytest.raises(GalleryNotFound):
        SpeakerID(engine, gallery="team").identify(probe(ADA))


def test_files_that_are_not_there(sid: SpeakerID, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.wav", tmp_path):
        with pytest.raises(FileMissing):
            sid.identify(path)


def test_a_store_that_cannot_be_used_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        SpeakerID.open(tmp_path / "nowhere" / "voices.db", encoder="fake")
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid, sid.engine.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreNewer):
        SpeakerID.open(tmp_path / "voices.db", encoder="fake")


def _gallery(sid: SpeakerID) -> GalleryRow:
    return galleries.get(sid.engine, sid.gallery)
