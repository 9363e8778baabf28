"""What counts as a leak, and that no route of the OpenAPI document is forgotten."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from benchmarks.attack.routes import Request, RouteAnswer, request, routes
from benchmarks.attack.tenants import REFUSED, TenantFindings, Try
from benchmarks.attack.world import Tenant
from speakerid.api.app import create_app
from speakerid.settings import Settings

FOREIGN = Tenant("team-b", {"speaker_id": "spk_b"}, {}, ("secret-of-team-b", "spk_b"))
ASKED = Try("foreign speaker_id", Request("GET", "/v1/galleries/team-a/speakers/spk_b"), REFUSED)


@pytest.mark.parametrize(
    ("answer", "leaks", "answered", "unforeseen"),
    [
        (RouteAnswer(404, "There is no speaker spk_b."), 0, 0, 0),  # the caller said it themselves
        (RouteAnswer(404, "spk_b is Ada secret-of-team-b."), 1, 0, 0),
        (RouteAnswer(200, "{}"), 0, 1, 0),
        (RouteAnswer(200, '{"name": "Ada secret-of-team-b"}'), 1, 1, 0),
        (RouteAnswer(500, "Internal Server Error"), 0, 0, 1),
    ],
)
def test_an_answer_is_judged(answer: RouteAnswer, leaks: int, answered: int, unforeseen: int) -> None:
    found = TenantFindings()
    found.judge(ASKED, answer, FOREIGN)
    assert (found.sent, len(found.leaks), len(found.answered), len(found.unforeseen)) == (
        1,
        leaks,
        answered,
        unforeseen,
    )


def test_requests_are_made_of_what_the_document_says(app: FastAPI) -> None:
    every = {f"{one.method} {one.path}": one for one in routes(create_app(app.state.engine, Settings()).openapi())}
    merge = every["POST /v1/galleries/{gallery}/speakers/{speaker_id}/merge"]
    ids = {"gallery": "team-a", "speaker_id": "spk a/b"}
    made = request(merge, ids, {"into": "spk_b", "name": "no such field"}, b"audio", {})
    assert (made.target, made.body) == ("/v1/galleries/team-a/speakers/spk%20a%2Fb/merge", b'{"into": "spk_b"}')
    identify = every["POST /v1/galleries/{gallery}/identify"]
    assert request(identify, {"gallery": "team-a"}, {}, b"audio", {}).body == b"audio"
    assert "cursor" in every["GET /v1/galleries/{gallery}/speakers"].query
