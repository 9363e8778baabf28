"""A call of every route, and what is needed to make it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient

from tests.classification.tone_classifier import whistled
from tests.sampled import ADA, BEN, probe, utterance

G = "/v1/galleries/{gallery}"
S = G + "/speakers/{speaker}"
U = G + "/unknowns/{unknown}"
R = G + "/recordings"
C = "/v1/classifiers/{classifier}"


@dataclass(frozen=True)
class Call:
    """`path` and a JSON `body` have room for a gallery, speakers, an utterance, a change and an unknown voice.

    `scope` is the least that suffices.
    """

    method: str
    path: str
    scope: str
    status: int
    body: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()  # scopes that suffice as well

    def send(self, client: TestClient, headers: dict[str, str], **ids: str) -> Any:
        filled = {key: _filled(value, ids) for key, value in self.body.items()}
        return client.request(self.method, self.path.format(**ids), headers=headers, **filled)


def _filled(body: Any, ids: dict[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    return {key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()}


CALLS = {
    "create gallery": Call("POST", "/v1/galleries", "admin", 201, {"json": {"name": "new"}}),
    "list galleries": Call("GET", "/v1/galleries", "read", 200),
    "get gallery": Call("GET", G, "read", 200),
    "change gallery": Call("PATCH", G, "admin", 200, {"json": {"target_fpir": 0.02}}),
    "delete gallery": Call("DELETE", G, "admin", 204),
    "export gallery": Call("GET", G + "/export", "admin", 200),
    "import gallery": Call("POST", "/v1/galleries/import", "admin", 422, {"content": b"no zip"}),
    "reembed": Call("POST", G + "/reembed", "admin", 409),  # it has that encoder
    "look at reembedding": Call("GET", G + "/reembed", "read", 404),
    "cancel reembedding": Call("POST", G + "/reembed/cancel", "admin", 404),
    "calibrate": Call("POST", G + "/calibrate", "admin", 409),  # one speaker is too few
    "reset calibration": Call("DELETE", G + "/calibration", "admin", 200),
    "create speaker": Call("POST", G + "/speakers", "enroll", 201, {"json": {"name": "Ben"}}),
    "list speakers": Call("GET", G + "/speakers", "read", 200),
    "get speaker": Call("GET", S, "read", 200),
    "change speaker": Call("PATCH", S, "enroll", 200, {"json": {"name": "Ada L."}}),
    "opt out": Call("POST", S + "/opt-out", "enroll", 200),
    "delete speaker": Call("DELETE", S, "enroll", 204),
    "enroll": Call("POST", S + "/utterances", "enroll", 201, {"content": utterance(ADA, 1)}),
    "list utterances": Call("GET", S + "/utterances", "read", 200),
    "delete utterance": Call("DELETE", S + "/utterances/{utterance}", "enroll", 200),
    "identify": Call("POST", G + "/identify", "identify", 200, {"content": probe(ADA)}),
    "verify": Call("POST", S + "/verify", "identify", 200, {"content": probe(ADA)}),
    "audit": Call("POST", G + "/audit", "enroll", 200),
    "merge": Call("POST", S + "/merge", "enroll", 200, {"json": {"into": "{other}"}}),
    "move": Call("POST", S + "/utterances/{utterance}/move", "enroll", 200, {"json": {"to": "{other}"}}),
    "split": Call("POST", S + "/split", "enroll", 404, {"json": {"name": "Eve", "utterances": ["utt_0"]}}),
    "history": Call("GET", G + "/history", "read", 200),
    "undo": Call("POST", G + "/history/{change}/undo", "enroll", 200),
    "list unknowns": Call("GET", G + "/unknowns", "read", 200),
    "get unknown": Call("GET", U, "read", 200),
    "promote": Call("POST", U + "/promote", "enroll", 200, {"json": {"name": "Eve"}}),
    "promote voice": Call(
        "POST", R + "/{recording}/voices/{voice}/promote", "enroll", 409, {"json": {"name": "Eve"}}
    ),  # its recording was cancelled
    "dismiss": Call("DELETE", U, "enroll", 204),
    "send recording": Call("POST", R, "identify", 202, {"content": probe(ADA)}),
    "list recordings": Call("GET", R, "identify", 200, also=("read",)),
    "get recording": Call("GET", R + "/{recording}", "read", 200, also=("identify",)),
    "recording events": Call("GET", R + "/{recording}/events", "read", 200, also=("identify",)),
    "recording audio": Call("GET", R + "/{recording}/audio", "read", 404),  # not kept
    "recording peaks": Call("GET", R + "/{recording}/peaks", "read", 404),
    "cancel recording": Call("POST", R + "/{recording}/cancel", "identify", 200),
    "delete recording": Call("DELETE", R + "/{recording}", "identify", 204),
    "list classifiers": Call("GET", "/v1/classifiers", "read", 200),
    "get classifier": Call("GET", C, "read", 200),
    "classify": Call("POST", C + "/classify", "identify", 200, {"content": whistled("low")}),
    "labels": Call("POST", "/hf/{name}", "identify", 200, {"content": probe(ADA)}),
    "labels of a model": Call("POST", "/hf/models/{name}", "identify", 200, {"content": probe(ADA)}),
    "metrics": Call("GET", "/metrics", "read", 200),
    "access log": Call("GET", "/v1/access-log", "admin", 200),
    "list keys": Call("GET", "/v1/keys", "admin", 200),
    "create key": Call("POST", "/v1/keys", "admin", 201, {"json": {"name": "new", "scopes": ["read"]}}),
    "rotate key": Call("POST", "/v1/keys/{key}/rotate", "admin", 404, {"json": {}}),
    "revoke key": Call("DELETE", "/v1/keys/{key}", "admin", 404),
    "transcribe": Call(
        "POST",
        "/v1/audio/transcriptions",
        "identify",
        200,
        {"files": {"file": ("a", probe(ADA))}, "data": {"model": "{name}", "response_format": "diarized_json"}},
    ),
    "embeddings": Call("POST", "/v1/embeddings", "identify", 200, {"content": probe(BEN)}),
}
