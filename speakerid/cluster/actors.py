"""Items of work spread over the actors of a Ray cluster: that of RAY_ADDRESS, or one on this machine while it lasts.

The machines of a cluster need this package, its models, and files under the same paths.
"""

from __future__ import annotations

import logging
import os
import pickle
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from speakerid.errors import ClusterFailed, SpeakeridError
from speakerid.errors.extras import require

Item = TypeVar("Item")
Result = TypeVar("Result")
Row = dict[str, Any]

AT_ONCE = 16  # items that an actor is given at a time: what is done anew when it dies
AHEAD = 4  # times as many as there are actors, so that none is idle at the end
STORE_BYTES = 200 * 1024**2  # what waits between actors and driver on this machine: some hundred results
WANT_OF_MEMORY = (
    "A worker of the Ray cluster ended, usually for want of memory. Run it again, with fewer --workers; "
    "what was done is kept."
)


def spread(
    work: Callable[..., Callable[[Item], Result]],
    arguments: tuple[object, ...],
    items: Sequence[Item],
    *,
    workers: int,
) -> Generator[Result]:
    """What `work(*arguments)`, made once by each of `workers` actors of one core, answers to the items, in their order.

    Close it to end the work. Raises ExtraMissing, and ClusterFailed, also in the words of an error of this package that
    ended an actor's work.
    """
    if not items:
        return
    with _cluster(workers) as ray:
        blocks = max(-(-len(items) // AT_ONCE), min(len(items), AHEAD * workers))
        rows = ray.data.from_items([{"item": pickle.dumps(one)} for one in items], override_num_blocks=blocks).map(
            _Actor,
            fn_constructor_args=(work, arguments),
            compute=ray.data.ActorPoolStrategy(size=min(workers, blocks)),
            num_cpus=1,
        )
        try:
            for row in rows.iter_rows():
                yield _result(row)
        except ray.exceptions.RayError as error:
            raise ClusterFailed(_told(error, ray.exceptions)) from error


def _told(error: Exception, kinds: Any) -> str:
    """Of a RayError: what is no exception of code that ran there is taken for the end of a worker."""
    cause = getattr(error, "cause", None) if isinstance(error, kinds.RayTaskError) else None
    if isinstance(cause, kinds.UserCodeException):  # in which Ray Data leaves nothing of what it was
        return _bug(cause)
    if isinstance(cause, Exception) and not isinstance(cause, (MemoryError, kinds.RayError)):
        return _bug(cause)
    return WANT_OF_MEMORY


def _bug(error: Exception) -> str:
    """Its kind and place: what an exception says of itself may hold a name."""
    steps = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else ""
    return (
        f"A worker of the Ray cluster failed: {type(error).__name__}{place}. That is a bug or another version of this "
        "package there; please report it. What was done is kept."
    )


def _result(row: Row) -> Any:
    """Both sides are this program, so pickle carries what is said. Raises ClusterFailed."""
    found, failure = pickle.loads(row["result"])
    if failure is not None:
        raise ClusterFailed(failure)
    return found


class _Actor:
    """Loads what it works with at its first item, so that a failure comes as a sentence.

    An exception of this package takes arguments, and so does not survive pickling.
    """

    def __init__(self, work: Callable[..., Callable[[Any], Any]], arguments: tuple[object, ...]) -> None:
        self._make, self._arguments = work, arguments
        self._work: Callable[[Any], Any] | None = None

    def __call__(self, row: Row) -> Row:
        try:
            self._work = self._work or self._make(*self._arguments)
            return {"result": pickle.dumps((self._work(pickle.loads(row["item"])), None))}
        except SpeakeridError as error:
            failure = str(error)
        except MemoryError:
            failure = WANT_OF_MEMORY
        except Exception as error:
            failure = _bug(error)
        return {"result": pickle.dumps((None, failure))}


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """The ray module, connected; disconnected at the end unless the caller was before. Raises ClusterFailed."""
    require("ray")
    import ray
    import ray.data

    was_connected = ray.is_initialized()
    if not was_connected:
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **_where(workers))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterFailed(f"There is no Ray cluster to work on: {str(error).splitlines()[0]}") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False  # this package shows its own
    context.execution_options.preserve_order = True
    try:
        yield ray
    finally:
        if not was_connected:
            ray.shutdown()


def _where(workers: int) -> Row:
    """On this machine nothing of it listens beyond loopback."""
    if os.environ.get("RAY_ADDRESS"):
        return {}
    size = {"num_cpus": workers, "object_store_memory": STORE_BYTES}
    return {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1", **size}
