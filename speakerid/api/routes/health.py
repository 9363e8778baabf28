"""Is the process alive, and can it serve?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from speakerid.api.deps import EngineDep
from speakerid.services.readiness import readiness
from speakerid.types import Readiness, to_json

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
def readyz(engine: EngineDep) -> Any:
    """The store answers, the last inference worked, and how far the index is behind."""
    found = readiness(engine)
    return JSONResponse(to_json(found), 200 if found.ready else 503)
