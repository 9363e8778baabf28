"""What can go wrong while training, adapting or exporting an encoder; each class has a stable `code`."""

from __future__ import annotations

from pathlib import Path

from speakerid.errors import SpeakeridError


class TrainingError(SpeakeridError, code="training_error"): ...


class TooFewSpeakers(TrainingError, code="too_few_training_speakers"):
    def __init__(self, root: Path, found: int, needed: int) -> None:
        super().__init__(f"{root} holds {found} labeled speaker(s); training needs {needed} or more, one folder each.")


class NoTrainingAudio(TrainingError, code="no_training_audio"):
    def __init__(self, root: Path) -> None:
        super().__init__(f"No audio file (.wav, .flac, .opus, .ogg, .mp3, .m4a, .mp4 or .webm) below {root}.")


class UnreadableTrainingAudio(TrainingError, code="unreadable_training_audio"):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be decoded ({reason}).")


class TrainingAudioTooShort(TrainingError, code="training_audio_too_short"):
    def __init__(self, path: Path, found_s: float, needed_s: float) -> None:
        super().__init__(f"{path} holds {found_s:.2f} s of sound, {needed_s:.2f} s are needed.")


class CheckpointWriteFailed(TrainingError, code="checkpoint_write_failed"):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Writing {path} failed ({reason}). The checkpoint before it is untouched; free some space.")


class CheckpointMismatch(TrainingError, code="checkpoint_mismatch"):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be resumed: {reason}. Use the options it was written with, or another folder.")


class ModelGotWorse(TrainingError, code="model_got_worse"):
    def __init__(self, before: float, after: float) -> None:
        super().__init__(
            f"Held-out EER went from {before:.2f} % to {after:.2f} %: not saved. Pass --allow-worse to keep it."
        )


class ExportUnsupported(TrainingError, code="export_unsupported"): ...


class ExportParityError(TrainingError, code="export_parity"):
    def __init__(self, worst_cosine: float, needed: float) -> None:
        super().__init__(
            f"The exported graph differs from encode_batch: cosine {worst_cosine:.7f}, needed {needed:.5f}. Not kept."
        )


class ClassifierExportDiffers(TrainingError, code="classifier_export_differs"):
    def __init__(self, classifier: str, difference: float, allowed: float) -> None:
        super().__init__(
            f"The graph made of {classifier} gives probabilities that differ from SpeechBrain's by {difference:.4f}, "
            f"allowed is {allowed:g}. Not kept. A published model can be used as it is, with the extra 'models'."
        )


class NotTrainable(TrainingError, code="not_trainable"):
    def __init__(self, encoder: str, reason: str) -> None:
        super().__init__(
            f"{encoder!r} cannot be trained: {reason}. Give 'ecapa-mini', a SpeechBrain model directory or a hub name."
        )


class NoHeldOutSpeakers(TrainingError, code="no_held_out_speakers"):
    """No speaker could be kept aside, so nothing could show whether the model got worse."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"Of {found} usable speaker(s) none can be held out: {needed} are needed, so that 2 are left to learn from "
            "and the others show whether it helped. More speakers are needed. Where 'speakerid finetune' shall go "
            "unchecked, it takes --held-out 0 --allow-worse."
        )


class NoHeldOutTrials(TrainingError, code="no_held_out_trials"):
    def __init__(self, needed_s: float) -> None:
        super().__init__(
            "No held-out speaker has two recordings, or one long enough to be halved "
            f"({needed_s:.1f} s), so there is no pair of one speaker to score. Add recordings."
        )


class UncheckedModel(TrainingError, code="unchecked_model"):
    def __init__(self) -> None:
        super().__init__(
            "With --held-out 0 nothing shows whether the model got worse. Pass --allow-worse to save it unchecked."
        )


class UnfaithfulCopy(TrainingError, code="unfaithful_copy"):
    def __init__(self, cosine: float) -> None:
        super().__init__(
            f"The written directory gives other embeddings than the model that was trained (cosine {cosine:.5f}). "
            "Not kept: its hyperparams.yaml does something this command does not know."
        )


class DeviceMissing(TrainingError, code="device_missing"):
    def __init__(self, device: str) -> None:
        super().__init__(f"There is no {device} device here. Leave --device out, or pass --device cpu.")
