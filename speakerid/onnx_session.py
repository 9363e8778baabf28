"""ONNX graphs on ONNX Runtime: the only door to that library, so that its telemetry is off and its threads are few."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime import InferenceSession

__all__ = ["InferenceSession", "open_session"]

ERRORS_ONLY = 3

# `import speakerid` has set ORT_DISABLE_TELEMETRY by now. A program that loaded the library before is past that:
# this stops what can still be stopped.
onnxruntime.disable_telemetry_events()


def open_session(graph: Path | bytes) -> InferenceSession:
    """Open a graph, from a file or a file's content. Safe to share between threads.

    Raises what ONNX Runtime raises, whose classes share no base but Exception. One thread and no spinning: one process
    per core scales, OpenMP-style threads collapse (10x).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = ERRORS_ONLY
    content = graph if isinstance(graph, bytes) else str(graph)
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])
