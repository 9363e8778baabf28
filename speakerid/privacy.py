"""Nothing reports home: the switches of the libraries that would, set before any of them is loaded.

`import speakerid`, of which every other import of this package is a part, sets them for this process and its children.
"""

from __future__ import annotations

import os

SWITCHED_OFF = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime: looks up its vendor's host, writes an id of the device
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, when a model is fetched by its hub name
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray, by whoever starts a cluster
}


def switch_telemetry_off() -> None:
    """Switch it off, whatever the environment has: who sets one of these for another program does not mean this one."""
    os.environ.update(SWITCHED_OFF)
