"""Samples as callers hold them, arrays, tensors and lists, either way round and in any byte order; or why not."""

from __future__ import annotations

import math
import numbers
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.errors import NoSamples, UnsupportedAudio
from speakerid.types import FloatArray

Samples = tuple[ArrayLike, ArrayLike]  # (n,), (channels, n) or (n, channels), and the rate in Hz; or the rate first
PAIR = "Pass (samples, rate in Hz), for example (array, 16000)."
INTEGERS = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32))
FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


def understood(pair: object) -> tuple[NDArray[Any], int]:
    """Frames (n, channels), n > 0, of their own type, and the rate in Hz.

    The longer axis is time. scipy gives the rate first, and is taken at its word. Raises NoSamples, UnsupportedAudio.
    """
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise UnsupportedAudio(f"Samples come with their rate, two things in a tuple. {PAIR}")
    samples, rate_hz = pair if _is_number(pair[1]) or not _is_number(pair[0]) else pair[::-1]
    return _frames(samples), _rate(rate_hz)


def scaled(frames: NDArray[Any]) -> FloatArray:
    """Samples as float32 with full scale 1.0. Raises UnsupportedAudio."""
    kind = frames.dtype.newbyteorder("=")
    if kind == np.uint8:
        return (frames.astype(np.float32) - 128.0) / 128.0
    if kind in INTEGERS:
        return frames.astype(np.float32) / np.float32(2.0 ** (8 * kind.itemsize - 1))
    if kind in FLOATS:
        with np.errstate(over="ignore"):  # becomes infinite, which the caller refuses
            return frames.astype(np.float32)
    raise UnsupportedAudio(f"Samples of type {kind} have no known full scale. Pass float32, int16 or int32.")


def _frames(samples: object) -> NDArray[Any]:
    """A view where that is possible."""
    if isinstance(samples, str | bytes | os.PathLike):
        raise UnsupportedAudio("A path, or the bytes of a file, has its own rate. Pass it alone, not in a tuple.")
    found = _array(samples)
    if found.ndim not in (1, 2):
        raise UnsupportedAudio(f"Samples have the shape (n,), (channels, n) or (n, channels), not {found.shape}.")
    if found.size == 0:
        raise NoSamples
    if found.ndim == 1:
        return found.reshape(-1, 1)
    if found.shape[0] == found.shape[1]:
        raise UnsupportedAudio(f"Samples of the shape {found.shape} may lie either way. Pass one channel: (n,).")
    return found if found.shape[0] > found.shape[1] else found.T


def _array(samples: object) -> NDArray[Any]:
    try:
        return np.asarray(samples)
    except Exception as error:  # of any library: a tensor on a GPU or with gradients, lists of different lengths
        cause = " ".join(str(error).split())[:200]
        raise UnsupportedAudio(f"The samples cannot be read as an array ({cause}). Pass a numpy array.") from error


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) or getattr(value, "ndim", None) == 0  # of numpy or torch


def _rate(given: object) -> int:
    found = float(given) if _is_number(given) and not isinstance(given, bool) else math.nan  # type: ignore[arg-type]  # _is_number says so
    if found > 0 and found.is_integer():
        return int(found)
    raise UnsupportedAudio(f"The rate is a whole number of Hz above 0, not {repr(given)[:40]}. {PAIR}")
