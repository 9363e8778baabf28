"""Open-set identification by domains: sample voices through the fake encoder, real speech through the real one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decisions import open_set
from benchmarks.decisions.open_set import OpenSetReport, run, table
from benchmarks.decisions.open_set_task import OpenSetTask, domain_task, librispeech_task
from speakerid import samples
from speakerid.bootstrap import build_engine, load_encoder
from speakerid.calibration.domains import own_domains
from speakerid.encoders.concatenated import ConcatenatedEncoder
from speakerid.encoders.fake import FakeEncoder
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import FloatArray
from tests.engines import RememberingPreparer

VOICES = Path(samples.__file__).parent / "voices"


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@dataclass(frozen=True, eq=False)
class Remembering(ConcatenatedEncoder):
    """Embeds what it was given once: enrollments are tried with the very utterances that are asked."""

    known: dict[bytes, FloatArray] = field(default_factory=dict)

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        keys = [sha256(one.tobytes()).digest() for one in waveforms]
        new = {key: one for key, one in zip(keys, waveforms, strict=True) if key not in self.known}
        if new:
            self.known.update(zip(new, super().embed(list(new.values())), strict=True))
        return np.stack([self.known[key] for key in keys])


def report(domain: str, named: int, **counts: int) -> OpenSetReport:
    facts = {"enrolled": 5, "too_short": 0, "sent": 100, "known": 50, "top_1": 50, "accepted": 40, "wrong_names": 0}
    return OpenSetReport(domain, 0, refused={}, strangers=50, strangers_named=named, **facts | counts)


def test_half_of_the_speakers_are_enrolled_and_others_asked() -> None:
    (domain,) = own_domains([VOICES])
    task = domain_task(domain, FakeEncoder(), enrolled=30, utterances=2)
    assert len(task.enroll) == (7 - task.one_person_twice + 1) // 2
    assert {len(own) for own in task.enroll.values()} == {2}
    assert {name for name, _ in task.known} == set(task.enroll)
    strangers = {name for name, _ in task.strangers}
    assert strangers < set(domain.speakers) - set(task.enroll)
    assert len(strangers) == 7 - task.one_person_twice - len(task.enroll)
    enrolled = [samples.tobytes() for own in task.enroll.values() for samples in own]
    assert not {samples.tobytes() for _, samples in task.known} & set(enrolled)
    assert len(domain_task(domain, FakeEncoder(), enrolled=2, utterances=2).enroll) == 2


def test_what_the_services_answer_is_counted(engine: Engine) -> None:
    (domain,) = own_domains([VOICES])
    task = domain_task(domain, FakeEncoder(), enrolled=30, utterances=2)
    silent = np.zeros(32_000, np.float32)
    quiet = OpenSetTask("voices", 0, task.enroll, [*task.known, (next(iter(task.enroll)), silent)], task.strangers)
    found = run(engine, quiet, 0.01)
    assert found.enrolled == len(task.enroll)
    assert found.known == len(task.known) >= found.top_1 >= found.accepted > 0
    assert found.too_short == 1
    assert found.strangers == len(task.strangers)
    assert found.sent == 2 * (2 * len(task.enroll) + len({name for name, _ in task.strangers}))
    assert found.accepted + found.wrong_names <= found.known


def test_the_worst_domain_comes_first() -> None:
    lines = list(table([report("mild", 1), report("bad", 5), report("good", 0, known=0, accepted=0)]))
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| ")] == ["domain", "bad", "mild", "good"]
    assert "5 of 50: 10.0 % [" in lines[2]
    assert "| – |" in lines[4]
    assert len({line.count("|") for line in lines[:5]}) == 1


def test_the_command_prints_a_line_for_each_domain(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_set.main(["--data", str(VOICES), "--encoder", "fake", "--utterances", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["domain"] == "voices"


@pytest.mark.slow
def test_known_speakers_are_named_and_strangers_are_not(
    speech_root: Path, fetched_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEAKERID_MODELS", str(fetched_models))
    task = librispeech_task(speech_root / "librispeech", 3)
    assert (len(task.enroll), len(task.strangers)) == (105, 100)
    some = dict(list(task.enroll.items())[:30])  # the 5 who are asked for come first
    task = dataclasses.replace(task, enroll=some, strangers=task.strangers[::4])
    default = load_encoder("default")
    assert isinstance(default, ConcatenatedEncoder)
    with closing(
        build_engine(Settings(store=str(tmp_path / "voices.db")), Remembering(default.name, default.parts))
    ) as engine:
        found = run(dataclasses.replace(engine, preparer=RememberingPreparer()), task, 0.01)
    assert (found.known, found.strangers, found.too_short) == (35, 25, 0)
    # Measured: all of them right and accepted, and nobody named wrongly.
    assert found.top_1 == 35
    assert found.accepted >= 33
    assert found.wrong_names == 0
    assert found.strangers_named <= 1
    assert sum(found.refused.values()) <= 2
