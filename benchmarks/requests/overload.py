"""Goodput of identify at four times the peak: answers a second, and how quickly the others are refused.

    python -m benchmarks.requests.overload [--seconds 10]

The service has one core, whoever asks another. First as many ask as keep it busy, one request after the other: the
peak. Then requests come at four times that rate, whether those before were answered or not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from benchmarks.requests.cost import OURS, PATH, serving
from benchmarks.requests.material import SPEAKERS, fill, recordings

AT_ONCE = 8  # that keep it busy
TIMES = 4
SECONDS = 10.0
WARM_UP_S = 2.0


@dataclass(frozen=True)
class TimedAnswer:
    at_s: float
    status: int
    took_s: float
    retry_after_s: int | None


@dataclass(frozen=True)
class Goodput:
    """What became of requests that came at TIMES the `peak`; both rates are answers a second."""

    peak: float
    rate: float
    longest_s: float  # of an answer
    refused_ms: tuple[float, ...]
    lost: int  # had neither answer nor refusal
    retry_after_s: tuple[int | None, ...]

    @property
    def of_the_peak(self) -> float:
        return self.rate / self.peak

    @property
    def refused_p99_ms(self) -> float:
        return float(np.percentile(self.refused_ms, 99))

    def __str__(self) -> str:
        return (
            f"peak {self.peak:.1f} a second; at {TIMES} times that {self.rate:.1f}, {self.of_the_peak:.2f} of it\n"
            f"answers took at most {self.longest_s:.2f} s, {len(self.refused_ms)} were refused, "
            f"{self.lost} had neither\n"
            f"refusals took {np.median(self.refused_ms):.0f} ms, p99 {self.refused_p99_ms:.0f} ms; "
            f"Retry-After {list(self.retry_after_s)}\n"
        )


class Asking:
    """Requests over connections that are used again where the service leaves them open."""

    def __init__(self, url: str, audio: bytes) -> None:
        found = urlsplit(url)
        self._address = (found.hostname, found.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: {found.netloc}\r\nContent-Length: {len(audio)}\r\n\r\n"
        self._request = head.encode() + audio
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.answered: list[TimedAnswer] = []

    async def ask(self) -> None:
        began = time.perf_counter()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        try:
            writer.write(self._request)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
        except (OSError, asyncio.IncompleteReadError):  # dropped before an answer
            writer.close()
            self.answered.append(TimedAnswer(began, 0, time.perf_counter() - began, None))
            return
        took_s, retry = time.perf_counter() - began, headers.get("retry-after")
        self.answered.append(
            TimedAnswer(began, int(lines[0].split()[1]), took_s, None if retry is None else int(retry))
        )
        if headers.get("connection") == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))


async def peak(asking: Asking, seconds: float, warm_up_s: float = WARM_UP_S) -> float:
    """Answers a second."""

    async def go_on(until: float) -> None:
        while time.perf_counter() < until:
            await asking.ask()

    await asyncio.gather(*(go_on(time.perf_counter() + warm_up_s) for _ in range(AT_ONCE)))
    asking.answered.clear()
    began = time.perf_counter()
    await asyncio.gather(*(go_on(began + seconds) for _ in range(AT_ONCE)))
    return len(asking.answered) / (time.perf_counter() - began)


async def overload(asking: Asking, rate: float, seconds: float) -> list[TimedAnswer]:
    asking.answered.clear()
    began, tasks = time.perf_counter(), list[asyncio.Task[None]]()
    for nth in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + nth / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(asking.ask()))
    await asyncio.gather(*tasks)
    return asking.answered


def goodput(best: float, answered: Sequence[TimedAnswer]) -> Goodput:
    """`best` is the peak, in answers a second."""
    good = [one for one in answered if one.status == 200]
    refused = [one for one in answered if one.status == 429]
    until = max(one.at_s + one.took_s for one in good) - min(one.at_s for one in answered)
    return Goodput(
        peak=best,
        rate=len(good) / until,
        longest_s=max(one.took_s for one in good),
        refused_ms=tuple(1000 * one.took_s for one in refused),
        lost=len(answered) - len(good) - len(refused),
        retry_after_s=tuple(sorted({one.retry_after_s for one in refused}, key=str)),
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--speakers", type=int, default=SPEAKERS)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        store = Path(folder) / "voices.db"
        fill(store, asked.speakers)
        with serving(OURS, store, "--plain") as served:

            async def both() -> tuple[float, list[TimedAnswer]]:
                asking = Asking(str(served.client.base_url), recordings()["WAV 16 kHz"][0])
                best = await peak(asking, asked.seconds)
                return best, await overload(asking, TIMES * best, asked.seconds)

            sys.stdout.write(str(goodput(*asyncio.run(both()))))


if __name__ == "__main__":
    main()
