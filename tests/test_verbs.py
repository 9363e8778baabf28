"""SpeakerID: the same verbs and answers from Python."""

from __future__ import annotations

import asyncio
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from speakerid import SpeakerID, samples
from speakerid.audio.decode import decode
from speakerid.classification.backbones import EncoderBackbone
from speakerid.classification.classifier import ClassifierCard, TrainedClassifier
from speakerid.classification.heads import Head
from speakerid.db.models import GalleryRow
from speakerid.db.store_file import SqliteFile
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    ClassifierNotFound,
    DoesNotMatchSpeaker,
    EmptyAudio,
    FileMissing,
    GalleryNotFound,
    InvalidRequest,
    NotOpen,
    NoVoiceprint,
    SettingsError,
    SpeakerNotFound,
    StoreNewer,
    StoreReadOnly,
    StoreUnavailable,
    TooFewTrials,
    TooLittleSpeech,
    UndoImpossible,
    UtteranceElsewhere,
    VoiceAlreadyEnrolled,
)
from speakerid.services import galleries, repair, speakers
from speakerid.services.engine import Engine
from speakerid.services.recordings import results
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


def test_classifiers_of_the_models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One on the very encoder that is loaded, by a head that finds every voice alike."""
    monkeypatch.setenv("SPEAKERID_MODELS", str(tmp_path))
    encoder = EncoderBackbone(FakeEncoder())
    card = ClassifierCard("moods", encoder.name, encoder.fingerprint)
    flat = np.zeros(FakeEncoder().dim, np.float32)
    head = Head(
        ("calm", "cross"), "mean", flat, flat + 1, np.stack([flat, flat]), np.array([1, 0], np.float32), 1.0, 0.5
    )
    TrainedClassifier(card, head, encoder).save(tmp_path / "classifiers" / "moods")
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid:
        assert [one.labels for one in sid.classifiers()] == [("calm", "cross")]
        assert sid.classify(probe(ADA), "moods").label == "calm"
        assert sid.classify((decode(probe(ADA)), 16_000), "moods", top_k=1).scores[0].label == "calm"
        assert [one.label for one in sid.identify(probe(ADA), classifiers="moods").classes] == ["calm"]
        with pytest.raises(ClassifierNotFound):
            sid.classify(probe(ADA), str(tmp_path / "classifiers" / "moods"))


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


def test_a_recording_that_is_kept_is_called_after_its_file_or_as_it_is_told(
    sid: SpeakerID, engine: Engine, tmp_path: Path
) -> None:
    sid.change_gallery("default", keep_unknown_voices=True)
    file = tmp_path / "Monday stand-up.opus"
    file.write_bytes(probe(ADA))
    ids = [sid.recording(file).id, sid.recording(file, name=" other ").id, sid.recording(probe(ADA)).id]
    with engine.read() as db:
        names = {one.id: one.name for one in results.page(db, _gallery(sid)).items}
    assert [names[one or ""] for one in ids] == ["Monday stand-up", "other", None]
    with pytest.raises(InvalidRequest, match="'name'"):
        sid.recording(file, name="a\nb")


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


def test_closing_twice_is_once_and_what_is_closed_says_so(tmp_path: Path) -> None:
    sid = SpeakerID.open(tmp_path / "voices.db", encoder="fake")
    sid.close()
    sid.close()
    for use in (lambda: sid.identify(probe(ADA)), sid.speakers, lambda: sid.embedding(probe(ADA))):
        with pytest.raises(NotOpen, match="was closed"):
            use()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_is_told_to_open_its_own(tmp_path: Path) -> None:
    """The thread that embeds is not in it: it would wait for ever."""
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid:
        child = os.fork()
        if child == 0:
            try:
                sid.embedding(probe(ADA))
            except NotOpen:
                sid.close()  # leaves the connections of the parent alone
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sid.speakers() == []
        with pytest.raises(NotOpen, match="open it there"):
            pickle.dumps(sid)


def test_an_event_loop_that_runs_is_no_obstacle(sid: SpeakerID) -> None:
    """As in a notebook."""

    async def cell() -> str:
        sid.enroll("Ada", utterance(ADA))
        return sid.identify(probe(ADA)).decision

    assert asyncio.run(cell()) == "accept"


def test_threads_share_one(sid: SpeakerID) -> None:
    sid.enroll("Ada", utterance(ADA))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: sid.identify(probe(ADA)).decision, range(16)))
    assert found == ["accept"] * 16


def test_a_store_that_may_only_be_read_is_opened_and_says_so_when_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid:
        sid.enroll("Ada", utterance(ADA))
    monkeypatch.setattr(SqliteFile, "writable", False)
    with SpeakerID.open(tmp_path / "voices.db", encoder="fake") as sid:
        assert sid.identify(probe(ADA)).decision == "accept"
        assert sid.recording(probe(ADA)).voices[0].decision == "accept"
        with pytest.raises(StoreReadOnly):
            sid.enroll("Ben", utterance(BEN))
        assert os.listdir(tmp_path) == ["voices.db"]


def test_a_wrong_setting_is_a_sentence_in_python_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_PRIOR", "often")
    with pytest.raises(SettingsError, match="Correct SPEAKERID_PRIOR"):
        SpeakerID.open(tmp_path / "voices.db", encoder="fake")


def _gallery(sid: SpeakerID) -> GalleryRow:
    return galleries.get(sid.engine, sid.gallery)


def test_a_store_is_opened_as_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_STORE", str(tmp_path / "there.db"))
    monkeypatch.setenv("SPEAKERID_ENCODER", "fake")
    with SpeakerID.open() as sid:
        assert sid.galleries()[0].encoder.startswith("fake@")
    assert (tmp_path / "there.db").exists()
    monkeypatch.setenv("SPEAKERID_ENCODER", "no-such-encoder")
    with SpeakerID.open(tmp_path / "here.db", encoder="fake"):
        assert (tmp_path / "here.db").exists()
