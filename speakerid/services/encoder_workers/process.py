"""An encoder process: `python -m speakerid.services.encoder_workers.process FD`, with a socket to its service as FD.

It loads encoders once, then decodes and embeds one recording after another. What is untrusted of a recording is
decoded in a child of its own (docs/decisions/0020). It ends with its service, also in the middle of work.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np

from speakerid.audio.children import pool
from speakerid.audio.children.wire import Gone, error_text
from speakerid.audio.decode import OnLost, Preparer
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, cancelled_by
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder
from speakerid.errors import ClientGone, EncoderFailed, SpeakeridError
from speakerid.models.store import load_checked
from speakerid.services.encoder_workers.wire import (
    FAILED,
    EncoderJob,
    WorkerFrame,
    WorkerSetup,
    WorkerWire,
    answer_frame,
)
from speakerid.services.probe import EmbeddedUtterance, embed_speech
from speakerid.types import FloatArray

logger = logging.getLogger(__name__)

OOM_SCORE = 250
ORPHANED_S = 2.0  # between two looks whether the service is still there, where its end of the socket does not tell


class CancelWatch(threading.Event):
    """Set once something comes while a recording is worked on: that no one waits, or the end of the service."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock

    def is_set(self) -> bool:
        return bool(select.select([self._sock], [], [], 0.0)[0])


class SentLines(logging.Handler):
    """The service writes the log: in its form, and with what it knows of the request."""

    def __init__(self, wire: WorkerWire) -> None:
        super().__init__()
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        line = {"level": record.levelno, "logger": record.name, "message": self.format(record)[:10_000]}
        self._wire.send(WorkerFrame.LOG, json.dumps(line).encode())


class EncoderBench:
    """The encoders of a process, and all that is before them."""

    def __init__(self, setup: WorkerSetup, wire: WorkerWire) -> None:
        """Raises EncoderError, ModelDamaged, DecoderUnavailable."""
        self._wire = wire
        encoders = [load_checked(spec, Path(setup.models)) for spec in setup.encoders]
        self.encoders = {one.fingerprint: one for one in encoders}
        self._preparer = Preparer(SileroVad(), setup.limits, self._step)
        self._traced = self._counted = False
        pool.warm(1)
        for one in encoders:
            one.embed([_noise(one)])

    def embedded(self, job: EncoderJob, audio: bytes) -> EmbeddedUtterance:
        """Raises AudioError, EncoderError, DecoderUnavailable, ClientGone."""
        self._traced, self._counted, encoder = job.steps, job.counted, self.encoders[job.encoder]

        def embed(waveforms: Sequence[FloatArray]) -> FloatArray:
            with self._step("embed"):
                return encoder.embed(waveforms)

        return embed_speech(self._preparer, embed, audio, job.options, self._decode)

    def _decode(self, audio: bytes, *, channel: Channel, lost: OnLost) -> FloatArray:
        """The service counts what was decoded, also where this process is lost before it answers, and may refuse it."""
        samples = self._preparer.decode(audio, channel=channel, lost=lost)
        self._wire.send(WorkerFrame.DECODED, json.dumps(len(samples) / SAMPLE_RATE_HZ).encode())
        if self._counted and self._wire.receive()[0] != WorkerFrame.GO:
            raise ClientGone
        return samples

    def works(self, fingerprint: str) -> bool:
        """Whether the encoder embeds noise: if not, it is broken, and no recording is to blame."""
        try:
            self.encoders[fingerprint].embed([_noise(self.encoders[fingerprint])])
        except EncoderFailed:
            return False
        return True

    def _step(self, name: str) -> AbstractContextManager[object]:
        return self._sent_step(name) if self._traced else nullcontext()

    @contextmanager
    def _sent_step(self, name: str) -> Iterator[None]:
        self._wire.send(WorkerFrame.STEP, name.encode())
        yield  # an error ends the step at the other side as well
        self._wire.send(WorkerFrame.STEP)


def _noise(encoder: Encoder) -> FloatArray:
    samples = max(encoder.min_samples, encoder.sample_rate_hz)
    return np.random.default_rng(0).standard_normal(samples).astype(np.float32) * np.float32(0.1)


def serve(wire: WorkerWire, sock: socket.socket, bench: EncoderBench) -> None:
    """One recording after another. Returns when the encoder is broken. Raises Gone."""
    while True:
        kind, payload = wire.receive()
        if kind != WorkerFrame.JOB:  # of what was answered meanwhile
            continue
        job, audio = EncoderJob.read(payload)
        try:
            with cancelled_by(CancelWatch(sock)):
                answer = answer_frame(bench.embedded(job, audio))
        except SpeakeridError as error:
            wire.send(WorkerFrame.ERROR, error_text(error))
            if isinstance(error, EncoderFailed) and not bench.works(job.encoder):
                logger.error("an encoder process ends, because its encoder fails", exc_info=error)
                return
        except Exception as error:
            logger.error("an encoder process failed", exc_info=error)
            wire.send(WorkerFrame.ERROR, json.dumps({"code": FAILED, "message": ""}).encode())
        else:
            wire.send(WorkerFrame.ANSWER, *answer)


def end_with_service(sock: socket.socket) -> None:
    """At once where the system tells that the other end of `sock` is closed, whatever this process does then."""
    service, closed = os.getppid(), select.poll()
    closed.register(sock, 0)  # nothing but its end

    def watch() -> None:
        while not closed.poll(1000 * ORPHANED_S) and os.getppid() == service:
            pass
        os._exit(0)

    threading.Thread(target=watch, name="end with the service", daemon=True).start()


def main(sock: socket.socket) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # which whoever stops a service may send to all of its processes
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # when memory is short, this process goes before the service, after what decodes
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    end_with_service(sock)
    wire = WorkerWire(sock)
    logging.basicConfig(level=logging.WARNING, handlers=[SentLines(wire)])
    try:
        bench = EncoderBench(WorkerSetup.from_json(bytes(wire.receive()[1])), wire)
        gc.collect()
        gc.freeze()
        wire.send(WorkerFrame.READY, json.dumps(list(bench.encoders)).encode())
        serve(wire, sock, bench)
    except SpeakeridError as error:
        wire.send(WorkerFrame.ERROR, error_text(error))
    except Gone:
        return  # the service has ended


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
