"""Two replicas on one PostgreSQL under many changes; and galleries that PostgreSQL searches itself.

    OMP_NUM_THREADS=1 python -m benchmarks.replicas [--changes 100000] [--over-http 400]
    OMP_NUM_THREADS=1 python -m benchmarks.replicas --pgvector [--speakers 10000 200000] [--speech ../shared/speech]

Two real processes of `speakerid serve`, on loopback, with an encoder that costs little. Both make changes through the
services, and each looks for every change of the other by a search, from the moment of its commit; some changes are made
over HTTP, and looked for by identifying at the other. Clients identify at both all the while. Then nobody searches, and
changes have to appear in the other's memory by themselves; then a transaction elsewhere stays open. In the end, what
both have in memory is compared with the store. A line of JSON for each part; exit code 1 for a change that was missed
or an answer 5xx.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.replicas import over_http, searched_by_postgresql
from benchmarks.replicas.replica import serve
from benchmarks.replicas.server import postgresql

QUIET = 60  # changes while nobody searches
HELD = 400  # changes while a transaction stays open
AT_ONCE = 5_000  # changes until a line says how it goes
STOP_S = 60.0
Figures = dict[str, Any]


class Pair:
    """Two replicas, and their parent's line to each."""

    def __init__(self, urls: Sequence[str], orders: Sequence[Connection]) -> None:
        self.urls, self._orders = urls, orders

    def order(self, name: str, *arguments: Any, to: slice = slice(None)) -> list[Any]:
        """Both at once, or those alone; what they answer."""
        for one in self._orders[to]:
            one.send((name, arguments))
        return [one.recv() for one in self._orders[to]]

    def changes(self, count: int, *, by: slice = slice(None)) -> Iterator[Figures]:
        """So many at both together, or at those alone; the figures so far after each AT_ONCE, and in the end."""
        took_s, lags, missed, errors = 0.0, list[float](), list[str](), list[str]()
        for start in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - start) // len(self._orders[by])
            took_s += max(self.order("change", some, to=by))
            for one in self.order("figures"):
                lags += one["lags_s"]
                missed += one["missed"]
                errors += one["errors"]
            made = {"changes": len(lags) + len(missed), "seconds": round(took_s, 1)}
            yield made | _lags(lags, missed, errors)


@contextmanager
def pair(store: str) -> Iterator[Pair]:
    context, ports = multiprocessing.get_context("spawn"), _free_ports(2)
    peers, lines = context.Pipe(), [context.Pipe() for _ in ports]
    children = [
        context.Process(target=serve, args=(nth, store, port, peers[nth], lines[nth][1]))
        for nth, port in enumerate(ports)
    ]
    with ExitStack() as stack:
        for child in children:
            child.start()
            stack.callback(_stop, child)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        over_http.wait_until_ready(urls)
        yield Pair(urls, [line[0] for line in lines])


def _stop(child: multiprocessing.process.BaseProcess) -> None:
    child.terminate()
    child.join(STOP_S)


def measure(store: str, count: int, http: int) -> Iterator[Figures]:
    with pair(store) as both:
        with over_http.asking(both.urls) as identified, ThreadPoolExecutor(1) as pool:
            clients = pool.submit(over_http.change, both.urls, http)
            yield from _named("both change", both.changes(count - http))
            sent = clients.result()
        yield {"over HTTP": {"changes": len(sent.lags_s) + len(sent.missed)} | _lags(sent.lags_s, sent.missed, [])}
        yield {"clients": _answers([*identified, sent])}
        both.order("look_at_memory", True)
        yield from _named("nobody searches", both.changes(QUIET, by=slice(1)))
        both.order("look_at_memory", False)
        with psycopg.connect(store.replace("+psycopg", "")) as connection:
            connection.execute("SELECT pg_current_xact_id()")
            yield from _named("a transaction stays open", both.changes(HELD))
        held = [
            {"voiceprints": voiceprints, "differing": differing} for voiceprints, differing in both.order("contents")
        ]
        yield {"in the end": held}


def _named(name: str, rows: Iterator[Figures]) -> Iterator[Figures]:
    return ({name: row} for row in rows)


def _lags(lags_s: Sequence[float], missed: Sequence[str], errors: Sequence[str]) -> Figures:
    """In milliseconds."""
    p50, p99 = np.percentile(lags_s, (50, 99)) if lags_s else (0.0, 0.0)
    figures = {"lag_p50_ms": p50, "lag_p99_ms": p99, "lag_max_ms": max(lags_s, default=0.0)}
    rounded = {name: round(1000 * float(value), 1) for name, value in figures.items()}
    return rounded | {"missed": len(missed), "first_missed": list(missed[:3]), "errors": list(errors[:3])}


def _answers(identified: Sequence[over_http.HttpFigures]) -> Figures:
    statuses = sum((one.statuses for one in identified), Counter[int]())
    times = [1000 * took for one in identified for took in one.answers_s]
    return {
        "answers": sum(statuses.values()),
        "5xx": sum(count for status, count in statuses.items() if status >= 500),
        "429": statuses[429],
        "identify_p50_ms": round(float(np.percentile(times, 50)), 1) if times else None,
        "identify_p99_ms": round(float(np.percentile(times, 99)), 1) if times else None,
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _failed(figures: Figures) -> bool:
    parts = [part for found in figures.values() for part in (found if isinstance(found, list) else [found])]
    return any(part.get(bad) for part in parts for bad in ("missed", "errors", "5xx", "differing"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--over-http", type=int, default=200, help="of these changes, so many over HTTP")
    parser.add_argument("--pgvector", action="store_true", help="measure searches in PostgreSQL instead")
    parser.add_argument("--speakers", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--speech", type=Path, help="a folder with field, librispeech and fsdd")
    asked = parser.parse_args(arguments)
    failed = False
    with postgresql() as store:
        if asked.pgvector:
            rows = searched_by_postgresql.measure(store, asked.speakers, asked.speech)
        else:
            rows = measure(store, asked.changes, asked.over_http)
        for row in rows:
            sys.stdout.write(f"{json.dumps(row)}\n")
            sys.stdout.flush()
            failed = failed or _failed(row)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
