"""The attacks of `make attack`, in a few seconds each: what held under thousands of them has to hold under some.

Bombs are tested in tests/api/test_bombs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from benchmarks.attack import encryption, erasure, kills, mutations, quotas, references, tenants
from benchmarks.attack.figures import Figure

pytestmark = pytest.mark.slow

ATTACKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "kills": partial(kills.measure, cycles=6, half_s=0.0),
    "mutations": partial(mutations.measure, files=200),
    "tenants": tenants.measure,
    "references": references.measure,
    "encryption killed": partial(encryption.killed, kills=2),
    "encryption twice": partial(encryption.twice_at_once, times=1),
    "encryption beside a service": partial(encryption.beside_a_service, times=1),
    "quotas": quotas.measure,
    "erasure": partial(erasure.after_kills, kills=2),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_service_holds_against(attack: str) -> None:
    assert [figure.line() for figure in ATTACKS[attack]() if not figure.met] == []
