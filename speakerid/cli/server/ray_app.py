"""The service as an application of Ray Serve: `serve run speakerid.cli.server.ray_app:app`, or docker/ray.yaml.

A replica is what `speakerid serve` is but for the socket: Ray's proxies listen, and hand over requests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from speakerid.cli.serve import logged, ready_engine, work_beside
from speakerid.errors import EncoderFailed, SettingsError
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.settings import Settings

NAME = "speakerid"
# Handed to a replica at a time: what cannot be answered in time it refuses itself, with Retry-After (api/admission.py).
REQUESTS = 1024
REQUEST_ID = b"x-request-id"
EVERYWHERE = "0.0.0.0"  # what Ray's proxies listen on is not known here


def app(settings: dict[str, str]) -> Any:
    """An application of one replica; Ray's own configuration says how many there are to be.

    `settings`, by their names, go before those of the replicas' environment. Unless its `host` is a loopback address,
    as that of Ray's proxies must be then, every request needs a key. Raises SettingsError, ExtraMissing.
    """
    require("ray")
    from ray import serve

    given = {"host": EVERYWHERE} | settings
    _read(given)

    def build() -> Any:
        """In the replica."""
        return _replica(given)

    deployment = serve.deployment(
        serve.ingress(build)(Replica),
        name=NAME,
        max_ongoing_requests=REQUESTS,
        logging_config={"enable_access_log": False},  # the service has its own, without addresses
    )
    return deployment.bind()


class Replica:
    app: Any  # of FastAPI; Ray's wrapper sets it

    async def check_health(self) -> None:
        """Ray starts another replica in the place of one that raises.

        That mends an encoder. A store that is away it would not bring back: meanwhile answers are 503, as ever.
        """
        from speakerid.services.health import failing

        if why := failing(self.app.state.engine):
            raise EncoderFailed(why)


class OneRequestId:
    """Ray's proxy hands over an id with each request, and puts it into the answer: ours would be there twice."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(REQUEST_ID)

        async def send_once(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [one for one in message["headers"] if tuple(one) != (REQUEST_ID, given)]
            await send(message)

        await self._app(scope, receive, send_once)


def _read(given: dict[str, str]) -> Settings:
    """Raises SettingsError, also for a name that is no setting."""
    from speakerid.settings import Settings, read_settings

    if wrong := sorted(given.keys() - Settings.model_fields.keys()):
        raise SettingsError(f"There is no setting {wrong[0]!r}. The README lists them.")
    return read_settings(**given)


def _replica(given: dict[str, str]) -> Any:
    """Raises what `ready_engine` does."""
    from speakerid.api.app import create_app

    settings = _read(given)
    with ExitStack() as undo:
        traces = undo.enter_context(logged(settings))
        _refuse_shared_file(settings)
        engine = undo.enter_context(ready_engine(settings, traces))
        made = create_app(engine, settings)
        made.add_middleware(OneRequestId)
        undo.enter_context(work_beside(engine, settings, made.state.notes))
        made.router.lifespan_context = partial(_until_stopped, undo.pop_all())
    return made


@asynccontextmanager
async def _until_stopped(held: ExitStack, app: Any) -> AsyncIterator[None]:
    """Ray ends it when requests are answered, or its `graceful_shutdown_timeout_s` is over."""
    with held:
        yield
        app.state.stopping = True


def _refuse_shared_file(settings: Settings) -> None:
    """Raises SettingsError: on another machine a file would be another store."""
    import ray
    from ray import serve

    from speakerid.db.engine import store_url

    if store_url(settings.store).get_backend_name() != "sqlite":
        return
    machines = sum(bool(node["Alive"]) for node in ray.nodes())
    replicas = serve.get_replica_context().world_size
    if machines > 1 or replicas > 1:
        raise SettingsError(
            f"A SQLite file is the store of one replica on one machine, and there are {replicas} on {machines}. Give "
            "a postgresql:// URL as store."
        )
