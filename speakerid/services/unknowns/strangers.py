"""Which voices of a recording are nobody enrolled."""

from __future__ import annotations

from speakerid.scoring.decision import even_odds_llr, somebody_llr
from speakerid.services.recording import DiarizedRecording
from speakerid.services.unknowns.keep import Stranger
from speakerid.types import RecordedVoice, Recording


def strangers(heard: DiarizedRecording, saved: Recording) -> list[Stranger]:
    """Of what was `heard`, under the labels of the answer that is `saved`."""
    voices = zip(heard.recording.voices, saved.voices, heard.probes, strict=True)
    return [
        Stranger(
            label=kept.voice,
            turns=_turns(saved, kept.voice),
            speech=kept.speech,
            embedding=probe,
        )
        for voice, kept, probe in voices
        if _is_nobody(voice, heard)
    ]


def _is_nobody(voice: RecordedVoice, heard: DiarizedRecording) -> bool:
    """Not merely without a name: less likely anybody enrolled than nobody. Who was erased since had a name.

    Not by the candidates' probabilities: they are below one half wherever there is no name.
    """
    if voice.decision not in ("unknown", "no_speakers"):
        return False
    llrs = [one.llr for one in voice.candidates]
    return somebody_llr(llrs, max(heard.enrolled, len(llrs))) < even_odds_llr(heard.recording.prior)


def _turns(saved: Recording, voice: str) -> tuple[tuple[float, float], ...]:
    """Where to listen: where nobody else speaks, if there is such a turn."""
    own = [turn for turn in saved.turns if turn.voice == voice]
    return tuple((turn.start, turn.end) for turn in [one for one in own if not one.overlap] or own)
