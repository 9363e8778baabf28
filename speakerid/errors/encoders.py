"""Encoders, and what is fitted for them."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class EncoderError(SpeakeridError):
    code = "encoder_error"


class EncoderNotFound(EncoderError):
    code = "encoder_not_found"


class EncoderMismatch(EncoderError):
    code = "encoder_mismatch"

    def __init__(self, gallery: str, made_with: str, running: str) -> None:
        super().__init__(
            f"Gallery {gallery!r} was enrolled with encoder {made_with}, but {running} is running. Their embeddings "
            "cannot be compared. Start with that encoder, or enroll into a new gallery."
        )


class EncoderInputInvalid(EncoderError):
    code = "encoder_input_invalid"


class EncoderFailed(EncoderError):
    code = "encoder_failed"


class CalibrationMissing(EncoderError):
    code = "calibration_missing"


class CalibrationUnreadable(EncoderError):
    code = "calibration_unreadable"
