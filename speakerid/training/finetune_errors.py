"""What can go wrong beyond `errors.py` when users train or adapt an encoder of their own."""

from __future__ import annotations

from speakerid.training.errors import TrainingError


class NotTrainable(TrainingError):
    code = "not_trainable"

    def __init__(self, encoder: str, reason: str) -> None:
        super().__init__(
            f"{encoder!r} cannot be fine-tuned: {reason}. Give 'bundled', a SpeechBrain model directory or a hub name."
        )


class NoHeldOutSpeakers(TrainingError):
    """Nobody could be kept aside, so nothing could say whether the model got worse."""

    code = "no_held_out_speakers"

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"Of {found} usable speaker(s) none can be held out: {needed} are needed, so that 2 are left to learn from "
            "and the others tell whether it helped. Add speakers, or pass --held-out 0 --allow-worse to go unchecked."
        )
        self.found = found


class NoHeldOutTrials(TrainingError):
    code = "no_held_out_trials"

    def __init__(self, needed_s: float) -> None:
        super().__init__(
            "No held-out speaker has two recordings, or one long enough to be halved "
            f"({needed_s:.1f} s), so there is no pair of one voice to score. Add recordings."
        )


class UncheckedModel(TrainingError):
    code = "unchecked_model"

    def __init__(self) -> None:
        super().__init__(
            "With --held-out 0 nobody can say whether the model got worse. Pass --allow-worse to save it unchecked."
        )


class UnfaithfulCopy(TrainingError):
    code = "unfaithful_copy"

    def __init__(self, cosine: float) -> None:
        super().__init__(
            f"The written directory gives other embeddings than the model that was trained (cosine {cosine:.5f}). "
            "Not kept: its hyperparams.yaml does something this command does not know."
        )


class DeviceMissing(TrainingError):
    code = "device_missing"

    def __init__(self, device: str) -> None:
        super().__init__(f"There is no {device} device here. Leave --device out, or pass --device cpu.")
