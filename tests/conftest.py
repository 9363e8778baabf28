"""What tests in several folders need: real speech, stores of both kinds, an engine over one, a client of its API."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import hypothesis
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from speakerid.api.app import create_app
from speakerid.api.limits import KeyThrottle
from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade
from speakerid.models.catalog import CATALOG
from speakerid.models.store import is_whole
from speakerid.services.bookkeeping import Notes
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.engines import EngineMaker, RememberingPreparer, make_engine
from tests.postgres import Postgres, start

if TYPE_CHECKING:
    from tests.models.wheels import Served

SPEECH = Path(__file__).resolve().parents[1].parent / "shared" / "speech"
FETCHED = Settings().models_folder  # where this machine has its fetched models, if it has any
# Files that take 15 s or more. Each runs in one piece on one core: one that began last would leave the others idle.
LONG = (
    *("benchmarks/decisions/test_open_set.py", "test_image.py", "benchmarks/attack/test_attacks.py"),
    *("api/test_bombs.py", "audio/test_bombs.py", "cli/test_console.py", "cli/test_worker.py"),
    *("docs/test_blocks.py", "api/test_openapi.py"),
    *("evaluation/test_end_to_end.py", "evaluation/embedding/test_stage.py", "cli/test_command_line.py"),
    *("cli/test_serve.py", "training/test_finetune.py", "recipes/bundled_encoder/test_run.py", "api/test_auth.py"),
    *("cli/server/test_slow_clients.py", "test_privacy.py", "metrics/test_intervals.py", "cluster/test_local_ray.py"),
)
# The same examples in each run, however slow it is: what fails is a fault of the change, and can be looked for again.
# New examples: `pytest --hypothesis-profile=default`.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")
STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays: looking through it for garbage again and again took a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files come first; the others stay beside those of their folder, which share servers and browsers."""
    here, rank = Path(__file__).parent, {name: nth for nth, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(here).as_posix(), len(LONG)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that passing tests recorded, from every worker."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session", autouse=True)
def no_fetched_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every machine tests the same `default` encoder, whatever models it has fetched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEAKERID_MODELS", str(tmp_path_factory.mktemp("no-models")))
        yield


@pytest.fixture(scope="session")
def fetched_models() -> Path:
    """The real ones; tests that need them are skipped without."""
    if not all(is_whole(model, FETCHED) for model in CATALOG):
        pytest.skip(f"needs the models that 'speakerid models fetch' brings, which are not in {FETCHED}")
    return FETCHED


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Made once."""
    from tests.models.wheels import serve  # torch, which a Python of the core alone does not have

    return serve(tmp_path_factory.mktemp("index") / "wheels")


@pytest.fixture(scope="session")
def speech_root() -> Path:
    """Real speech beside the repository; tests that need it are skipped without."""
    if not SPEECH.is_dir():
        pytest.skip("needs real speech in ../shared/speech, which is not here")
    return SPEECH


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests."""
    try:
        server = start()
    except Exception as error:  # whatever keeps it from starting is a reason to skip
        pytest.skip(f"PostgreSQL cannot start here: {error!r}")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store at the newest schema, to be copied: faster than migrating anew."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = open_database(path)
    upgrade(database)
    database.close()
    return path


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Override it in a test file that is about one kind of store only."""
    kind: str = request.param
    return kind


@pytest.fixture
def empty_store_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A store without tables."""
    if store_kind == "sqlite":
        yield str(tmp_path / "voices.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(migrated=False) as url:
        yield url


@pytest.fixture
def store_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh store at the newest schema."""
    if store_kind == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        yield str(shutil.copy(template, tmp_path / "voices.db"))
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(migrated=True) as url:
        yield url


@pytest.fixture(scope="session")
def preparer() -> RememberingPreparer:
    """The real path from bytes to speech; what was heard once is remembered."""
    return RememberingPreparer()


@pytest.fixture
def open_engine(preparer: RememberingPreparer) -> Iterator[EngineMaker]:
    """Make engines over any store, as many as a test wants; they are closed when it ends."""
    with ExitStack() as stack:

        def make(store: str, **options: object) -> Engine:
            engine = make_engine(store, preparer, **options)  # type: ignore[arg-type]  # of the types that its callers give
            stack.callback(engine.close)
            return engine

        yield make


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str) -> Engine:
    return open_engine(store_url)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """One service for all tests: its first answer takes 30 ms, each later one 3 ms."""
    return create_app(cast(Engine, None), Settings())


@pytest.fixture
def client(app: FastAPI, engine: Engine) -> Iterator[TestClient]:
    """The API on loopback, open as long as no key exists."""
    app.state.engine = engine
    app.state.key_throttle, app.state.notes = KeyThrottle(), Notes()
    with TestClient(app, base_url="http://127.0.0.1") as made:
        yield made
