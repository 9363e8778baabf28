"""Who asked or changed what: which events there are, and what is never in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.db.repositories import access_log as rows
from speakerid.db.types import now
from speakerid.errors import StoreUnavailable
from speakerid.services import access_log, keys
from speakerid.services.bookkeeping import Bookkeeper, Notes
from speakerid.services.engine import Engine
from speakerid.types import AccessEvent
from tests.api.asking import DEFAULT, SPEAKERS, enroll, enrolled, identify, new_speaker, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.api.streaming import answers, pcm
from tests.conftest import STORES
from tests.sampled import ADA, BEN, probe, stranger, utterance

LOG = "/v1/access-log"


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def bookkeeper(client: TestClient, engine: Engine) -> Bookkeeper:
    notes: Notes = client.app.state.notes  # type: ignore[attr-defined]  # a FastAPI
    return Bookkeeper(engine, notes, 90)


def logged(engine: Engine, bookkeeper: Bookkeeper) -> list[AccessEvent]:
    bookkeeper.turn()
    with engine.read() as db:
        return list(access_log.page(db).items)


def test_what_changes_something_is_told_in_its_own_transaction(client: TestClient, engine: Engine) -> None:
    ada = new_speaker(client, "Ada")
    client.patch(f"{SPEAKERS}/{ada}", json={"name": "Ada L."}, headers={"X-Request-Id": "mine-1"})
    with engine.read() as db:  # nobody kept the books meanwhile
        made, changed = access_log.page(db).items
    assert (made.action, made.gallery, made.speaker_id) == ("POST /v1/galleries/{gallery}/speakers", "default", ada)
    assert (changed.key_id, changed.speaker_id, changed.outcome) == ("local", ada, "ok")
    assert changed.request_id == "mine-1"
    assert now() - changed.at < timedelta(minutes=1)


def test_what_only_asks_is_told_a_moment_later_with_who_was_named(
    client: TestClient, engine: Engine, bookkeeper: Bookkeeper
) -> None:
    ada = enrolled(client, ADA)
    before = len(logged(engine, bookkeeper))
    identify(client, probe(ADA))
    identify(client, stranger())
    client.post(f"{SPEAKERS}/{ada}/verify", content=probe(BEN))
    client.get(f"{SPEAKERS}/{ada}")
    events = [(one.action.rpartition("/")[2], one.speaker_id) for one in logged(engine, bookkeeper)[before:]]
    assert events == [("identify", ada), ("identify", None), ("verify", ada), ("{speaker_id}", ada)]


def test_a_request_is_told_once(client: TestClient, engine: Engine, bookkeeper: Bookkeeper) -> None:
    ada = new_speaker(client, "Ada")
    enroll(client, ada, utterance(ADA))
    client.post(f"{DEFAULT}/recordings", content=probe(ADA))  # several transactions
    events = logged(engine, bookkeeper)
    assert [one.action.partition("}/")[2] for one in events] == [
        "speakers",
        "speakers/{speaker_id}/utterances",
        "recordings",
    ]
    assert len({one.request_id for one in events}) == 3


def test_a_merge_is_about_both(client: TestClient, engine: Engine) -> None:
    ada, eve = (new_speaker(client, name) for name in ("Ada", "Eve"))
    client.post(f"{SPEAKERS}/{ada}/merge", json={"into": eve})
    with engine.read() as db:
        merged = access_log.page(db).items[2:]
    assert {one.speaker_id for one in merged} == {ada, eve}
    assert len({one.request_id for one in merged}) == 1


def test_a_refusal_is_told_with_its_code(client: TestClient, engine: Engine, key: Scoped) -> None:
    reader = key("read")
    books = Bookkeeper(engine, client.app.state.notes, 90)  # type: ignore[attr-defined]  # a FastAPI
    refused(client.post(SPEAKERS, json={"name": "Ada"}, headers=reader), 403, "scope_missing")
    refused(client.post(SPEAKERS, json={"name": "Ada"}), 401, "key_missing")
    with engine.read() as db:
        (robot,) = keys.every(db)
    (event,) = logged(engine, books)  # of whom nothing is known nothing is told
    assert (event.key_id, event.outcome) == (robot.id, "scope_missing")


def test_a_live_stream_is_about_whom_it_named(client: TestClient, engine: Engine, bookkeeper: Bookkeeper) -> None:
    ada = enrolled(client, ADA, utterances=2)
    before = len(logged(engine, bookkeeper))
    answers(client, pcm(ADA))
    (event,) = logged(engine, bookkeeper)[before:]
    assert (event.action, event.speaker_id) == ("WEBSOCKET /v1/galleries/{gallery}/stream", ada)


def test_health_figures_and_pages_leave_no_trace(client: TestClient, engine: Engine, bookkeeper: Bookkeeper) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nothing"):
        client.get(path)
    assert logged(engine, bookkeeper) == []


def test_of_an_erased_speaker_only_the_erasure_is_told(
    client: TestClient, engine: Engine, bookkeeper: Bookkeeper
) -> None:
    ada = enrolled(client, ADA)
    logged(engine, bookkeeper)
    identify(client, probe(ADA))  # still in memory when she goes
    client.delete(f"{SPEAKERS}/{ada}")
    events = logged(engine, bookkeeper)
    (left,) = [one for one in events if one.speaker_id is not None]
    assert (left.action, left.speaker_id) == ("DELETE /v1/galleries/{gallery}/speakers/{speaker_id}", ada)
    assert len(events) == 4  # that somebody was enrolled and named by this key stays


def test_of_an_erased_gallery_no_speaker_is_told(client: TestClient, engine: Engine, bookkeeper: Bookkeeper) -> None:
    client.post("/v1/galleries", json={"name": "team"})
    new_speaker(client, "Ada", "team")
    client.delete("/v1/galleries/team")
    events = logged(engine, bookkeeper)
    assert [one.speaker_id for one in events] == [None, None, None]
    assert [one.gallery for one in events] == [None, "team", "team"]


@pytest.mark.parametrize("path", ["/v1/galleries/Lovelace", f"{SPEAKERS}/Lovelace", f"{SPEAKERS}?name=Lovelace"])
def test_what_is_not_there_is_not_written_down(
    client: TestClient, engine: Engine, bookkeeper: Bookkeeper, path: str
) -> None:
    """Anything may stand in an address, a name too."""
    client.get(path)
    assert "Lovelace" not in str(logged(engine, bookkeeper))


def test_an_admin_reads_it_page_by_page(client: TestClient, bookkeeper: Bookkeeper) -> None:
    made = [new_speaker(client, name) for name in ("Ada", "Ben", "Eve")]
    first = client.get(LOG, params={"limit": 2}).json()
    assert [one["speaker_id"] for one in first["items"]] == made[:2]
    rest = client.get(LOG, params={"after": first["next_cursor"]}).json()
    assert ([one["speaker_id"] for one in rest["items"]], rest["next_cursor"]) == (made[2:], None)
    bookkeeper.turn()
    asked = client.get(LOG, params={"after": rest["items"][-1]["id"]}).json()["items"]
    assert [one["action"] for one in asked] == [f"GET {LOG}"] * 2  # who reads it is told as well


def test_it_is_filtered_by_speaker_and_time(client: TestClient) -> None:
    ada, _ = (new_speaker(client, name) for name in ("Ada", "Ben"))
    later = (now() + timedelta(hours=1)).isoformat()
    assert [one["speaker_id"] for one in client.get(LOG, params={"speaker_id": ada}).json()["items"]] == [ada]
    assert client.get(LOG, params={"since": later}).json()["items"] == []
    refused(client.get(LOG, params={"since": "soon"}), 422, "invalid_request")


def test_a_bound_admin_sees_the_events_of_its_galleries(client: TestClient, key: Scoped) -> None:
    client.post("/v1/galleries", json={"name": "team"})
    ada, _ = new_speaker(client, "Ada", "team"), new_speaker(client, "Ben")
    found = client.get(LOG, headers=key("admin", galleries=("team",))).json()["items"]
    assert {one["gallery"] for one in found} == {"team"}
    assert ada in {one["speaker_id"] for one in found}


def test_without_days_nothing_is_told(open_client: ClientMaker, engine: Engine) -> None:
    api = open_client(access_log_days=0)
    new_speaker(api, "Ada")
    api.get(SPEAKERS)
    assert logged(engine, Bookkeeper(engine, api.app.state.notes, 0)) == []  # type: ignore[attr-defined]  # a FastAPI


def test_old_events_are_forgotten(client: TestClient, engine: Engine, bookkeeper: Bookkeeper) -> None:
    ada, ben = new_speaker(client, "Ada"), new_speaker(client, "Ben")
    with engine.write() as db:
        rows.page(db, after=0, limit=1)[0].at = now() - timedelta(days=91)
    bookkeeper.purge()
    assert [one.speaker_id for one in logged(engine, bookkeeper)] == [ben]
    assert client.get(f"{SPEAKERS}/{ada}").status_code == 200


def test_events_wait_while_the_store_is_away(
    client: TestClient, engine: Engine, bookkeeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        client.get(SPEAKERS)

    def away(*_: Any) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(rows, "add", away)
        with pytest.raises(StoreUnavailable):
            bookkeeper.turn()
    events = logged(engine, bookkeeper)
    assert [one.at for one in events] == sorted(one.at for one in events)
    assert len(events) == 3


def test_what_is_rolled_back_is_told_as_what_became_of_it(
    client: TestClient, engine: Engine, bookkeeper: Bookkeeper
) -> None:
    new_speaker(client, "Ada", external_id="hr-1")
    refused(client.post(SPEAKERS, json={"name": "Eve", "external_id": "hr-1"}), 409, "external_id_taken")
    assert [one.outcome for one in logged(engine, bookkeeper)] == ["ok", "external_id_taken"]
