"""A gallery's own calibration: fit it, go back to the default."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from speakerid.api import examples
from speakerid.api.auth import allow
from speakerid.api.deps import EngineDep, GalleryDep, IfMatch
from speakerid.api.etags import with_etag
from speakerid.api.problems import problems
from speakerid.api.schemas import CalibrationChoice
from speakerid.services import calibrate
from speakerid.types import CalibrationReport, Gallery

router = APIRouter(prefix="/galleries/{gallery}", tags=["calibration"], dependencies=[allow("admin")])
DryRun = Annotated[bool, Query(description="Only report; change nothing.")]


@router.post("/calibrate", responses=examples.ok(examples.CALIBRATION) | problems(401, 403, 404, 409, 422))
def calibrate_gallery(
    engine: EngineDep, gallery: GalleryDep, body: CalibrationChoice | None = None, dry_run: DryRun = False
) -> CalibrationReport:
    """Fit a calibration on the gallery's own enrollment utterances and use it from now on.

    Measured on speakers left out of the fit, beside the default. Refused (409) with `too_few_trials`,
    `classes_overlap` or `cohort_too_small` when it would say nothing. The larger the gallery, the longer it takes: up
    to half a minute.
    """
    made = calibrate.fit(engine, gallery, (body or CalibrationChoice()).cohort)
    if dry_run:
        return made.report
    with engine.write() as db:
        return calibrate.keep(db, gallery.name, made)


@router.delete("/calibration", response_model=Gallery, responses=problems(401, 403, 404, 412, 422))
def reset_calibration(engine: EngineDep, gallery: GalleryDep, if_match: IfMatch = None) -> Any:
    """Go back to the encoder's default calibration. The answer is the gallery as it is then."""
    with engine.write() as db:
        changed = calibrate.reset(engine, db, gallery.name, if_match)
    return with_etag(changed)
