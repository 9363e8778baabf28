"""Where training runs, and whether bfloat16 pays there."""

from __future__ import annotations

from typing import Literal

import torch

from speakerid.training.errors import DeviceMissing

Device = Literal["cpu", "cuda"]


def pick(wanted: Device | None) -> Device:
    """`wanted`, or CUDA where there is some. Raises `DeviceMissing`."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise DeviceMissing(wanted)
    return wanted or ("cuda" if available else "cpu")


def bf16_pays(device: Device) -> bool:
    """On CUDA from Ampere on; on processors only with AMX tiles, elsewhere it is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_amx_tile_supported())
