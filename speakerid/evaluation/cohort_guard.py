"""Whether AS-norm compares with the very voices under test: its figures are then not those of strangers."""

from __future__ import annotations

from collections.abc import Iterable

from speakerid.evaluation.backend import Backend
from speakerid.evaluation.errors import named
from speakerid.scoring import asnorm
from speakerid.types import FloatArray

QUOTE = "Do not quote these figures; take a cohort of other people with --cohort."


def cohort_stamps(backend: Backend, voices: FloatArray, speakers: Iterable[str]) -> list[str]:
    """`voices (n, dim)` and the names of their speakers, as far as these are known, beside the cohort's.

    A cohort of the encoder has no names: of it only the same recording is found, not another one of the same speaker.
    """
    cohort = backend.normalizing
    if cohort is None:
        return []
    found = []
    if shared := sorted(backend.cohort_speakers & set(speakers)):
        found.append(f"CONTAMINATED: {len(shared)} tested speakers are in the cohort too: {named(shared)}. {QUOTE}")
    if repeated := int(asnorm.in_cohort(voices, cohort.columns).sum()):
        of = f"at least {repeated} of {len(voices)} tested recordings"
        found.append(f"CONTAMINATED: {of} are in the cohort too. {QUOTE}")
    return found
