"""How a server and its workers write to their log on stderr: lines for people, or a JSON object a line for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from speakerid.db.asked import ASKED

LogFormat = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """`fields` of a record, where it has some, are members of their own, and so are the ids of what is at hand."""

    def __init__(self, ids: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (asked := ASKED.get()) is not None and asked.request_id:
            line["request_id"] = asked.request_id
        line |= self._ids()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_log(form: LogFormat, ids: Callable[[], Mapping[str, str]] = dict, *, requests: bool = False) -> None:
    """Warnings and worse; `requests`: a line for each request as well. `ids`: of the trace at hand."""
    handler = logging.StreamHandler()  # stderr: stdout belongs to the announcement
    handler.setFormatter(JsonLines(ids) if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if requests:
        logging.getLogger("speakerid.requests").setLevel(logging.INFO)
