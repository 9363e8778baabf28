"""The rules of the house: who may import whom, and where the heavy libraries may be loaded."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import speakerid
from tests.conftest import LONG

PACKAGE = Path(speakerid.__file__).parent
TESTS = Path(__file__).parent
OUTSIDE = ("benchmarks", "recipes")  # may import anything; the product imports nothing of them
MAX_LINES = 350

# A room may import rooms of a lower rung; rooms on one rung never import each other.
RUNGS: dict[str, int] = {
    "names": -1,  # text alone: errors may quote it
    "errors": 0,
    "types": 0,
    "privacy": 0,  # switches, set by `import speakerid`
    "onnx_session": 0,  # arrays in, arrays out of a graph, for whoever runs one
    "whole_files": 0,
    "samples": 0,  # files and their paths, nothing else
    "audio": 1,
    "scoring": 1,
    "metrics": 1,
    "index": 1,
    "encoders": 1,
    "db": 1,
    "diarization": 2,  # of what a segmenter hears; what it needs of scoring arrives as arguments
    "calibration": 2,
    "audit": 2,
    "classification": 2,
    "transcription": 2,
    "models": 2,  # runs what it converted: audio, encoders
    "services": 3,
    "settings": 4,
    "bootstrap": 5,
    "cluster": 6,  # what workers of a Ray cluster do; their driver is a command, or an evaluation
    "upkeep_verbs": 5,  # the half of `verbs` that keeps galleries in order and moves them
    "verbs": 6,
    "api": 7,
    "evaluation": 7,
    "cli": 8,  # starts the service and runs evaluations
    "__main__": 9,  # `python -m speakerid`
}
# Nobody else loads it: elsewhere it could be loaded before its telemetry is off, and with a thread for every core.
ONNX_RUNTIME = ("onnx_session.py",)
GROUND = {"errors", "types"}  # `types` builds on nothing; both may be used everywhere
ELSEWHERE: dict[str, set[str]] = {
    "training": {
        "errors",
        "types",
        "audio",
        "classification",
        "encoders",
        "metrics",
        "training",
        "whole_files",
    },
    "client": {"client", "errors", "names", "types"},  # its answers are those of the package
}
FENCES: dict[str, tuple[str, ...]] = {
    "torch": ("encoders/speechbrain.py", "classification/speechbrain.py", "training/"),
    "torchaudio": ("encoders/speechbrain_import.py",),
    "speechbrain": ("encoders/speechbrain_source.py", "training/"),
    "faster_whisper": ("transcription/whisper.py",),
    "huggingface_hub": ("encoders/model_hub.py",),
    "onnxruntime": ONNX_RUNTIME,
    "onnx": ("models/", "training/"),
    "platformdirs": ("settings.py",),
    "faiss": ("index/faiss.py", "index/compressed.py"),
    "fastcluster": ("diarization/clustering.py",),
    "fastapi": ("api/",),
    "starlette": ("api/",),
    "prometheus_client": ("api/metrics.py", "api/observation.py"),
    "opentelemetry": ("cli/server/tracing.py",),
    "uvicorn": ("cli/server/",),
    "sqlalchemy": ("db/",),
    "alembic": ("db/",),
    "cryptography": ("db/cipher.py",),
    "scipy": ("calibration/", "classification/fitting.py", "metrics/", "evaluation/"),  # none of these while serving
    "sklearn": ("calibration/", "classification/fitting.py", "evaluation/"),
    "ray": ("cluster/actors.py", "cli/server/ray_app.py"),
    "matplotlib": ("diarization/formats.py", "evaluation/"),
    "pyannote": ("metrics/der.py",),
    "typer": ("cli/",),
    "httpx": ("client/",),
    "websockets": ("client/live.py", "cli/server/protocols.py"),
    "sounddevice": ("cli/listen.py",),
    "httpcore": ("services/recordings/outgoing.py",),
    "pydantic_settings": ("settings.py",),
}
CLIENT_MAY = {"httpx", "websockets"}


@dataclass(frozen=True)
class Import:
    file: str  # relative to the package
    room: str
    target: str  # full dotted name


def _imports() -> Iterator[Import]:
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in _targets(node):
                yield Import(file, file.split("/")[0].removesuffix(".py"), target)


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        module = node.module or ""
        # `from speakerid import samples` names a room, `from speakerid.audio.vad import SileroVad` a thing in one.
        return [f"{module}.{alias.name}" for alias in node.names] if module == "speakerid" else [module]
    return []


def _room_of(target: str) -> str | None:
    parts = target.split(".")
    return parts[1] if parts[0] == "speakerid" and len(parts) > 1 else None


IMPORTS = list(_imports())


def test_every_room_has_a_rung() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or _is_room(path)}
    assert rooms - {"__init__"} == set(RUNGS) | set(ELSEWHERE)


def _is_room(path: Path) -> bool:
    return path.is_dir() and any(path.rglob("*.py"))


def test_imports_go_down_the_ladder() -> None:
    assert [one for one in IMPORTS if one.room in RUNGS and not _allowed(one)] == []


def _allowed(one: Import) -> bool:
    room = _room_of(one.target)
    if room is None or room == one.room or room in GROUND:
        return True
    if room in ELSEWHERE:
        return one.room == "cli"  # the command line may start a training run or be a client
    return room == "__version__" or RUNGS[room] < RUNGS[one.room]


@pytest.mark.parametrize("room", sorted(ELSEWHERE))
def test_training_and_client_stand_apart(room: str) -> None:
    own = [one for one in IMPORTS if one.room == room and _room_of(one.target) is not None]
    assert [one for one in own if _room_of(one.target) not in ELSEWHERE[room]] == []


def test_client_needs_only_what_speaks_http() -> None:
    import sys

    foreign = {one.target.split(".")[0] for one in IMPORTS if one.room == "client"} - {"speakerid", "__future__"}
    assert foreign - set(sys.stdlib_module_names) <= CLIENT_MAY


@pytest.mark.parametrize("library", sorted(FENCES))
def test_heavy_libraries_stay_behind_their_fence(library: str) -> None:
    used = {one.file for one in IMPORTS if one.target.split(".")[0] == library}
    assert {file for file in used if not file.startswith(FENCES[library])} == set()


def test_nothing_around_the_package_loads_onnx_runtime_by_itself() -> None:
    loading = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    folders = ("tests", *OUTSIDE, "migrations")
    files = [path for folder in folders for path in (PACKAGE.parent / folder).rglob("*.py")]
    assert [path.name for path in files if loading.search(path.read_text(encoding="utf-8"))] == []


def test_telemetry_is_off_before_the_package_loads_anything() -> None:
    first = [node for node in ast.parse((PACKAGE / "__init__.py").read_text()).body if not isinstance(node, ast.If)]
    assert [target for node in first for target in _targets(node)] == [
        "__future__",
        "importlib",
        "typing",
        "speakerid.privacy",
    ]
    assert {one.target for one in IMPORTS if one.file == "privacy.py"} == {"__future__", "os"}


def test_only_bootstrap_and_the_edges_read_settings() -> None:
    readers = {one.room for one in IMPORTS if _room_of(one.target) == "settings"}
    assert readers <= {"bootstrap", "verbs", "api", "cli", "evaluation"}


def test_the_product_imports_neither_benchmarks_nor_recipes() -> None:
    assert [one for one in IMPORTS if one.target.split(".")[0] in OUTSIDE] == []


def test_no_file_grows_past_one_idea() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for root in (PACKAGE, TESTS, *(PACKAGE.parent / folder for folder in OUTSIDE))
        for path in root.rglob("*.py")
    }
    assert {path.name: n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_one_class_name_is_one_class() -> None:
    roots = (PACKAGE, *(PACKAGE.parent / folder for folder in OUTSIDE))
    files = [path for root in roots for path in root.rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert {name: count for name, count in names.items() if count > 1} == {}


def test_the_long_test_files_are_there() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
