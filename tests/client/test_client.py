from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from speakerid import samples
from speakerid.client import Client, ClientError
from speakerid.services import keys
from speakerid.services.engine import Engine
from tests.client.through import Through
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services import kept


def test_enroll_makes_the_speaker_once_and_finds_it_by_name(voices: Client) -> None:
    first = voices.enroll("Ada", utterance(ADA, 0))
    second = voices.enroll(" Ada ", utterance(ADA, 1), utterance(ADA, 2))
    assert first.speaker.id == second.speaker.id
    assert second.speaker.utterances == 3
    assert second.speaker.status == "enrolled"
    assert [one.name for one in voices.speakers()] == ["Ada"]


def test_enroll_again_changes_nothing(voices: Client) -> None:
    voices.enroll("Ada", utterance(ADA))
    again = voices.enroll("Ada", utterance(ADA))
    assert again.already_enrolled
    assert again.speaker.utterances == 1


def test_enroll_takes_paths_and_ids(voices: Client) -> None:
    made = voices.create_speaker("Ada", external_id="hr-1", metadata={"team": "x"})
    done = voices.enroll(made.id, samples.voices()[ADA].enroll[0], str(samples.voices()[ADA].enroll[1]))
    assert done.speaker.id == made.id
    assert done.speaker.utterances == 2


def test_enroll_for_an_unknown_id_makes_no_speaker(voices: Client) -> None:
    with pytest.raises(ClientError) as refused:
        voices.enroll("spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3", utterance(ADA))
    assert refused.value.code == "speaker_not_found"
    assert voices.speakers() == []


def test_a_refused_first_recording_leaves_no_speaker(voices: Client) -> None:
    with pytest.raises(ClientError) as refused:
        voices.enroll("Ada", silence())
    assert (refused.value.code, refused.value.status) == ("too_little_speech", 422)
    assert refused.value.request_id
    assert voices.speakers() == []


def test_what_the_coach_refuses_can_be_accepted(voices: Client) -> None:
    voices.enroll("Ada", utterance(ADA, 0))
    with pytest.raises(ClientError) as refused:
        voices.enroll("Eve", utterance(ADA, 1))
    assert (refused.value.code, refused.value.status) == ("voice_already_enrolled", 409)
    assert refused.value.facts["speaker_id"] == voices.speaker("Ada").id
    assert [one.name for one in voices.speakers()] == ["Ada"]
    done = voices.enroll("Eve", utterance(ADA, 1), accept=["voice_already_enrolled"])
    assert done.utterance.accepted == ("voice_already_enrolled",)
    assert voices.enroll("Eve", utterance(BEN), accept="does_not_match_speaker").utterance.accepted == (
        "does_not_match_speaker",
    )


def test_a_refused_later_recording_keeps_the_earlier_ones(voices: Client) -> None:
    with pytest.raises(ClientError):
        voices.enroll("Ada", utterance(ADA), silence())
    assert voices.speaker("Ada").utterances == 1


def test_a_file_may_come_as_its_bytes_or_opened(voices: Client) -> None:
    data = probe(ADA)
    answers = [voices.identify(audio) for audio in (data, bytearray(data), memoryview(data), io.BytesIO(data))]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("audio", [None, 3, (np.zeros(16_000), 16_000), io.StringIO("text")])
def test_what_is_no_file_is_refused_in_words(voices: Client, audio: Any) -> None:
    for verb in (voices.identify, voices.send_recording):
        with pytest.raises(ClientError, match=r"no audio \(type .*Pass a path") as refused:
            verb(audio)
        assert refused.value.code == "unsupported_audio"


def test_a_missing_file_sends_nothing(voices: Client, tmp_path: Path) -> None:
    with pytest.raises(ClientError) as refused:
        voices.enroll("Ada", utterance(ADA), tmp_path / "no.wav")
    assert (refused.value.code, refused.value.status) == ("file_missing", None)
    assert voices.speakers() == []


def test_enroll_without_a_recording_is_refused(voices: Client) -> None:
    with pytest.raises(ClientError, match="No recording"):
        voices.enroll("Ada")


def test_identify_names_the_known_and_only_them(voices: Client) -> None:
    voices.enroll("Ada", utterance(ADA, 0), utterance(ADA, 1))
    voices.enroll("Ben", utterance(BEN, 0), utterance(BEN, 1))
    named = voices.identify(probe(BEN), top_k=1)
    assert (named.decision, named.speaker and named.speaker.name, len(named.candidates)) == ("accept", "Ben", 1)
    assert voices.identify(stranger()).decision == "unknown"
    assert voices.identify(silence()).decision == "not_enough_speech"


def test_verify_by_name_and_by_id(voices: Client) -> None:
    ada = voices.enroll("Ada", utterance(ADA, 0), utterance(ADA, 1)).speaker.id
    assert voices.verify("Ada", probe(ADA)).decision == "accept"
    assert voices.verify(ada, probe(BEN)).decision == "reject"


def test_a_name_is_the_same_however_it_is_written(voices: Client) -> None:
    first = voices.enroll("Zoe\u0308, AC/DC", utterance(ADA, 0)).speaker
    assert voices.enroll("ZOË,  AC/DC", utterance(ADA, 1)).speaker.id == first.id
    assert voices.speaker("zoë, ac/dc").id == first.id
    job = voices.send_recording(utterance(ADA, 2), candidates=["ZOË, AC/DC"])
    assert job.options.candidates == (first.id,)
    with pytest.raises(ClientError, match=r"speaker 'Zoe\u0308, AC/DC' \(spk_"):
        voices.enroll("Eve", utterance(ADA, 0))


def test_two_speakers_of_one_name_need_an_id(voices: Client) -> None:
    ids = [voices.create_speaker("Ada").id for _ in range(2)]
    with pytest.raises(ClientError, match=f"{ids[0]}, {ids[1]}") as refused:
        voices.verify("Ada", probe(ADA))
    assert (refused.value.code, refused.value.status, refused.value.facts) == (
        "ambiguous_name",
        422,
        {"speaker_ids": ids},
    )


def test_speakers_are_found_page_after_page(voices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.client.wire.PAGE_ROWS", 2)
    names = [voices.create_speaker(f"S{number}", external_id=f"e{number}").name for number in range(5)]
    assert [one.name for one in voices.speakers()] == names
    assert [one.name for one in voices.speakers(external_id="e3")] == ["S3"]
    assert [one.name for one in voices.speakers(name="S1")] == ["S1"]


def test_speakers_change_and_go(voices: Client) -> None:
    voices.create_speaker("Ada")
    assert voices.change_speaker("Ada", name="Ada L.", consent={"given": "2026-01-31"}).name == "Ada L."
    voices.delete("Ada L.")
    with pytest.raises(ClientError) as refused:
        voices.delete("Ada L.")
    assert (refused.value.code, refused.value.status) == ("speaker_not_found", 404)


def test_audit_repair_and_undo(voices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.client.wire.PAGE_ROWS", 2)
    voices.enroll("Ada", *(utterance(ADA, n) for n in range(3)))
    voices.enroll("Ben", *(utterance(BEN, n) for n in range(3)))
    voices.enroll("Ben", probe(ADA), accept="does_not_match_speaker")
    (finding,) = voices.audit().findings
    wrong = finding.suggestion.utterance
    assert wrong is not None
    assert finding.suggestion.action == "move_utterance"
    assert voices.move("Ben", wrong, "Ada").change.utterances == (wrong,)
    assert voices.audit().findings == ()
    voices.enroll("Twin", probe(BEN), accept="voice_already_enrolled")
    change = voices.merge("Twin", "Ben").change.id
    voices.create_speaker("Eve")
    voices.merge("Eve", "Ben")
    assert [one.kind for one in voices.history()] == ["merge", "merge", "move"]
    assert voices.undo(change).speakers[0].name == "Twin"
    assert voices.undo().speakers[0].name == "Eve"
    assert voices.delete_utterance("Ada", wrong).utterances == 3
    with pytest.raises(ClientError) as refused:
        voices.undo()
    assert (refused.value.code, refused.value.status) == ("undo_impossible", 409)


def test_unknown_voices(engine: Engine, voices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.client.wire.PAGE_ROWS", 2)
    assert voices.change_gallery("default", keep_unknown_voices=True).keep_unknown_voices
    for seed in (1, 2, 3, 1):
        kept.keep_recording(engine, kept.stranger(unit(seed)), gallery="default")
    first, second, third = (one.id for one in voices.unknowns())
    assert [one.id for one in voices.unknowns(min_recordings=2)] == [first]
    assert len(voices.unknown(first).hearings) == 2
    made = voices.promote(first, "Ada", consent={"given": "2026-01-31"}).speaker
    assert (made.name, made.consent) == ("Ada", {"given": "2026-01-31"})
    with pytest.raises(ClientError) as refused:
        voices.promote(second, "Ada")
    assert (refused.value.code, refused.value.status) == ("does_not_match_speaker", 409)
    assert voices.promote(second, "Ada", accept=["does_not_match_speaker"]).speaker.id == made.id
    voices.dismiss(third)
    assert voices.unknowns() == []


def test_galleries_are_walls(client: TestClient, voices: Client) -> None:
    assert voices.create_gallery("team", target_fpir=0.05).target_fpir == 0.05
    assert voices.change_gallery("team", keep_audio=True).keep_audio
    with Client("http://127.0.0.1/", gallery="team", transport=Through(client)) as team:
        team.enroll("Ada", utterance(ADA))
        assert voices.identify(probe(ADA)).decision == "no_speakers"
    assert [one.name for one in voices.galleries()] == ["default", "team"]
    voices.delete_gallery("team")
    assert [one.name for one in voices.galleries()] == ["default"]


def test_names_with_slashes_stay_inside_their_path(voices: Client) -> None:
    with pytest.raises(ClientError) as refused:
        voices.speaker("../../default")
    assert refused.value.status == 404


def test_embedding_and_readiness(voices: Client) -> None:
    answer = voices.embedding(probe(ADA))
    assert len(answer.embedding) == answer.dim
    assert voices.ready().ready is True


def test_the_key_is_sent_and_an_id_needs_no_reading(client: TestClient, engine: Engine, voices: Client) -> None:
    ada = voices.enroll("Ada", utterance(ADA)).speaker.id
    with engine.write() as db:
        secret = keys.create(db, "door", ("identify",)).secret
    with pytest.raises(ClientError) as refused:
        voices.identify(probe(ADA))
    assert refused.value.code == "key_missing"
    with Client("http://127.0.0.1", secret, transport=Through(client)) as door:
        assert door.verify(ada, probe(ADA)).decision == "accept"


def test_calibrate_and_go_back(voices: Client) -> None:
    with pytest.raises(ClientError) as refused:
        voices.calibrate()
    assert (refused.value.code, refused.value.status) == ("too_few_trials", 409)
    for name, voice in samples.voices().items():
        voices.enroll(name, *voice.enroll)
    assert not voices.calibrate(dry_run=True).stored
    assert voices.calibrate().stored
    assert voices.identify(probe(ADA)).calibration == "gallery"
    assert voices.reset_calibration().calibration.source == "default"
