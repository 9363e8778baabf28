"""The one place that builds the objects and wires them together."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from speakerid.audio.limits import DecodeLimits
from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.db.engine import open_database
from speakerid.db.erasure import AT_START, FINISH, Effort
from speakerid.db.migrate import upgrade
from speakerid.encoders import registry
from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.errors import ModelDamaged
from speakerid.index.faiss import FaissFlatIndex
from speakerid.models.catalog import CATALOG, SEGMENTATION
from speakerid.models.store import is_whole
from speakerid.scoring.fitted import Fitted, find_or_generic
from speakerid.services.engine import Engine, Policy
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import Worker
from speakerid.settings import Settings

STEREO_SAMPLES_PER_S = 2 * 48_000


def build_engine(settings: Settings, encoder: Encoder | None = None, *, effort: Effort = FINISH) -> Engine:
    """Open the store, bring it to the newest schema, load the encoder. `effort`: see Engine.

    Raises StoreError, EncoderError, ModelDamaged.
    """
    encoder = encoder or load_encoder(settings.encoder, settings)
    fitted = load_fitted(encoder, settings)
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
            calibration=fitted.calibration,
            limits=fitted.limits,
            policy=Policy(prior=settings.prior),
            long_audio=LongAudioReader(recording_limits(settings), fetched_segmentation(settings)),
            effort=effort,
        )
        ensure_default(engine)
        undo.pop_all()  # from here on Engine.close does it
    return engine


def load_encoder(spec: str = "default", settings: Settings | None = None) -> Encoder:
    """The encoder that `spec` names, on this machine: `default`, `campplus`, a file, a directory, a hub name.

    Raises EncoderNotFound, ModelDamaged. A directory or hub name can run code: pass only what the operator chose.
    """
    models = (settings or Settings()).models_folder
    for name in registry.needed(spec, models):
        _refuse_damaged(name, models)
    return registry.load_encoder(spec, models)


def load_fitted(encoder: Encoder, settings: Settings | None = None) -> Fitted:
    """What was fitted on this machine for `encoder`, what ships for it, or the prior. Raises CalibrationUnreadable."""
    folders = ((settings or Settings()).models_folder / "fitted", registry.FITTED)
    return find_or_generic(encoder.fingerprint, folders)


def decode_limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(max_seconds=settings.max_audio_seconds, max_channels=settings.max_channels)


def recording_limits(settings: Settings) -> DecodeLimits:
    """Up to stereo at 48 kHz in full length."""
    seconds = settings.max_recording_seconds
    return DecodeLimits(seconds, settings.max_channels, int(seconds * STEREO_SAMPLES_PER_S))


def fetched_segmentation(settings: Settings) -> Path | None:
    """The segmentation model, where it is fetched. Raises ModelDamaged."""
    _refuse_damaged(SEGMENTATION.name, settings.models_folder)
    graph = SEGMENTATION.graph(settings.models_folder)
    return graph if graph.is_file() else None


def _refuse_damaged(name: str, models: Path) -> None:
    """A fetched model is the one that was measured, or it is not used: another would give other answers unnoticed."""
    model = next(one for one in CATALOG if one.name == name)
    if model.graph(models).is_file() and not is_whole(model, models):
        raise ModelDamaged(name, str(models))


def build_worker(engine: Engine, settings: Settings, jobs: int) -> Worker:
    """`jobs` recordings at a time."""
    secret = settings.webhook_secret
    return Worker(engine, jobs, Notice(secret.get_secret_value() if secret else None, settings.webhook_private))
