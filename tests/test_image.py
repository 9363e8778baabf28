"""What the image would hold, made by its own lines without a container: it serves, needs no torch, and stays small.

`python -m pytest tests/test_image.py` prints the sizes. It needs the package index that pip uses.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import speakerid
from speakerid.models.fetch import NO_CONNECTION

pytestmark = pytest.mark.slow
ROOT = Path(speakerid.__file__).parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
MAX_CORE_BYTES = 400_000_000  # of what the wheels hold; Python's byte code, made from it, comes to another 50 MB
BYTE_CODE = ".pyc"
OF_EXTRAS = re.compile(
    r"psycopg|cryptography|opentelemetry_(sdk|exporter|proto|semantic)|googleapis|requests|urllib3|charset_normalizer"
)
TOOLS = re.compile(r"pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence|_virtualenv")
PATIENCE_S = 600
VOICES = ROOT / "speakerid" / "samples" / "voices"
HEAVY = ("torch", "torchaudio", "speechbrain", "scipy", "sklearn", "matplotlib", "onnx")


@dataclass(frozen=True)
class Image:
    """`root` is where the image's `/opt` lies."""

    root: Path

    @property
    def packages(self) -> Path:
        return next((self.root / "opt" / "speakerid" / "lib").glob("python*/site-packages"))

    def command(self, *arguments: str) -> list[str]:
        return [str(self.root / "opt" / "speakerid" / "bin" / "speakerid"), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As the image does, in a folder of its own and with nothing of this checkout in reach."""
        return subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPEAKERID_", "PYTHON"))}
        return kept | {"SPEAKERID_MODELS": str(self.root / "opt" / "models")}

    def bytes_of(self, *, byte_code: bool) -> int:
        """Of all but the tools of a fresh environment and what only extras need: the image has three of them."""
        files = (path for path in self.packages.rglob("*") if path.is_file() and not path.is_symlink())
        left_out = re.compile(f"{TOOLS.pattern}|{OF_EXTRAS.pattern}")
        return sum(
            path.stat().st_size
            for path in files
            if (byte_code or path.suffix != BYTE_CODE) and not left_out.match(path.relative_to(self.packages).parts[0])
        )


def lines_of(stage: str, instruction: str) -> list[str]:
    """Of one stage of the Dockerfile, with lines that go on joined."""
    text = next(part for part in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:] if part.startswith(stage))
    whole = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{instruction} ") for line in whole if line.startswith(f"{instruction} ")]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Made by the lines of the stage that builds, with /opt in a folder."""
    root = tmp_path_factory.mktemp("image")
    context = root / "src"
    context.mkdir()
    for line in lines_of("python:3.13-slim AS build", "COPY"):
        _copy(line.split()[:-1], line.split()[-1], context)
    for line in lines_of("python:3.13-slim AS build", "RUN"):
        _run(line.replace("python ", f"{sys.executable} ").replace("/opt/", f"{root}/opt/"), context)
    return Image(root)


def _copy(names: list[str], to: str, context: Path) -> None:
    if to.endswith("/"):  # as in a Dockerfile: a folder, made where it is missing
        (context / to).mkdir(parents=True, exist_ok=True)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, context / to)


def _run(line: str, context: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        ["sh", "-ec", line],
        cwd=context,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    if done.returncode and any(sign in done.stderr.lower() for sign in NO_CONNECTION):
        pytest.skip(f"no package index can be reached: {line}")
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_core_is_small(image: Image, record_property: Callable[[str, object], None]) -> None:
    core, compiled = image.bytes_of(byte_code=False), image.bytes_of(byte_code=True)
    wheel = next((image.root / "opt" / "dist").glob("*.whl")).stat().st_size
    with_extras = sum(
        path.stat().st_size for path in image.root.joinpath("opt", "speakerid").rglob("*") if path.is_file()
    )
    record_property("core, MB installed", round(core / 1e6))
    record_property("core with Python's byte code, MB installed", round(compiled / 1e6))
    record_property("wheel, MB", round(wheel / 1e6, 1))
    record_property("environment of the image, MB", round(with_extras / 1e6))
    assert core < MAX_CORE_BYTES
    assert {path.name for path in image.packages.iterdir()} & set(HEAVY) == set()


def test_the_wheel_holds_types_licenses_and_no_link_that_leads_nowhere(image: Image) -> None:
    about = next(image.packages.glob("enrolled_voices-*.dist-info"))
    assert (image.packages / "speakerid" / "py.typed").is_file()
    assert {path.name for path in (about / "licenses").rglob("*") if path.is_file()} == {"LICENSE"}
    assert len(list((about / "licenses").rglob("LICENSE"))) == 2
    assert [path for path in image.packages.iterdir() if path.name in {"tests", "benchmarks", "recipes", "docs"}] == []


def test_it_enrolls_and_identifies_with_the_fetched_models(image: Image) -> None:
    one = VOICES / "flite-slt"
    enrolled = image.run("enroll", "Ada", str(one / "enroll-1.opus"), str(one / "enroll-2.opus"))
    assert enrolled.returncode == 0, enrolled.stderr
    answer = json.loads(image.run("identify", str(one / "probe-1.opus"), "--json").stdout)
    assert (answer["decision"], answer["speaker"]["name"]) == ("accept", "Ada")
    assert answer["encoder"].startswith("campplus+ecapa-mini@")


@contextmanager
def _served(image: Image, *arguments: str) -> Iterator[str]:
    command = image.command("serve", "--store", "served.db", "--port", "0", *arguments)
    with subprocess.Popen(command, cwd=image.root, env=image.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("Listening on ").strip()
        finally:
            process.terminate()


def test_it_serves_identify_and_recordings(image: Image) -> None:
    one = VOICES / "flite-slt"
    with _served(image) as url, httpx.Client(base_url=f"{url}/v1/galleries/default", timeout=PATIENCE_S) as client:
        assert httpx.get(f"{url}/readyz").status_code == 200
        ada = client.post("/speakers", json={"name": "Ada"}).json()["id"]
        client.post(f"/speakers/{ada}/utterances", content=(one / "enroll-1.opus").read_bytes()).raise_for_status()
        answer = client.post("/identify", content=(one / "probe-1.opus").read_bytes()).json()
        assert answer["speaker"]["id"] == ada
    found = image.run("recording", str(one / "enroll-1.opus"), "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["turns"]


def test_other_addresses_need_a_key_as_the_image_has_them(image: Image) -> None:
    environment = " ".join(lines_of("python:3.13-slim\n", "ENV"))
    assert "SPEAKERID_HOST=0.0.0.0" in environment
    refused = image.run("serve", "--host", "0.0.0.0", "--port", "0", "--store", "no-key.db")
    assert refused.returncode == 2
    assert "no key" in refused.stderr


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("models", ("identify", "PROBE", "--encoder", "speechbrain/spkrec-ecapa-voxceleb", "--store", "hub.db")),
        ("models", ("models", "convert", "FOLDER", "out.onnx")),
        ("pictures", ("recording", "PROBE", "--format", "png", "--out", "out.png")),
        ("evaluate", ("models", "calibrate", "--data", "FOLDER")),
        ("evaluate", ("evaluate", "folder", "FOLDER", "--protocol", "identification")),
        ("train", ("finetune", "--data", "FOLDER", "--out", "out")),
        ("listen", ("listen",)),
    ],
)
def test_what_needs_an_extra_says_which(image: Image, extra: str, arguments: tuple[str, ...]) -> None:
    names = {"PROBE": str(VOICES / "flite-slt" / "probe-1.opus"), "FOLDER": str(VOICES)}
    refused = image.run(*(names.get(one, one) for one in arguments))
    assert refused.returncode == 1, refused.stderr
    assert f"pip install '.[{extra}]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_scores_of_other_tools_are_evaluated_without_an_extra(image: Image) -> None:
    (image.root / "scores.txt").write_text("1 a b 0.9\n0 a c 0.1\n1 b d 0.8\n0 c d 0.2\n", encoding="utf-8")
    made = image.run("evaluate", "trials", "--scores", "scores.txt", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["eer"] == 0.0


def test_fetching_models_needs_a_light_extra(image: Image, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"SPEAKERID_MODELS": str(tmp_path), "PIP_NO_INDEX": "1"}
    refused = subprocess.run(
        image.command("models", "fetch"), env=image.environment | asked, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("extra_missing: ")
    assert "pip install '.[fetch]'" in refused.stderr
