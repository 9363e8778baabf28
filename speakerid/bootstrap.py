"""The one place that builds the objects and wires them together."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from speakerid.audio.limits import DecodeLimits
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.batching import Batcher
from speakerid.encoders.registry import calibration_file, load_encoder
from speakerid.errors import CalibrationMissing
from speakerid.index.faiss import FaissFlatIndex
from speakerid.scoring.calibration import Calibration
from speakerid.services.engine import Engine, Policy
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync
from speakerid.settings import Settings


def build_engine(settings: Settings, encoder: Encoder | None = None) -> Engine:
    """Open the store, bring it to the newest schema, load the encoder. Raises StoreError, EncoderError."""
    encoder = encoder or load_encoder(settings.encoder)
    calibration = load_calibration(encoder, settings.calibration or calibration_file(settings.encoder))
    with ExitStack() as undo:
        database = open_database(settings.store)
        undo.callback(database.close)
        upgrade(database)
        batcher = Batcher(encoder, max_queue=settings.max_queue)
        undo.callback(batcher.close)
        engine = Engine(
            database=database,
            encoder=batcher,
            preparer=Preparer(SileroVad(), decode_limits(settings)),
            indexes=IndexSync(database, FaissFlatIndex),
            calibration=calibration,
            policy=Policy(prior=settings.prior),
        )
        ensure_default(engine)
        undo.pop_all()  # from here on Engine.close does it
    return engine


def decode_limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(max_seconds=settings.max_audio_seconds, max_channels=settings.max_channels)


def load_calibration(encoder: Encoder, file: Path) -> Calibration | None:
    """The calibration in `file`, None when there is no such file. Raises CalibrationMissing when it is another's."""
    if not file.is_file():
        return None
    calibration = Calibration.from_json(file.read_text(encoding="utf-8"))
    if calibration.fingerprint != encoder.fingerprint:
        raise CalibrationMissing(
            f"The calibration in {file.name} was fitted for another encoder than {label(encoder)}. Fit it again."
        )
    return calibration
