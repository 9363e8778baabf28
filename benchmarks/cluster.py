"""What Ray adds: CPU time of an identify by Ray Serve beside `speakerid serve`, and of enrolling a folder.

    OMP_NUM_THREADS=1 python -m benchmarks.cluster --tree DIR [--requests 200] [--files 160]

CPU time is that of all processes, Ray's own included; what Ray takes while nobody asks is a row of its own, and taken
off the requests' time. `--tree` has a folder for each speaker. A quarter of the files and all of them are enrolled with
the encoder of SPEAKERID_ENCODER: the difference is what a file takes when all has started. Identify is asked of the
bundled one.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from functools import partial
from io import StringIO
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.reembedding import ANYTHING
from benchmarks.requests.cost import OURS, PATH, WARM_UP, serving
from benchmarks.requests.material import fill, recordings
from benchmarks.requests.tracing import descendants
from speakerid import SpeakerID
from speakerid.cli.main import app as command
from speakerid.cli.server import ray_app
from speakerid.cli.server.uvicorn_server import bind
from speakerid.errors import EnrollmentRefused, UtteranceElsewhere
from speakerid.services.coach import enrollment_probe

LOOK_S = 0.1
IDLE_S = 10.0
SPEAKERS = 1_000
STORE_BYTES = 150 * 1024**2
WORKERS = 2
FORMAT = "WAV 16 kHz"
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


class TreeClock:
    """CPU seconds of this process and all that it started, those that ended included as far as they were seen."""

    def __init__(self) -> None:
        self._spent: dict[int, float] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def seconds(self) -> float:
        self._look()
        return time.process_time() + sum(self._spent.values())

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        for pid in descendants(os.getpid()):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            self._spent[pid] = max(self._spent.get(pid, 0.0), (int(fields[11]) + int(fields[12])) * TICK_S)


@contextmanager
def cluster() -> Iterator[None]:
    import ray

    ray.init(
        address="local",
        num_cpus=WORKERS,
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    try:
        yield
    finally:
        ray.shutdown()


def by_serve(store: Path, audio: list[bytes], requests: int) -> float:
    """CPU ms a request."""
    with serving(OURS, store, "--plain") as served:
        served.ask(audio, WARM_UP)
        served.spent()
        served.ask(audio, requests)
        return float(served.spent()["all_ns"]) / 1e6 / requests


def by_ray_serve(clock: TreeClock, store: Path, audio: list[bytes], requests: int) -> tuple[float, float]:
    """CPU ms a request, and ms a second while nobody asks."""
    from ray import serve

    with bind("127.0.0.1", 0) as free:
        port = free.socket.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"enable_access_log": False})
    try:
        serve.run(ray_app.app({"store": str(store), "encoder": "bundled", "host": "127.0.0.1"}), name="speakerid")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0, trust_env=False) as client:
            for one in islice(cycle(audio), WARM_UP):
                client.post(PATH, content=one).raise_for_status()
            idle_s = _spent(clock, lambda: time.sleep(IDLE_S)) / IDLE_S
            began_at = time.monotonic()
            spent_s = _spent(clock, lambda: [client.post(PATH, content=one) for one in islice(cycle(audio), requests)])
            asked_s = spent_s - idle_s * (time.monotonic() - began_at)
    finally:
        serve.shutdown()
    return 1000.0 * asked_s / requests, 1000.0 * idle_s


def _spent(clock: TreeClock, work: object) -> float:
    assert callable(work)
    before = clock.seconds()
    work()
    return clock.seconds() - before


def link(tree: Path, root: Path, most: int) -> int:
    """A folder of `most` files of `tree`, the first of each speaker first. How many there are."""
    speakers = [sorted(one.rglob("*.*")) for one in sorted(tree.iterdir()) if one.is_dir()]
    files = [one for one in chain.from_iterable(zip_longest(*speakers)) if one is not None and one.is_file()][:most]
    for nth, file in enumerate(files):
        folder = root / file.relative_to(tree).parts[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{nth}{file.suffix}").symlink_to(file)
    return len(files)


def by_driver(store: Path, tree: Path) -> tuple[float, float]:
    """CPU ms that is left to the driver of a file which a worker embedded, and bytes on disk of its utterance."""
    with SpeakerID.open(store) as sid:
        files = sorted(one for one in tree.rglob("*") if one.is_file())
        probes = [replace(enrollment_probe(sid.engine, file.read_bytes()), audio=b"") for file in files]
        sid.enroll_probes("First", probes[:1], accept=ANYTHING)
        sid.engine.database.checkpoint()
        size, before = store.stat().st_size, time.process_time()
        done = 0
        for file, probe in zip(files[1:], probes[1:], strict=True):
            with suppress(EnrollmentRefused, UtteranceElsewhere):
                done += not sid.enroll_probes(file.parent.name, [probe], accept=ANYTHING).already_enrolled
        spent_s = time.process_time() - before
        sid.engine.database.checkpoint()
        return 1000.0 * spent_s / (len(files) - 1), (store.stat().st_size - size) / done


def enroll(store: Path, tree: Path, *options: str) -> None:
    asked = ["enroll", "--tree", str(tree), "--store", str(store), *options]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit):
        command(asked, standalone_mode=False)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--files", type=int, default=160)
    asked = parser.parse_args(arguments)
    clock, audio = TreeClock(), recordings()[FORMAT]
    with TemporaryDirectory() as made:
        folder = Path(made)
        fill(folder / "voices.db", SPEAKERS)
        counts = {name: link(asked.tree.resolve(), folder / name, most) for name, most in _sizes(asked.files)}
        plain_ms = by_serve(folder / "voices.db", audio, asked.requests)
        driver_ms, disk_bytes = by_driver(folder / "driver.db", folder / "all")
        alone = {name: _spent(clock, partial(enroll, folder / f"{name}.db", folder / name)) for name in counts}
        with cluster():
            ray_ms, idle_ms = by_ray_serve(clock, folder / "voices.db", audio, asked.requests)
            options = ("--engine", "ray", "--workers", str(WORKERS))
            cold_s = _spent(clock, partial(enroll, folder / "cold.db", folder / "some", *options))
            by_ray = {
                name: _spent(clock, partial(enroll, folder / f"ray-{name}.db", folder / name, *options))
                for name in counts
            }
    clock.stop()
    alone_ms, spread_ms = _each(alone, counts), _each(by_ray, counts)
    start_s = cold_s - spread_ms / 1000.0 * counts["some"]
    sys.stdout.write(
        f"identify, 3 s of WAV: speakerid serve {plain_ms:.1f} ms of CPU, Ray Serve {ray_ms:.1f}"
        f" ms ({ray_ms / plain_ms:.2f} x)\n"
        f"Ray with one replica while nobody asks: {idle_ms:.0f} ms of CPU a second\n"
        f"enroll a folder: alone {alone_ms:.0f} ms of CPU a file; by {WORKERS} workers of Ray {spread_ms:.0f} ms"
        f" ({spread_ms / alone_ms:.2f} x), and {start_s:.0f} s to start them\n"
        f"of a file the driver alone: {driver_ms:.1f} ms; on disk {disk_bytes:.0f} bytes an utterance, without audio\n"
    )


def _sizes(files: int) -> tuple[tuple[str, int], ...]:
    return ("some", files // 4), ("all", files)


def _each(spent_s: dict[str, float], counts: dict[str, int]) -> float:
    """Milliseconds a file."""
    return 1000.0 * (spent_s["all"] - spent_s["some"]) / (counts["all"] - counts["some"])


if __name__ == "__main__":
    main()
