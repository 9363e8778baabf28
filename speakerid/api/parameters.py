"""What routes take: the engine, the gallery and ids of the path, and the query parameters that a route knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, get_args, get_origin

from fastapi import Depends, Header, Path, Query, Request, params
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.errors import InvalidRequest
from speakerid.names import listed
from speakerid.services import galleries, validation
from speakerid.services.engine import Engine
from speakerid.services.speakers import CandidateFilter
from speakerid.settings import Settings
from speakerid.types import EnrollmentRefusal


def engine_of(request: HTTPConnection) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _engine_of(request: Request) -> Engine:
    """In no thread: FastAPI gives a dependency that is no coroutine to one, which costs more than this does."""
    return engine_of(request)


async def gallery_of(
    request: Request, gallery: Annotated[str, Path(examples=["default"], max_length=64)]
) -> GalleryRow:
    """As known since the caller's key was looked up a moment ago, or from the store. Raises GalleryNotFound."""
    engine = engine_of(request)
    known = galleries.known(engine, gallery)
    return known if known is not None else await run_in_threadpool(galleries.get, engine, gallery)


MANY = (list, tuple, set)  # what a parameter holds that may be there several times
EngineDep = Annotated[Engine, Depends(_engine_of)]
GalleryDep = Annotated[GalleryRow, Depends(gallery_of)]
SpeakerId = Annotated[str, Path(examples=["spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3"], max_length=64)]
UnknownId = Annotated[str, Path(examples=["unk_01K9Z45E1F3H5J7K9M1N3P5Q7R"], max_length=64)]
ChangeId = Annotated[str, Path(description="The id of a change, or `last`.", examples=["last"], max_length=64)]
IfMatch = Annotated[str | None, Header(description="Change only if the ETag is still this one.", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page.")]


def settings_of(request: HTTPConnection) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def check_known(sent: Iterable[str], known: Sequence[str]) -> None:
    """Raises InvalidRequest that names what there is."""
    unknown = next((name for name in sent if name not in known), None)
    if unknown is not None:
        there_is = f"There is {', '.join(known)}." if known else "There is none here."
        raise InvalidRequest(f"There is no query parameter {unknown[:64]!r}. {there_is} Correct or remove it.")


async def only_known(request: Request) -> None:
    """A dependency behind all others, so that a caller without access is refused for that. Raises InvalidRequest."""
    if not request.scope["query_string"]:
        return
    fields = _fields(_route_of(request).dependant)
    check_known(request.query_params, list(fields))
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if count > 1 and not _many(fields[name].field_info.annotation):
            raise InvalidRequest(f"The query parameter {name!r} is there {count} times. Send it once.")


def _many(annotation: object) -> bool:
    return any(get_origin(one) in MANY for one in (annotation, *get_args(annotation)))


def parameter_names(request: Request) -> list[str]:
    """Of the query parameters that the request's route takes."""
    return list(_fields(_route_of(request).dependant))


def _route_of(request: Request) -> APIRoute:
    route: APIRoute = request.scope["route"]
    return route


async def channel_of(
    channel: Annotated[
        str,
        Query(description="mix, or the number of a channel, from 0: a side of a call.", pattern=r"^(mix|[0-9]{1,3})$"),
    ] = "mix",
) -> Channel:
    return "mix" if channel == "mix" else int(channel)


ChannelDep = Annotated[Channel, Depends(channel_of)]


async def candidates_of(
    candidates: Annotated[
        str | None,
        Query(
            description="Only these speakers may be named: names or ids, with commas between them; a name with a comma "
            "of its own in double quotes.",
            max_length=2_000,
        ),
    ] = None,
    tags: Annotated[
        str | None,
        Query(
            description="Only speakers who have one of these tags may be named; commas between them.", max_length=2_000
        ),
    ] = None,
) -> CandidateFilter:
    return CandidateFilter(*(None if one is None else tuple(listed(one)) for one in (candidates, tags)))


CandidatesDep = Annotated[CandidateFilter, Depends(candidates_of)]


def _cursor(prefix: str) -> Any:
    return Query(description="`next_cursor` of the previous page.", pattern=f"^{prefix}_{validation.ULID}$")


SpeakerCursor = Annotated[str | None, _cursor("spk")]
UtteranceCursor = Annotated[str | None, _cursor("utt")]
RecordingCursor = Annotated[str | None, _cursor("rec")]
UnknownCursor = Annotated[str | None, _cursor("unk")]
ChangeCursor = Annotated[str | None, _cursor("chg")]
_CODE = "|".join(get_args(EnrollmentRefusal))
ACCEPT = f"^ *({_CODE})?( *, *({_CODE})?)* *$"  # codes of refusals to override, with commas between them


class StrictRoute(APIRoute):
    """Every route of the API is one."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        dependencies: Sequence[params.Depends] | None = None,
        **options: Any,
    ) -> None:
        others = [one for one in dependencies or () if one.dependency is not only_known]
        super().__init__(path, endpoint, dependencies=[*others, Depends(only_known)], **options)


def _fields(dependant: Dependant) -> dict[str, Any]:
    """The query parameters that a route and all it depends on take, by name."""
    found = {one.alias: one for one in dependant.query_params}
    for inner in dependant.dependencies:
        found |= _fields(inner)
    return found
