"""Galleries: the tenant wall."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from speakerid.api.answers import STILL_ERASING, OnceDep, erased, with_etag
from speakerid.api.auth import allow, guarded
from speakerid.api.parameters import EngineDep, GalleryDep, IfMatch, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.schemas import GalleryChange, GalleryCreate
from speakerid.services import galleries, serializers
from speakerid.types import Gallery, Key

router = APIRouter(prefix="/v1/galleries", tags=["galleries"], route_class=StrictRoute)
READER = allow("read")
Reader = Annotated[Key | None, READER]


class GalleryList(BaseModel):
    items: tuple[Gallery, ...]


@router.post("", status_code=201, response_model=Gallery, **guarded("admin", errors=(409,), whole_store=True))
def create_gallery(engine: EngineDep, once: OnceDep, body: GalleryCreate) -> Any:
    """Make a gallery. It is bound to the running encoder."""
    return once.create(
        lambda db: serializers.gallery(engine, db, galleries.create(engine, db, body.name, body.settings())), body.name
    )


@router.get("", responses=problems(401, 403, 422), dependencies=[READER])
def list_galleries(engine: EngineDep, key: Reader) -> GalleryList:
    """Every gallery that the key may see."""
    with engine.read() as db:
        found = galleries.every(engine, db)
    return GalleryList(items=tuple(one for one in found if not (key and key.galleries) or one.name in key.galleries))


@router.get("/{gallery}", response_model=Gallery, **guarded("read"))
def get_gallery(engine: EngineDep, gallery: GalleryDep) -> Any:
    """One gallery's settings and size."""
    with engine.read() as db:
        return with_etag(serializers.gallery(engine, db, gallery))


@router.patch("/{gallery}", response_model=Gallery, **guarded("admin", errors=(404, 412)))
def change_gallery(engine: EngineDep, gallery: GalleryDep, body: GalleryChange, if_match: IfMatch = None) -> Any:
    """Change the settings that are named. Switching `keep_unknown_voices` off forgets all that were kept."""
    with engine.write(erase=body.keep_unknown_voices is False) as db:
        changed = galleries.update(engine, db, gallery.name, body.settings(), if_match)
    return with_etag(changed)


@router.delete("/{gallery}", status_code=204, **guarded("admin", errors=(404, 409), also=STILL_ERASING))
def delete_gallery(engine: EngineDep, gallery: GalleryDep) -> Response:
    """Erase a gallery with all of its speakers."""
    with engine.write(erase=True) as db:
        galleries.delete(db, gallery.name)
    return erased(engine.erased(db))
