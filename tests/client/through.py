"""A transport that hands the Client's requests to the API without a network."""

from __future__ import annotations

import httpx
from fastapi.testclient import TestClient


class Through(httpx.BaseTransport):
    def __init__(self, api: TestClient) -> None:
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._api.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)
