"""What routes take: the engine, the gallery and ids of the path, and the query parameters that a route knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, get_args

from fastapi import Depends, Header, Path, Query, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.errors import InvalidRequest
from speakerid.services import galleries, validation
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import EnrollmentRefusal


def engine_of(request: HTTPConnection) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def gallery_of(request: Request, gallery: Annotated[str, Path(examples=["default"], max_length=64)]) -> GalleryRow:
    """Raises GalleryNotFound."""
    return galleries.get(engine_of(request), gallery)


EngineDep = Annotated[Engine, Depends(engine_of)]
GalleryDep = Annotated[GalleryRow, Depends(gallery_of)]
SpeakerId = Annotated[str, Path(examples=["spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3"], max_length=64)]
UnknownId = Annotated[str, Path(examples=["unk_01K9Z45E1F3H5J7K9M1N3P5Q7R"], max_length=64)]
ChangeId = Annotated[str, Path(description="The id of a change, or `last`.", examples=["last"], max_length=64)]
IfMatch = Annotated[str | None, Header(description="Change only if the ETag is still this one.", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page.")]


def settings_of(request: Request) -> Settings:
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
    route: APIRoute = request.scope["route"]
    check_known(request.query_params, _names(route.dependant))


async def channel_of(
    channel: Annotated[
        str,
        Query(description="mix, or the number of a channel, from 0: a side of a call.", pattern=r"^(mix|[0-9]{1,3})$"),
    ] = "mix",
) -> Channel:
    return "mix" if channel == "mix" else int(channel)


ChannelDep = Annotated[Channel, Depends(channel_of)]


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


def _names(dependant: Dependant) -> list[str]:
    """Of the query parameters that a route and all it depends on take."""
    own = [one.alias for one in dependant.query_params]
    return own + [name for one in dependant.dependencies for name in _names(one)]
