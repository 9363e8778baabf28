"""The one place that builds the objects and wires them together."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from speakerid.audio.limits import DecodeLimits
from speakerid.audio.prepare import Preparer
from speakerid.audio.recorder import Recorder
from speakerid.audio.vad import SileroVad
from speakerid.db.engine import open_database
from speakerid.db.erasure import AT_START, FINISH, Effort
from speakerid.db.migrate import upgrade
from speakerid.encoders import registry
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.batching import Batcher
from speakerid.errors import CalibrationMissing, CohortInvalid
from speakerid.index.faiss import FaissFlatIndex
from speakerid.scoring.calibration import Calibration, from_json
from speakerid.scoring.coach import UNFITTED, Limits
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.scorer import Scorer
from speakerid.services.engine import Engine, Policy
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync
from speakerid.services.recordings.notify import Notice
from speakerid.services.recordings.worker import Worker
from speakerid.settings import Settings

STEREO_SAMPLES_PER_S = 2 * 48_000


def build_engine(settings: Settings, encoder: Encoder | None = None, *, effort: Effort = FINISH) -> Engine:
    """Open the store, bring it to the newest schema, load the encoder. `effort`: see Engine.

    Raises StoreError, EncoderError.
    """
    encoder = encoder or load_encoder(settings.encoder, settings)
    scorer = load_scorer(encoder, settings)
    limits = load_limits(encoder, settings)
    with ExitStack() as undo:
        database = open_database(settings.store)
        undo.callback(database.close)
        upgrade(database)
        database.scrub(AT_START)
        batcher = Batcher(encoder, max_queue=settings.max_queue)
        undo.callback(batcher.close)
        engine = Engine(
            database=database,
            encoder=batcher,
            preparer=Preparer(SileroVad(), decode_limits(settings)),
            indexes=IndexSync(database, FaissFlatIndex, encoder),
            scorer=scorer,
            limits=limits,
            policy=Policy(prior=settings.prior),
            recorder=Recorder(recording_limits(settings), fetched_segmentation(settings)),
            effort=effort,
        )
        ensure_default(engine)
        undo.pop_all()  # from here on Engine.close does it
    return engine


def load_encoder(spec: str = "default", settings: Settings | None = None) -> Encoder:
    """The encoder that `spec` names, on this machine: `default`, `campplus`, a file, a directory, a hub name.

    Raises EncoderNotFound. A directory or hub name can run code: pass only what the operator chose.
    """
    return registry.load_encoder(spec, (settings or Settings()).models_folder)


def fitted_calibration(settings: Settings) -> Path:
    """The file with what was fitted for the encoder of `settings`, if it has one."""
    return settings.calibration or registry.calibration_file(_named(settings))


def fitted_cohort(settings: Settings) -> Path:
    """The file with the cohort of AS-norm for the encoder of `settings`, if it has one."""
    return settings.cohort or registry.cohort_file(_named(settings))


def _named(settings: Settings) -> str:
    return registry.resolve(settings.encoder, settings.models_folder)


def decode_limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(max_seconds=settings.max_audio_seconds, max_channels=settings.max_channels)


def recording_limits(settings: Settings) -> DecodeLimits:
    """Up to stereo at 48 kHz in full length."""
    seconds = settings.max_recording_seconds
    return DecodeLimits(seconds, settings.max_channels, int(seconds * STEREO_SAMPLES_PER_S))


def fetched_segmentation(settings: Settings) -> Path | None:
    """The segmentation model, where it is fetched."""
    graph = registry.fetched_graph(settings.models_folder, "segmentation")
    return graph if graph.is_file() else None


def build_worker(engine: Engine, settings: Settings, jobs: int) -> Worker:
    """`jobs` recordings at a time."""
    secret = settings.webhook_secret
    return Worker(engine, jobs, Notice(secret.get_secret_value() if secret else None, settings.webhook_private))


def load_scorer(encoder: Encoder, settings: Settings) -> Scorer | None:
    """None when no calibration was fitted for the encoder. Raises CalibrationMissing, CohortInvalid."""
    fitted = load_calibrations(encoder, fitted_calibration(settings))
    if not fitted:
        return None
    cohort = load_cohort(encoder, fitted_cohort(settings))
    score = settings.score or ("asnorm" if any(one.score == "asnorm" for one in fitted) else "cosine")
    for calibration in fitted:
        if calibration.score == score and bool(calibration.quality) == settings.quality:
            return Scorer(calibration, cohort)
    raise CalibrationMissing(
        f"No calibration was fitted for score={score} and quality={settings.quality}. Change SPEAKERID_SCORE or "
        "SPEAKERID_QUALITY, or fit one with 'python -m speakerid.evaluation.calibrate'."
    )


def load_calibrations(encoder: Encoder, file: Path) -> tuple[Calibration, ...]:
    """Those in `file`, none when there is no such file. Raises CalibrationMissing when they are another encoder's."""
    if not file.is_file():
        return ()
    try:
        fitted = from_json(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationMissing(f"{file.name} is not a calibration file: {error}. Fit it again.") from None
    if any(one.fingerprint != encoder.fingerprint for one in fitted):
        raise CalibrationMissing(
            f"The calibration in {file.name} was fitted for another encoder than {label(encoder)}. Fit it again."
        )
    return fitted


def load_cohort(encoder: Encoder, file: Path) -> Cohort | None:
    """The cohort in `file`, None when there is no such file. Raises CohortInvalid when it is another encoder's."""
    if not file.is_file():
        return None
    cohort = Cohort.from_bytes(file.read_bytes())
    if cohort.fingerprint != encoder.fingerprint:
        raise CohortInvalid(f"The cohort in {file.name} was made with another encoder than {label(encoder)}.")
    return cohort


def limits_file(calibration: Path) -> Path:
    """The enrollment coach's limits lie beside the calibration, whose llrs they are: `NAME.coach.json`."""
    return calibration.with_name(calibration.name.removesuffix("json").removesuffix("calibration.") + "coach.json")


def load_limits(encoder: Encoder, settings: Settings) -> Limits:
    """`UNFITTED` when none were fitted for the encoder. Raises CalibrationMissing when they are another encoder's."""
    file = limits_file(fitted_calibration(settings))
    if not file.is_file():
        return UNFITTED
    try:
        limits = Limits.from_json(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationMissing(f"{file.name} holds no enrollment limits: {error}. Fit them again.") from None
    if limits.fingerprint != encoder.fingerprint:
        raise CalibrationMissing(
            f"The enrollment limits in {file.name} were fitted for another encoder than {label(encoder)}. Fit them "
            "again with 'python -m speakerid.evaluation.coach'."
        )
    return limits
