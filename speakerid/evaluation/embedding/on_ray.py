"""Jobs spread over a Ray cluster by Ray Data: that of RAY_ADDRESS, or one on this machine while it lasts.

The machines of a cluster need this package and the recordings under the same paths.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from speakerid.bootstrap import load_encoder
from speakerid.errors import EncoderFailed
from speakerid.errors.extras import require
from speakerid.evaluation.embedding.workers import EmbeddingJob, Outcome, RecordingEmbedder, safely
from speakerid.evaluation.errors import WorkerDied

T = TypeVar("T")
Row = dict[str, Any]


def embed_all_on_ray(
    jobs: Iterable[tuple[T, EmbeddingJob]], spec: str, *, vad: bool, workers: int
) -> Generator[tuple[T, Outcome]]:
    """As `workers.embed_all`, by `workers` actors of one core. Raises ExtraMissing too."""
    waiting = list(jobs)
    if not waiting:
        return
    with _cluster(workers) as ray:
        rows = [{"place": place, "job": pickle.dumps(job)} for place, (_, job) in enumerate(waiting)]
        rows_out = ray.data.from_items(rows).map(
            _RayEmbedder,
            fn_constructor_args=(spec, vad),
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
            num_cpus=1,
        )
        try:
            for row in rows_out.iter_rows():
                outcome: Outcome | str = pickle.loads(row["outcome"])
                if isinstance(outcome, str):
                    raise EncoderFailed(outcome)
                yield waiting[row["place"]][0], outcome
        except ray.exceptions.RayError as error:
            raise WorkerDied from error


class _RayEmbedder:
    """One actor; both sides are this program, so pickle carries jobs and outcomes."""

    def __init__(self, spec: str, vad: bool) -> None:
        self._embedder = RecordingEmbedder(load_encoder(spec), vad=vad)

    def __call__(self, row: Row) -> Row:
        return {"place": row["place"], "outcome": pickle.dumps(safely(self._embedder, pickle.loads(row["job"])))}


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """The ray module, connected; disconnected at the end unless the caller was before."""
    require("ray")
    import ray
    import ray.data

    was_connected = ray.is_initialized()
    if not was_connected:
        quiet: Row = {"log_to_driver": False, "logging_level": "ERROR"}
        local: Row = {"address": "local", "num_cpus": workers, "include_dashboard": False}
        ray.init(**quiet, **({} if os.environ.get("RAY_ADDRESS") else local | {"_node_ip_address": "127.0.0.1"}))
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False  # this package shows its own
    try:
        yield ray
    finally:
        if not was_connected:
            ray.shutdown()
