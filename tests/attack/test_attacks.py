"""The attacks of `make attack`, in a few seconds each: what held under thousands of them has to hold under some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from benchmarks.attack import bombs, kills, mutations, references, tenants
from benchmarks.attack.figures import Figure

pytestmark = pytest.mark.slow

ATTACKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "kills": partial(kills.measure, cycles=10),
    "mutations": partial(mutations.measure, files=300),
    "tenants": tenants.measure,
    "references": references.measure,
    # Among other tests every core has several to serve; alone, 10 s are wanted.
    "bombs": partial(bombs.measure, large_bytes=0, named_s=100.0),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_service_holds_against(attack: str) -> None:
    assert [figure.line() for figure in ATTACKS[attack]() if not figure.met] == []
