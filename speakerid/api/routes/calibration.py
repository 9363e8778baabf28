"""A gallery's own calibration: fit it, go back to the default."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from speakerid.api import examples
from speakerid.api.auth import allow
from speakerid.api.deps import EngineDep, GalleryDep, IfMatch
from speakerid.api.etags import with_etag
from speakerid.api.long_work import gallery_work
from speakerid.api.parameters import StrictRoute
from speakerid.api.problems import problems
from speakerid.db.models import GalleryRow
from speakerid.services import calibrate
from speakerid.services.engine import Engine
from speakerid.types import CalibrationReport, Gallery, Key

ADMIN = allow("admin")
Admin = Annotated[Key | None, ADMIN]
router = APIRouter(prefix="/galleries/{gallery}", tags=["calibration"], dependencies=[ADMIN], route_class=StrictRoute)
DryRun = Annotated[bool, Query(description="Only report; change nothing.")]


@router.post("/calibrate", responses=examples.ok(examples.CALIBRATION) | problems(401, 403, 404, 409, 422, 429))
async def calibrate_gallery(
    request: Request,
    caller: Admin,
    engine: EngineDep,
    gallery: GalleryDep,
    dry_run: DryRun = False,
) -> CalibrationReport:
    """Fit a calibration on the gallery's own enrollment utterances and use it from now on.

    Measured on speakers left out of the fit, beside the default. Refused (409) with `too_few_trials` or
    `classes_overlap` when it would say nothing. The larger the gallery, the longer it takes: up to half a minute. One
    audit or calibration runs at a time and a few callers wait; the others are answered 429.
    """
    return await gallery_work(request).run(request, caller, partial(_calibrated, engine, gallery, keep=not dry_run))


@router.delete("/calibration", response_model=Gallery, responses=problems(401, 403, 404, 412, 422))
def reset_calibration(engine: EngineDep, gallery: GalleryDep, if_match: IfMatch = None) -> Any:
    """Go back to the encoder's default calibration. The answer is the gallery as it is then."""
    with engine.write() as db:
        changed = calibrate.reset(engine, db, gallery.name, if_match)
    return with_etag(changed)


def _calibrated(engine: Engine, gallery: GalleryRow, *, keep: bool) -> CalibrationReport:
    made = calibrate.fit(engine, gallery)
    if not keep:
        return made.report
    with engine.write() as db:
        return calibrate.keep(db, gallery.name, made)
