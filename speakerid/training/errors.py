"""What can go wrong while training, adapting or exporting an encoder; each class has a stable `code`."""

from __future__ import annotations

from pathlib import Path

from speakerid.errors import SpeakeridError


class TrainingError(SpeakeridError):
    code = "training_error"


class TooFewSpeakers(TrainingError):
    code = "too_few_training_speakers"

    def __init__(self, root: Path, found: int, needed: int) -> None:
        super().__init__(f"{root} holds {found} labeled speaker(s); training needs {needed} or more, one folder each.")
        self.found = found


class NoTrainingAudio(TrainingError):
    code = "no_training_audio"

    def __init__(self, root: Path) -> None:
        super().__init__(f"No .wav, .flac, .opus, .ogg, .mp3 or .m4a file below {root}.")


class UnreadableTrainingAudio(TrainingError):
    code = "unreadable_training_audio"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be decoded ({reason}). Remove the file or pass skip_bad=True.")
        self.path = path


class TrainingAudioTooShort(TrainingError):
    code = "training_audio_too_short"

    def __init__(self, path: Path, found_s: float, needed_s: float) -> None:
        super().__init__(
            f"{path} holds {found_s:.2f} s of sound, {needed_s:.2f} s are needed. Remove it or pass skip_bad=True."
        )
        self.path = path


class TeacherMissing(TrainingError):
    code = "teacher_missing"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The teacher (PyPI: resemblyzer, librosa, webrtcvad, setuptools<80) cannot be used: {reason}")


class CheckpointWriteFailed(TrainingError):
    code = "checkpoint_write_failed"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Writing {path} failed ({reason}). The checkpoint before it is untouched; free some space.")
        self.path = path


class CheckpointMismatch(TrainingError):
    code = "checkpoint_mismatch"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be resumed: {reason}. Use the recipe it was written with, or another folder.")


class ModelGotWorse(TrainingError):
    code = "model_got_worse"

    def __init__(self, before: float, after: float) -> None:
        super().__init__(
            f"Held-out EER went from {before:.2f} % to {after:.2f} %: not saved. Pass allow_worse=True to keep it."
        )


class ExportUnsupported(TrainingError):
    code = "export_unsupported"


class ExportParityError(TrainingError):
    code = "export_parity"

    def __init__(self, worst_cosine: float, needed: float) -> None:
        super().__init__(
            f"The exported graph differs from encode_batch: cosine {worst_cosine:.7f}, needed {needed:.5f}. Not kept."
        )
        self.worst_cosine = worst_cosine
