"""Who may do what: per endpoint no key, a wrong scope, a foreign gallery, a missing one, and a valid call."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from speakerid.api.limits import KeyThrottle
from speakerid.classification.classifier import ClassifierFolder
from speakerid.services import keys
from speakerid.services.bookkeeping import Notes
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, SPEAKERS, enroll, new_speaker, refused
from tests.api.calls import CALLS
from tests.api.conftest import ClientMaker, Scoped
from tests.db.rows import unit
from tests.engines import RememberingPreparer, make_engine
from tests.sampled import ADA, probe, utterance
from tests.services.kept import inbox, keep_recording, stranger

INSIDE_A_GALLERY = [name for name, call in CALLS.items() if "{gallery}" in call.path]
OF_THE_STORE = [name for name, call in CALLS.items() if call.path.startswith(("/v1/keys", "/metrics"))] + [
    "create gallery",
    "import gallery",
]
ABOUT_A_SPEAKER = [name for name, call in CALLS.items() if "{speaker}" in call.path]
OPEN_TO_ALL = {"GET /healthz", "GET /readyz"}
SCOPES = ("enroll", "identify", "read", "admin")


@dataclass(frozen=True)
class Team:
    """A store that was filled once, to be copied, and what is in it."""

    store: Path
    ids: dict[str, str]


@pytest.fixture(scope="module")
def team(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    app: FastAPI,
    preparer: RememberingPreparer,
    classifiers: ClassifierFolder,
) -> Team:
    """A gallery 'team' with two speakers, one of them enrolled, one merged into the other, a stranger, a recording."""
    store = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("team") / "voices.db"))
    app.state.engine = engine = make_engine(str(store), preparer, classifiers=classifiers)
    app.state.key_throttle, app.state.notes = KeyThrottle(), Notes()
    with closing(engine), TestClient(app, base_url="http://127.0.0.1") as client:
        return Team(store, _fill(client, engine))


def _fill(client: TestClient, engine: Engine) -> dict[str, str]:
    client.post("/v1/galleries", json={"name": "team", "keep_unknown_voices": True})
    client.post("/v1/galleries", json={"name": "other"})
    speaker, other, gone = (new_speaker(client, name, "team") for name in ("Ada", "Eve", "Eva"))
    keep_recording(engine, stranger(unit(1)), gallery="team")
    merged = client.post(f"/v1/galleries/team/speakers/{gone}/merge", json={"into": other})
    recording = client.post("/v1/galleries/team/recordings", content=probe(ADA)).json()["id"]
    client.post(f"/v1/galleries/team/recordings/{recording}/cancel")
    return {
        "gallery": "team",
        "name": "team",
        "classifier": "tones",
        "key": "key_none",  # tests/api/test_keys.py has some: the first one closes the server
        "recording": recording,
        "voice": "unknown_1",
        "speaker": speaker,
        "other": other,
        "unknown": inbox(engine, "team")[0].id,
        "change": merged.json()["change"]["id"],
        "utterance": enroll(client, speaker, utterance(ADA), "team")["utterance"]["id"],
    }


@pytest.fixture
def store_url(team: Team, tmp_path: Path) -> str:
    """A copy for each test."""
    return str(shutil.copy(team.store, tmp_path / "voices.db"))


@pytest.fixture
def ids(team: Team) -> dict[str, str]:
    """What the places in a call stand for."""
    return team.ids


def test_every_route_is_listed_above(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path in paths for method in paths[path]} - OPEN_TO_ALL
    routes = {route.replace("_id}", "}") for route in routes}
    assert routes == {f"{call.method} {call.path}" for call in CALLS.values()}


@pytest.mark.parametrize("name", CALLS)
def test_without_a_key(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    key("admin")  # the first key closes the server
    answer = CALLS[name].send(client, {}, **ids)
    refused(answer, 401, "key_missing")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", CALLS)
def test_with_every_scope_but_the_right_one(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    call = CALLS[name]
    wrong = [scope for scope in SCOPES if scope not in (call.scope, *call.also, "admin")]
    refused(call.send(client, key(*wrong), **ids), 403, "scope_missing")


@pytest.mark.parametrize("name", [*INSIDE_A_GALLERY, *OF_THE_STORE])
def test_with_a_key_for_another_gallery(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    refused(CALLS[name].send(client, key(*SCOPES, galleries=("other",)), **ids), 403, "scope_missing")


@pytest.mark.parametrize("name", INSIDE_A_GALLERY)
def test_in_a_gallery_that_is_not_there(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    answer = CALLS[name].send(client, key(*SCOPES), **(ids | {"gallery": "nowhere"}))
    refused(answer, 404, "gallery_not_found")


@pytest.mark.parametrize("name", ABOUT_A_SPEAKER)
def test_with_a_speaker_who_is_not_there(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    answer = CALLS[name].send(client, key(*SCOPES), **(ids | {"speaker": "spk_nobody"}))
    refused(answer, 404, "speaker_not_found")


@pytest.mark.parametrize("name", ["delete utterance", "move"])
def test_an_utterance_that_is_not_there(client: TestClient, ids: dict[str, str], name: str) -> None:
    answer = CALLS[name].send(client, {}, **(ids | {"utterance": "utt_none"}))
    refused(answer, 404, "utterance_not_found")


@pytest.mark.parametrize("name", ["merge", "move"])
def test_another_speaker_who_is_not_there(client: TestClient, ids: dict[str, str], name: str) -> None:
    refused(CALLS[name].send(client, {}, **(ids | {"other": "spk_nobody"})), 404, "speaker_not_found")


@pytest.mark.parametrize("name", ["get unknown", "promote", "dismiss"])
def test_an_unknown_voice_that_is_not_there(client: TestClient, ids: dict[str, str], name: str) -> None:
    refused(CALLS[name].send(client, {}, **(ids | {"unknown": "unk_none"})), 404, "unknown_voice_not_found")


def test_a_change_that_is_not_there(client: TestClient, ids: dict[str, str]) -> None:
    refused(CALLS["undo"].send(client, {}, **(ids | {"change": "chg_none"})), 404, "change_not_found")


@pytest.mark.parametrize("name", CALLS)
def test_with_just_the_right_scope(client: TestClient, key: Scoped, ids: dict[str, str], name: str) -> None:
    call = CALLS[name]
    bound = () if name in OF_THE_STORE else ("team",)
    assert call.send(client, key(call.scope, galleries=bound), **ids).status_code == call.status


def test_admin_includes_every_scope(client: TestClient, key: Scoped, ids: dict[str, str]) -> None:
    admin = key("admin")
    assert [CALLS[name].send(client, admin, **ids).status_code for name in ("identify", "enroll")] == [200, 201]


def test_a_bound_key_lists_only_its_galleries(client: TestClient, key: Scoped, ids: dict[str, str]) -> None:
    listed = client.get("/v1/galleries", headers=key("read", galleries=("team",))).json()["items"]
    assert [one["name"] for one in listed] == ["team"]


def test_a_foreign_gallery_looks_the_same_whether_it_is_there_or_not(
    client: TestClient, key: Scoped, ids: dict[str, str]
) -> None:
    bound = key("read", galleries=("other",))
    there, nowhere = (client.get(f"/v1/galleries/{name}", headers=bound) for name in ("team", "nowhere"))
    assert (there.status_code, there.json()["detail"]) == (nowhere.status_code, nowhere.json()["detail"])


def test_a_key_of_an_erased_gallery_opens_no_new_one_of_that_name(
    client: TestClient, key: Scoped, ids: dict[str, str]
) -> None:
    admin, bound = key("admin"), key("read", galleries=("team",))
    assert client.delete("/v1/galleries/team", headers=admin).status_code == 204
    assert client.post("/v1/galleries", headers=admin, json={"name": "team"}).status_code == 201
    refused(client.get("/v1/galleries/team", headers=bound), 403, "scope_missing")
    assert client.get("/v1/galleries", headers=bound).json()["items"] == []


@pytest.mark.parametrize("sent", ["Bearer sid_wrong", "Bearer ", "Bearer é"])
def test_a_wrong_key(client: TestClient, key: Scoped, sent: str) -> None:
    key("admin")
    answer = client.get("/v1/galleries", headers=[(b"Authorization", sent.encode())])
    assert refused(answer, 401, answer.json()["code"])["code"] in ("key_invalid", "key_missing")


def test_a_revoked_key(client: TestClient, engine: Engine, key: Scoped) -> None:
    headers = key("read")
    with engine.write() as db:
        keys.revoke(db, keys.every(db)[0].id)
    refused(client.get("/v1/galleries", headers=headers), 401, "key_invalid")


def test_a_store_that_had_keys_stays_closed_until_it_is_opened_on_purpose(
    client: TestClient, engine: Engine, key: Scoped
) -> None:
    assert client.get("/v1/galleries").status_code == 200
    key("admin")
    with engine.write() as db:
        keys.revoke(db, keys.every(db)[0].id)
    refused(client.get("/v1/galleries"), 401, "key_missing")
    with engine.write() as db:
        keys.allow_without(db)
    assert client.get("/v1/galleries").status_code == 200


@pytest.mark.parametrize(("host", "needs_a_key"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True)])
def test_any_bind_but_loopback_needs_a_key(open_client: ClientMaker, host: str, needs_a_key: bool) -> None:
    assert open_client(host=host).get("/v1/galleries").status_code == (401 if needs_a_key else 200)


def test_health_needs_no_key(open_client: ClientMaker) -> None:
    client = open_client(host="0.0.0.0")
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/openapi.json")] == [200] * 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8700"}, 200),
        ({"Host": "[::1]:8700"}, 200),
        ({"Host": "127.0.0.5"}, 200),
        ({"Host": "evil.example"}, 401),  # DNS rebinding
        ({"Host": "127.0.0.1.evil.example"}, 401),
        ({"Host": "[::1"}, 401),
        ({"Host": ""}, 401),
        ({"Origin": "http://localhost:8700"}, 200),
        ({"Origin": "https://evil.example"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": "http://["}, 401),
    ],
)
def test_an_open_server_answers_only_this_machine(
    open_client: ClientMaker, headers: dict[str, str], status: int
) -> None:
    assert open_client().get(SPEAKERS, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Authorization": "Basic a2V5OnNpZF94"}, "Basic, which is what curl -u"),
        ({"Authorization": "sid_x"}, "does not say Bearer"),
        ({"X-Api-Key": "sid_x"}, "X-Api-Key is not read"),
        ({}, "This server needs a key."),
        ({"Authorization": "Token sid_x"}, "This server needs a key."),
    ],
)
def test_a_key_in_the_wrong_place_is_told_the_right_one(
    client: TestClient, key: Scoped, headers: dict[str, str], says: str
) -> None:
    key("read")
    detail = refused(client.get(DEFAULT, headers=headers), 401, "key_missing")["detail"]
    assert says in detail
    assert "'Authorization: Bearer sid_…'" in detail


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_of_a_key_is_written_in_any_way(client: TestClient, key: Scoped, scheme: str) -> None:
    secret = key("read")["Authorization"].removeprefix("Bearer ")
    assert client.get(DEFAULT, headers={"Authorization": f"{scheme} {secret}"}).status_code == 200
