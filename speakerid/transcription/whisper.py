"""Words of a recording by a Whisper model, through faster-whisper (the extra `transcribe`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from speakerid.audio.limits import SAMPLE_RATE_HZ, check_not_cancelled
from speakerid.encoders.registry import HUB_NAME
from speakerid.errors import TranscriberUnusable, TranscriptionRefused
from speakerid.errors.extras import require
from speakerid.types import FloatArray, Hints, Passage, Span, Transcript, Word

FILES = ("model.bin", "config.json", "tokenizer.json")  # without the last one its loader asks the model hub
JOINED = 5 * SAMPLE_RATE_HZ  # samples: each piece that is heard by itself costs a window of 30 s
PAD = SAMPLE_RATE_HZ // 5
BEAMS = 5
# Until one is sure enough, where it is asked for none or for 0. Whisper itself tries six: what cannot be understood
# takes six times as long as what can.
TEMPERATURES = (0.0, 0.4, 0.8)


class Transcriber(Protocol):
    """Safe to share between threads."""

    def load(self) -> None:
        """Now, not on first use. Raises TranscriberUnusable, ExtraMissing."""

    def check(self, hints: Hints) -> None:
        """Raises TranscriptionRefused for a language that the model does not know."""

    def transcript(self, samples: FloatArray, speech: Sequence[Span], hints: Hints) -> Transcript:
        """What is said in `samples (n,)` at 16 kHz, where there is `speech`. Raises ClientGone."""


class Whisper:
    """A model in the form of CTranslate2: a directory, or a name on the model hub."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._model: Any = None
        self._lock = Lock()

    def load(self) -> None:
        with self._lock:
            if self._model is None:
                self._model = _loaded(self._where)

    def check(self, hints: Hints) -> None:
        self.load()
        known = self._model.supported_languages
        if hints.language is not None and hints.language not in known:
            there_is = "English (en) only" if len(known) == 1 else f"{len(known)} languages by their ISO 639-1 codes"
            raise TranscriptionRefused("language", f"The server's transcriber knows {there_is}. Leave it out.")

    def transcript(self, samples: FloatArray, speech: Sequence[Span], hints: Hints) -> Transcript:
        self.check(hints)
        seconds, clips = len(samples) / SAMPLE_RATE_HZ, _clips(speech, len(samples))
        if not clips:
            return Transcript(seconds, None, ())
        found, info = self._model.transcribe(
            samples,
            language=hints.language,
            initial_prompt=hints.prompt,
            temperature=hints.temperature or TEMPERATURES,
            beam_size=BEAMS,
            word_timestamps=True,
            condition_on_previous_text=False,  # one window that went wrong would spoil the next
            clip_timestamps=clips,
        )
        return Transcript(seconds, info.language, tuple(_passages(found)))


def _loaded(where: str) -> Any:
    """Raises TranscriberUnusable, ExtraMissing."""
    require("faster_whisper")
    from faster_whisper import WhisperModel  # 0.2 s, which only a server with a transcriber needs

    from speakerid.encoders.model_hub import refuse_unreachable  # comes with it

    _check_place(where)
    refuse_unreachable(where, TranscriberUnusable, FILES[0])
    try:
        return WhisperModel(where, compute_type="auto")
    except Exception as error:  # CTranslate2's, tokenizers' and the hub's share no other base
        raise _unusable(where, str(error)) from error


def _check_place(where: str) -> None:
    """What is neither a whole directory nor a name of the hub is never looked for anywhere else."""
    folder = Path(where)
    if folder.is_dir():
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise _unusable(where, f"it has no {missing[0]}")
    elif not HUB_NAME.fullmatch(where):
        raise _unusable(where, "there is no such directory")


def _unusable(where: str, why: str) -> TranscriberUnusable:
    return TranscriberUnusable(
        f"{where} is no Whisper model for faster-whisper ({why.rstrip('.')}). Set SPEAKERID_TRANSCRIBER to a directory "
        "with model.bin, config.json and tokenizer.json, or to a name on the model hub."
    )


def _clips(speech: Sequence[Span], samples: int) -> list[float]:
    """Start, end, start, end, … in seconds: speech and short pauses. In long ones Whisper hears what is not there."""
    found: list[list[int]] = []
    for start, end in sorted(speech):
        if found and start - found[-1][1] < JOINED:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return [place / SAMPLE_RATE_HZ for start, end in found for place in (max(start - PAD, 0), min(end + PAD, samples))]


def _passages(found: Iterable[Any]) -> Iterable[Passage]:
    """They are found while this goes on. Raises ClientGone."""
    for one in found:
        check_not_cancelled()
        yield Passage(
            start=float(one.start),
            end=float(one.end),
            text=one.text,
            words=tuple(Word(float(word.start), float(word.end), word.word) for word in one.words or ()),
            tokens=tuple(one.tokens),
            seek=int(one.seek),
            temperature=float(one.temperature),
            average_log_probability=float(one.avg_logprob),
            compression_ratio=float(one.compression_ratio),
            no_speech_probability=float(one.no_speech_prob),
        )
