"""Does the service keep its own contract? Requests made from its OpenAPI document, valid ones and others.

`positive_data_acceptance` is left out: that bytes are audio, that a nested object has at most 16 KiB and that an ETag
is still today's is more than a schema can say, so what fits the schema may be refused all the same.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attack.figures import Figure, at_least, at_most, first, say
from benchmarks.attack.service import Service, folder, serving
from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade
from speakerid.services import keys

EXAMPLES = 200  # of each operation
FEW_OPERATIONS = 30  # the document has more; fewer were not reached
LONGEST_S = 1_500.0
SEED = 1
COMMAND = (sys.executable, "-m", "schemathesis.cli", "run")
OPTIONS = ("--no-color", "--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure")
LEFT_OUT = "positive_data_acceptance"
TESTED = re.compile(r"Tested: (\d+)")
GENERATED = re.compile(r"(\d+) generated")
FAILED = re.compile(r"❌ (\w.*): (\d+)$", re.MULTILINE)
NOT_RUN = -1.0


@dataclass(frozen=True)
class Kept:
    """What a run says."""

    operations: float
    requests: float
    violations: dict[str, int] = field(default_factory=dict)


def measure(examples: int = EXAMPLES) -> Iterator[Figure]:
    with folder() as place:
        store = place / "voices.db"
        secret = _key(str(store))
        with serving(store) as service:
            kept = _asked(service, secret, examples, place)
            alive = service.alive()
            tracebacks = service.tracebacks()
    yield at_least("contract: operations tested", kept.operations, FEW_OPERATIONS)
    yield at_least("contract: requests sent", kept.requests, kept.operations * examples / 10)
    violations = first(f"{name}: {count}" for name, count in kept.violations.items())
    yield at_most("contract: violations", sum(kept.violations.values()), note=violations)
    yield at_most("contract: unforeseen errors", tracebacks)
    yield at_least("contract: service alive afterwards", float(alive), 1.0)


def _key(store: str) -> str:
    database = open_database(store)
    try:
        upgrade(database)
        with database.write() as db:
            return keys.create(db, "contract", ("admin",)).secret
    finally:
        database.close()


def _asked(service: Service, secret: str, examples: int, place: Path) -> Kept:
    """All figures are -1 where the run broke off. What the tool keeps of it goes to `place`."""
    where = (f"{service.url}/openapi.json", "--url", service.url, "-H", f"Authorization: Bearer {secret}")
    how = ("-n", str(examples), "--seed", str(SEED), "--exclude-checks", LEFT_OUT, *OPTIONS)
    try:
        ran = subprocess.run(
            [*COMMAND, *where, *how], capture_output=True, text=True, timeout=LONGEST_S, check=False, cwd=place
        )
    except subprocess.TimeoutExpired:
        return Kept(NOT_RUN, NOT_RUN, {"took too long": 1})
    tested, generated = TESTED.search(ran.stdout), GENERATED.search(ran.stdout)
    if tested is None or generated is None:
        return Kept(NOT_RUN, NOT_RUN, {ran.stdout[-300:] + ran.stderr[-300:]: 1})
    found = {name: int(count) for name, count in FAILED.findall(ran.stdout)}
    if ran.returncode and not found:
        found = {ran.stdout[-300:]: 1}
    return Kept(float(tested[1]), float(generated[1]), found)


def main() -> None:
    say(measure())


if __name__ == "__main__":
    main()
