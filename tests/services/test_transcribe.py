"""Who said what within a request: the caller's own speakers, those of the gallery, letters for others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from speakerid.audio.decode import as_wav, decode
from speakerid.db.models import Base
from speakerid.errors import TranscriptionRefused
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.transcribe import KnownSpeaker, transcribe, transcribe_diarized
from speakerid.types import DiarizedTranscript, Hints
from tests.sampled import ADA, BEN, probe, silence, utterance
from tests.services.enrolled import add_speaker, probe_of
from tests.services.recorded import MEETING
from tests.transcription.parrot import Parrot

PLAIN = Hints()


@pytest.fixture(params=["sqlite"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """What is read is read as identify reads it."""
    kind: str = request.param
    return kind


def asked(engine: Engine, *known: KnownSpeaker, audio: bytes = MEETING) -> DiarizedTranscript:
    return transcribe_diarized(engine, galleries.get(engine, "default"), audio, known, PLAIN)


def enroll(engine: Engine, voice: str, *numbers: int) -> None:
    add_speaker(engine, voice, *(probe_of(engine, utterance(voice, nth)) for nth in numbers))


def rows(engine: Engine) -> dict[str, int]:
    """How many each table has."""
    with engine.read() as db:
        tables = Base.metadata.sorted_tables
        return {one.name: db.scalar(select(func.count()).select_from(one)) or 0 for one in tables}


def speakers(found: DiarizedTranscript) -> list[str]:
    return [one.speaker for one in found.turns]


class TestSpeakers:
    def test_have_letters_where_nobody_knows_them(self, engine: Engine) -> None:
        assert speakers(asked(engine)) == ["A", "B", "A", "B"]

    def test_have_the_names_of_the_gallery(self, engine: Engine) -> None:
        enroll(engine, ADA, 0, 1)
        assert speakers(asked(engine)) == [ADA, "A", ADA, "A"]

    def test_have_the_names_that_the_caller_brings(self, engine: Engine) -> None:
        found = asked(engine, KnownSpeaker("Ada", utterance(ADA)), KnownSpeaker("Ben", utterance(BEN)))
        assert speakers(found) == ["Ada", "Ben", "Ada", "Ben"]

    def test_the_callers_name_is_used_for_one_who_is_enrolled_as_well(self, engine: Engine) -> None:
        for voice in (ADA, BEN):
            enroll(engine, voice, 0, 1)
        assert speakers(asked(engine, KnownSpeaker("Ada", utterance(ADA, 2)))) == ["Ada", BEN, "Ada", BEN]

    def test_a_letter_that_is_somebodys_name_is_left_out(self, engine: Engine) -> None:
        assert speakers(asked(engine, KnownSpeaker("a", utterance(ADA)))) == ["a", "B", "a", "B"]

    def test_two_who_are_called_the_same_are_told_apart(self, engine: Engine) -> None:
        enroll(engine, BEN, 0, 1)
        (known, enrolled, *_) = speakers(asked(engine, KnownSpeaker(BEN.upper(), utterance(ADA))))
        assert known == BEN.upper()
        assert enrolled.startswith("spk_")

    def test_a_reference_of_nobody_in_the_recording_names_nobody(self, engine: Engine) -> None:
        audio = as_wav((decode(probe(BEN)), 16_000))
        assert speakers(asked(engine, KnownSpeaker("Ada", utterance(ADA)), audio=audio)) == ["A"]


class TestAReference:
    @pytest.mark.parametrize("audio", [b"no audio at all", b"", silence()])
    def test_that_is_of_no_use_is_named_by_its_place(self, engine: Engine, audio: bytes) -> None:
        with pytest.raises(TranscriptionRefused, match=r"^known_speaker_references\[1\]: ") as refused:
            asked(engine, KnownSpeaker("Ada", utterance(ADA)), KnownSpeaker("Ben", audio))
        assert refused.value.facts == {"param": "known_speaker_references[1]"}

    def test_that_is_too_long_is_refused(self, engine: Engine) -> None:
        long = as_wav((np.tile(decode(utterance(ADA)), 6), 16_000))
        with pytest.raises(TranscriptionRefused, match="30 seconds of a reference"):
            asked(engine, KnownSpeaker("Ada", long))

    def test_leaves_nothing_in_the_store(self, engine: Engine) -> None:
        before = rows(engine)
        asked(engine, KnownSpeaker("Ada", utterance(ADA)))
        assert rows(engine) == before


class TestWords:
    def test_go_to_the_turns_they_were_said_in(self, engine: Engine) -> None:
        parrot = Parrot()
        found = asked(replace(engine, transcriber=parrot))
        assert [one.text for one in found.turns] == ["word0", "word1", "word2", "word3"]
        assert found.text == "word0 word1 word2 word3"
        ((samples, speech, hints),) = parrot.asked
        assert samples == pytest.approx(found.seconds * 16_000)
        assert [round(start / 16_000, 3) for start, _ in speech] == [one.start for one in found.turns]
        assert [round(end / 16_000, 3) for _, end in speech] == [one.end for one in found.turns]
        assert hints == PLAIN

    def test_are_empty_without_a_transcriber(self, engine: Engine) -> None:
        found = asked(engine)
        assert {one.text for one in found.turns} == {""}
        assert found.text == ""

    def test_alone_need_no_gallery(self, engine: Engine) -> None:
        assert transcribe(engine, Parrot(), MEETING, PLAIN).text == "word0 word1 word2 word3"

    def test_in_a_language_that_is_not_known_are_refused_before_any_work(self, engine: Engine) -> None:
        hints, gallery = Hints(language="de"), galleries.get(engine, "default")
        with pytest.raises(TranscriptionRefused):
            transcribe_diarized(replace(engine, transcriber=Parrot()), gallery, b"no audio", (), hints)
        with pytest.raises(TranscriptionRefused):
            transcribe(engine, Parrot(), b"no audio", hints)


def test_silence_has_no_turns(engine: Engine) -> None:
    found = asked(replace(engine, transcriber=Parrot()), audio=silence())
    assert (found.turns, found.text) == ((), "")
