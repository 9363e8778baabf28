"""The one place that builds the objects and wires them together."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from speakerid.audio.children.pool import AVAILABLE
from speakerid.audio.decode import Preparer
from speakerid.audio.limits import DecodeLimits
from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.audio.vad import SileroVad
from speakerid.classification import backbones, classifier
from speakerid.classification.backbones import Backbone, EncoderBackbone
from speakerid.classification.classifier import Classifier, ClassifierFolder
from speakerid.classification.forward_queue import ForwardQueue
from speakerid.db import pgvector
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import Database, open_database
from speakerid.db.erasure import AT_START, FINISH, Effort
from speakerid.db.migrate import upgrade
from speakerid.db.repositories import changes
from speakerid.db.unlock import is_encrypted, unlock
from speakerid.encoders import registry
from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.errors import BackboneNotFound, SettingsError, StoreUnavailable
from speakerid.index.faiss import LayeredIndex
from speakerid.models.catalog import SEGMENTATION
from speakerid.models.store import load_checked, refuse_damaged
from speakerid.scoring.fitted import Fitted, find_or_generic
from speakerid.services.encoder_workers.pool import EncoderWorkerPool
from speakerid.services.encoder_workers.wire import WorkerSetup
from speakerid.services.engine import UNTRACED, Engine, Policy, Traces
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync
from speakerid.services.moving.bring_in import clear_leftovers
from speakerid.services.neighbors import Indexes
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import Worker
from speakerid.services.reembedding.work import Mover
from speakerid.services.snapshots import Snapshots
from speakerid.services.store_indexes import StoreIndexes
from speakerid.settings import Settings
from speakerid.transcription.whisper import Whisper

STEREO_SAMPLES_PER_S = 2 * 48_000


Access = Literal["read", "change", "create"]


def build_engine(
    settings: Settings,
    encoder: Encoder | None = None,
    *,
    effort: Effort = FINISH,
    access: Access = "create",
    traces: Traces = UNTRACED,
) -> Engine:
    """Open the store, bring it to the newest schema, load the encoder. `effort`: see Engine.

    A store that is missing is made with `access` "create" only; with "read" nothing is written that is not needed.
    Raises StoreError, EncoderError, ModelDamaged.
    """
    encoder = encoder or load_encoder(settings.encoder, settings)
    fitted = load_fitted(encoder, settings)
    with ExitStack() as undo:
        database = open_database(settings.store, create=access == "create")
        undo.callback(database.close)
        upgrade(database)
        unlock(database, MasterKey.given(settings.master_key_file))
        snapshots = kept_snapshots(database, settings)
        if access != "read":
            _finish_erasures(database, snapshots)
        batcher = Batcher(encoder, max_queue=settings.max_queue, step=traces.step)
        undo.callback(batcher.close)
        engine = Engine(
            database=database,
            encoder=batcher,
            preparer=Preparer(SileroVad(), decode_limits(settings), traces.step),
            indexes=_indexes(database, encoder, snapshots),
            calibration=fitted.calibration,
            limits=fitted.limits,
            policy=Policy(prior=settings.prior),
            long_audio=LongAudioReader(recording_limits(settings), fetched_segmentation(settings)),
            classifiers=ClassifierFolder(
                settings.classifiers_folder,
                lambda name: _backbone(name, batcher, settings),
                ForwardQueue(settings.max_queue),
                shipped=classifier.SHIPPED,
            ),
            transcriber=Whisper(settings.transcriber) if settings.transcriber else None,
            traces=traces,
            effort=effort,
        )
        with suppress(StoreUnavailable) if access == "read" else nullcontext():
            ensure_default(engine)
        if access != "read":
            clear_leftovers(engine)
        undo.pop_all()  # from here on Engine.close does it
    return engine


def _indexes(database: Database, encoder: Encoder, snapshots: Snapshots) -> Indexes:
    """In memory, or PostgreSQL searches: so `speakerid db pgvector` has it, for every process on the store alike."""
    with database.read() as db:
        if not pgvector.exists(db):
            return IndexSync(database, LayeredIndex, encoder, snapshots)
    with suppress(OSError):  # another user's
        snapshots.clear()
    return StoreIndexes(database, encoder)


def kept_snapshots(database: Database, settings: Settings) -> Snapshots:
    """Of large galleries' indexes: none of an encrypted store, whose voiceprints lie nowhere else."""
    return Snapshots(snapshots_folder(database, settings), may_write=not is_encrypted(database))


def snapshots_folder(database: Database, settings: Settings) -> Path:
    """Where snapshots of large galleries' indexes lie."""
    if database.file is None:
        return settings.snapshots_folder
    file = database.file.resolve()
    return file.with_name(f"{file.name}.snapshots")


def with_other_encoders(engine: Engine, settings: Settings) -> Engine:
    """The same, that serves galleries of the encoders beside it, too. Raises EncoderError, ModelDamaged."""
    others, known = list[Engine](), {engine.encoder.fingerprint}
    for spec in settings.encoders_beside:
        encoder = load_encoder(spec, settings)
        if encoder.fingerprint not in known:
            known.add(encoder.fingerprint)
            others.append(_beside(engine, encoder, settings))
    return replace(engine, others=tuple(others))


def _beside(engine: Engine, encoder: Encoder, settings: Settings) -> Engine:
    fitted = load_fitted(encoder, settings)
    return replace(
        engine,
        encoder=Batcher(encoder, max_queue=settings.max_queue, step=engine.traces.step),
        indexes=_indexes(engine.database, encoder, kept_snapshots(engine.database, settings)),
        calibration=fitted.calibration,
        limits=fitted.limits,
    )


def with_workers(engine: Engine, settings: Settings) -> Engine:
    """The same, whose recordings are decoded and embedded by `settings.workers` processes where these are several.

    They are still starting: see `EncoderWorkers.wait_until_ready`. Raises SettingsError.
    """
    if settings.workers == 1:
        return engine
    if not AVAILABLE:
        raise SettingsError("This system cannot have several workers. Leave SPEAKERID_WORKERS out, or set it to 1.")
    setup = WorkerSetup(
        (settings.encoder, *settings.encoders_beside), str(settings.models_folder), decode_limits(settings)
    )
    fingerprints = [one.encoder.fingerprint for one in engine.each]
    workers = EncoderWorkerPool(settings.workers, setup, fingerprints, max_waiting=settings.max_queue)
    return replace(engine, workers=workers, others=tuple(replace(one, workers=workers) for one in engine.others))


def _finish_erasures(database: Database, snapshots: Snapshots) -> None:
    """What another process left; on a read-only medium it stays."""
    with database.read() as db:
        snapshots.purge(db)
        pending = changes.erasures_pending(db)
    if pending:
        database.scrub(AT_START)


def load_encoder(spec: str = "default", settings: Settings | None = None) -> Encoder:
    """The encoder that `spec` names, on this machine: `default`, `campplus`, a file, a directory, a hub name.

    Raises EncoderNotFound, ModelDamaged. A directory or hub name can run code: pass only what the operator chose.
    """
    return load_checked(spec, (settings or Settings()).models_folder)


def load_backbone(name: str, settings: Settings | None = None) -> Backbone:
    """The backbone `name` of a classifier: one with a name, an encoder with a name, or an `.onnx` file of one.

    No directory or hub name: those can run code, and the name may come from the card of a classifier. Raises
    BackboneNotFound, EncoderNotFound.
    """
    settings = settings or Settings()
    if name not in backbones.NAMED:
        if name not in registry.NAMED and not name.endswith(".onnx"):
            raise BackboneNotFound(
                f"There is no backbone {name!r}. Possible are {', '.join((*backbones.NAMED, *registry.NAMED))} "
                "and .onnx files: 'speakerid models convert' makes one of a SpeechBrain model."
            )
        return EncoderBackbone(load_encoder(name, settings))
    refuse_damaged(backbones.NAMED[name].model, settings.models_folder)
    return backbones.load_graph(name, settings.models_folder)


def _backbone(name: str, loaded: Encoder, settings: Settings) -> Backbone:
    """That of an engine's classifier, which may be the encoder it has `loaded`."""
    if name == loaded.name and name not in backbones.NAMED:
        return EncoderBackbone(loaded)
    return load_backbone(name, settings)


def load_classifier(spec: str, settings: Settings | None = None, *, run_code: bool = False) -> Classifier:
    """The classifier that `spec` names: one trained or imported here, a directory, an .onnx file, a hub name.

    Raises ClassifierError, ExtraMissing. A directory or hub name can run code, with `run_code` Python files of its
    own: pass only what the operator chose.
    """
    settings = settings or Settings()
    return classifier.load_classifier(
        spec, settings.classifiers_folder, lambda name: load_backbone(name, settings), run_code=run_code
    )


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
    refuse_damaged(SEGMENTATION.name, settings.models_folder)
    graph = SEGMENTATION.graph(settings.models_folder)
    return graph if graph.is_file() else None


def build_mover(engine: Engine, jobs: int) -> Mover:
    """Galleries move to other encoders one at a time, and not at all where there are no `jobs`."""
    return Mover(engine, working=jobs > 0)


def build_worker(engine: Engine, settings: Settings, jobs: int, *, webhooks: bool = True) -> Worker:
    """`jobs` recordings at a time."""
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
    return Worker(engine, jobs, Notice(secret, settings.webhook_private) if webhooks else None)
