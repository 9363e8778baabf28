"""Is the process alive, and can it serve?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from speakerid.api.parameters import EngineDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.services.health import readiness
from speakerid.types import Readiness, to_json

router = APIRouter(tags=["health"], route_class=StrictRoute)
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness}}


@router.get("/healthz", responses=problems(422))
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses=problems(422) | NOT_READY)
def readyz(engine: EngineDep) -> Any:
    """The store answers, the last inference worked, and how far the index is behind."""
    found = readiness(engine)
    return JSONResponse(to_json(found), 200 if found.ready else 503)
