"""The small models that listen beside the encoder: ONNX files, on one thread."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def load(file: Path) -> onnxruntime.InferenceSession:
    """Safe to share between threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
