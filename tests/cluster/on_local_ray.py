"""What a Ray cluster on this machine answers, as a program of its own: Ray warns of its own settings, and warnings fail
tests. It starts Ray once, works in the folder that it is given, and leaves answers.json there."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import ray
import yaml  # type: ignore[import-untyped]  # it has no types
from ray import serve
from ray.serve.schema import ServeDeploySchema

from speakerid.cli.server import ray_app
from speakerid.client import Client
from speakerid.errors import SettingsError
from speakerid.types import to_json
from tests.cli.command import Command
from tests.cluster.shaped import asked
from tests.sampled import ADA, probe

PATIENCE_S = 120.0
STORE_BYTES = 150 * 1024**2


def main(folder: Path) -> None:
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    try:
        answers = {name: work(folder) for name, work in WORK.items()}
    finally:
        serve.shutdown()
        ray.shutdown()
    answers["closed"] = not (folder / "served.db-wal").exists()
    (folder / "answers.json").write_text(json.dumps(answers))


def enrolled(folder: Path) -> Any:
    cluster = ("--engine", "ray", "--workers", "2", "--encoder", "bundled")
    ran = Command(folder / "enrolled.db")("enroll", "--tree", folder / "tree", "--json", *cluster)
    return {"code": ran.code, "lines": ran.lines, "err": ran.err}


def moved(folder: Path) -> Any:
    ran = Command(folder / "moved.db")("reembed", "--to", "bundled", "--json", "--engine", "ray")
    return {"code": ran.code, "state": ran.json["state"]}


def served(folder: Path) -> Any:
    store, port = folder / "served.db", free_port()
    url = f"http://127.0.0.1:{port}"
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"enable_access_log": False})
    serve.run(ray_app.app({"store": str(store), "encoder": "fake", "host": "127.0.0.1"}), name="speakerid")
    with Client(url) as client:
        answers: dict[str, Any] = {"asked": asked(client), "ready": client.ready().ready}
        answers["live"] = [to_json(one) for one in client.listen(spoken())]
    identify = f"{url}/v1/galleries/default/identify"
    headers = httpx.post(identify, content=probe(ADA), headers={"X-Request-Id": "mine-1"}).headers
    answers["request ids"] = headers.get_list("x-request-id")
    Command(store)("keys", "create", "operator", "--scope", "admin")
    return answers | {"without a key": httpx.post(identify, content=probe(ADA)).status_code}


def spoken() -> list[bytes]:
    """A second of silence."""
    return [bytes(3200)] * 10


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def shared_file(folder: Path) -> Any:
    """What the second replica on a file says."""
    serve.get_replica_context = lambda: SimpleNamespace(world_size=2)  # as in one
    try:
        ray_app._replica({"store": str(folder / "nobodys.db"), "encoder": "fake"})
    except SettingsError as error:
        return str(error)
    return None


def example(folder: Path) -> Any:
    """What docker/ray.yaml asks Ray for."""
    read = yaml.safe_load((Path(__file__).parents[2] / "docker" / "ray.yaml").read_text())
    (one,) = ServeDeploySchema.model_validate(read).applications
    return {"import_path": one.import_path, "args": one.args, "deployments": [each.name for each in one.deployments]}


WORK: dict[str, Callable[[Path], Any]] = {
    "enrolled": enrolled,
    "moved": moved,
    "served": served,
    "shared file": shared_file,
    "example": example,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
