"""The access log shows paths, never the names in a query."""

from __future__ import annotations

import logging

from speakerid.cli.server.uvicorn_server import without_query


def test_the_access_log_has_no_query() -> None:
    arguments = ("127.0.0.1:5", "GET", "/v1/galleries/default/speakers?name=Ada", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert without_query(record)
    assert record.getMessage() == '127.0.0.1:5 - "GET /v1/galleries/default/speakers HTTP/1.1" 200'
