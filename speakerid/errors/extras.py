"""How an optional library is installed, said the same everywhere."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """A sentence. It names no package of an index: nothing is published, and what is there belongs to others (0022)."""
    return f"In a checkout of this project, run: pip install '.[{extra}]'"
