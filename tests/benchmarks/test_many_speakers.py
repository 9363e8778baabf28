"""Galleries of very many speakers: the command runs, on few."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.many_speakers import __main__ as command
from benchmarks.many_speakers.made_up import RealVoices


def test_made_up_speakers_are_as_alike_as_real_ones_and_the_same_each_time() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((200, 32)) + 1.0
    voices = RealVoices(
        (real / np.linalg.norm(real, axis=1, keepdims=True)).astype(np.float32), np.zeros((1, 32), np.float32)
    )
    made = voices.speakers(0, 500)
    of_real, of_made = (
        np.percentile((one @ one.T)[np.triu_indices(len(one), 1)], 99) for one in (voices.voiceprints, made)
    )
    assert abs(of_real - of_made) < 0.1
    np.testing.assert_array_equal(made, voices.speakers(0, 500))


@pytest.mark.slow
def test_each_step_is_a_row(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    steps = ["filled", "first_start", "second_start", "searched"]
    command.main(["--speakers", "300", "--keep", str(tmp_path), *(word for one in steps for word in ("--only", one))])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [next(iter(row)) for row in rows] == steps
    assert rows[3]["searched"]["probes_1"]["same_best"] == 1.0
