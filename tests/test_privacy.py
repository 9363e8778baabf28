"""Nothing leaves this machine and nothing is written but what the user named, whichever way the package is used."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

import speakerid
from speakerid import SpeakerID, samples
from tests import traced
from tests.traced import Seen

ROOT = Path(speakerid.__file__).parents[1]
PATIENCE_S = 300
SERVED_S = 14  # ONNX Runtime 1.32 looked up its vendor's host 9 s after it was loaded, then every 3 s
TURNED_ON = {"ORT_DISABLE_TELEMETRY": "0", "HF_HUB_DISABLE_TELEMETRY": "0", "RAY_USAGE_STATS_ENABLED": "1"}
LIBRARY = """
import sys
from speakerid import SpeakerID
with SpeakerID.open(sys.argv[1]) as voices:
    print(voices.identify(sys.argv[2]).decision)
"""
REACHING_OUT = """
import contextlib, socket, sys
from pathlib import Path
Path(sys.argv[1]).mkdir()
(Path(sys.argv[1]) / "file").write_text("written")
socket.getaddrinfo("localhost", 443)
with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as there:
    there.connect(("192.0.2.1", 9))  # an address that no machine has, and connecting sends no packet
"""

needs_strace = pytest.mark.skipif(traced.why_not() is not None, reason=traced.why_not() or "")


@dataclass(frozen=True)
class Machine:
    """A user's folders, all empty but the store, and programs run there under strace."""

    root: Path
    folders: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        names = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}
        object.__setattr__(self, "folders", {name: self.root / folder for name, folder in names.items()})
        for folder in (*self.folders.values(), self.calls, self.work, self.store.parent):
            folder.mkdir()

    @property
    def calls(self) -> Path:
        return self.root / "calls"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def store(self) -> Path:
        return self.root / "store" / "voices.db"

    @property
    def environment(self) -> dict[str, str]:
        """Only what a program needs; the user's own setting would switch telemetry on."""
        needed = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        places = {name: str(folder) for name, folder in self.folders.items()}
        compiled = {"PYTHONDONTWRITEBYTECODE": "1"}  # as an installed package is
        return needed | places | TURNED_ON | compiled

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = traced.traced([sys.executable, *arguments], self.calls)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.environment, cwd=self.work)

    def run(self, *arguments: str) -> str:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        return out

    def seen(self) -> Seen:
        return traced.read(self.calls)


@pytest.fixture(scope="module")
def enrolled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("enrolled") / "voices.db"
    with SpeakerID.open(path) as voices:
        voices.enroll("Ada", *_files("enroll"))
    return path


@pytest.fixture
def machine(tmp_path: Path, enrolled_store: Path) -> Machine:
    made = Machine(tmp_path)
    shutil.copy(enrolled_store, made.store)
    return made


def _files(kind: str) -> list[Path]:
    return sorted((Path(samples.__file__).parent / "voices" / "flite-slt").glob(f"{kind}-*.opus"))


def _assert_private(machine: Machine) -> None:
    seen = machine.seen()
    left = {path.name for folder in (*machine.folders.values(), machine.work) for path in folder.rglob("*")}
    found = {"name look-ups": seen.lookups, "connections": seen.connections, "files left": left}
    assert {what: these for what, these in found.items() if these} == {}
    assert seen.changed_outside(machine.store) == {}


@needs_strace
@pytest.mark.slow
class TestOutsideItself:
    def test_the_library_touches_only_its_store(self, machine: Machine) -> None:
        assert machine.run("-c", LIBRARY, str(machine.store), str(_files("probe")[0])) == "accept\n"
        _assert_private(machine)

    def test_the_command_touches_only_its_store(self, machine: Machine) -> None:
        probe = str(_files("probe")[0])
        output = machine.run("-m", "speakerid.cli", "identify", probe, "--store", str(machine.store), "--json")
        assert json.loads(output)["decision"] == "accept"
        _assert_private(machine)

    def test_the_service_touches_only_its_store(self, machine: Machine) -> None:
        process = machine.start("-m", "speakerid.cli", "serve", "--port", "0", "--store", str(machine.store))
        with process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().removeprefix("Listening on ").strip()
                _identify_for(SERVED_S, url)
            finally:
                process.send_signal(signal.SIGTERM)
        assert process.returncode == 0
        _assert_private(machine)


def _identify_for(seconds: float, url: str) -> None:
    probe, end = _files("probe")[0].read_bytes(), time.monotonic() + seconds
    while time.monotonic() < end:
        answer = httpx.post(f"{url}/v1/galleries/default/identify", content=probe, timeout=PATIENCE_S)
        assert answer.json()["decision"] == "accept"
        time.sleep(1)


@needs_strace
def test_a_program_that_does_any_of_this_is_seen(machine: Machine) -> None:
    folder = machine.work / "folder"
    machine.run("-c", REACHING_OUT, str(folder))
    seen = machine.seen()
    assert any("/etc/hosts" in call for call in seen.lookups)
    assert [call for call in seen.connections if "192.0.2.1" in call] != []
    assert set(seen.changed_outside(machine.store)) == {folder, folder / "file"}


@pytest.mark.parametrize("module", ["speakerid", "speakerid.client", "speakerid.cli.main"])
def test_importing_switches_telemetry_off_whatever_the_user_set(module: str) -> None:
    program = f"import {module}, os; print(*(os.environ[name] for name in {list(TURNED_ON)}))"
    environment = os.environ | TURNED_ON
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout == "1 1 0\n"


def test_a_library_that_was_loaded_before_has_its_telemetry_stopped() -> None:
    program = (
        "import onnxruntime; calls = []; onnxruntime.disable_telemetry_events = lambda: calls.append('stopped');"
        "from speakerid.onnx_session import open_session; print(*calls)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "stopped\n"
