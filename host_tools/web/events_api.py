"""The event stream: what happens and what changes, for whoever may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Request, Security
from fastapi.responses import StreamingResponse

from host_tools.controller.commands import Commands
from host_tools.web.causes import EXPECTED, problem_of
from host_tools.web.rows import PREFIX
from host_tools.web_kit.problems import Problem, documented
from host_tools.web_kit.sessions import SCHEMES, SessionDoor
from host_tools.web_kit.stream import STREAMS_MAX, Ring

ID_CHARACTERS_MAX = 64
STREAMS_OF_ONE_MAX = 40  # of one account: a wall in every room; whoever opens more closes the door to nobody else
STREAM = {"description": "A stream", "content": {"text/event-stream": {}}}
CHECK_S = 15.0  # between two looks at whether the session still holds; the ring beats as often


def events_router(ring: Ring, commands: Commands, door: SessionDoor, seconds: Callable[[], float]) -> APIRouter:
    """Route ``/api/v1/events``. ``seconds``: a clock that only goes forward."""
    router = APIRouter(prefix=PREFIX, tags=["looking"], dependencies=[Security(scheme) for scheme in SCHEMES])
    followed: Counter[str] = Counter()  # streams by account

    async def events(
        request: Request,
        last_event_id: Annotated[str, Header(max_length=ID_CHARACTERS_MAX)] = "",
    ) -> StreamingResponse:
        """Server-sent events: ``change`` (a row of ``/live`` is new, different or gone), ``happening`` (what the
        controller tells), ``reset`` (read ``/live`` anew), ``ended`` (the session has). Begin to follow, then read
        ``/live``, then take what came meanwhile in its order: nothing is missed."""
        visitor = await door.visitor(request)
        try:
            await commands.check(visitor.actor, "events")
        except EXPECTED as error:
            raise problem_of(error) from error
        if ring.streams >= STREAMS_MAX:
            raise Problem(503, f"{STREAMS_MAX} pages follow already: close some", "too-many-streams")
        account = visitor.actor.account
        if followed[account] >= STREAMS_OF_ONE_MAX:
            text = f"{STREAMS_OF_ONE_MAX} pages of {account} follow already: close some, or give each screen an account"
            raise Problem(503, text, "too-many-streams")
        return StreamingResponse(
            _counted(followed, account, _while_logged_in(request, ring, door, last_event_id, seconds)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    router.add_api_route(
        "/events",
        events,
        methods=["GET"],
        operation_id="events",
        response_class=StreamingResponse,
        responses={
            200: {"description": "A stream", "content": {"text/event-stream": {}}},
            **documented(401, 403, 422, 503),
        },
    )
    return router


async def _counted(followed: Counter[str], account: str, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The pieces, counted as one stream of this account while they come."""
    followed[account] += 1
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    finally:
        followed[account] -= 1
        if not followed[account]:
            del followed[account]


async def _while_logged_in(
    request: Request, ring: Ring, door: SessionDoor, last_id: str, seconds: Callable[[], float]
) -> AsyncGenerator[bytes]:
    """The ring's pieces until the session ends. A stream is no request: it does not keep an idle session alive, so the
    session is looked at without being used, and before a piece goes out that is later than the last look."""
    checked_s = seconds()
    async with aclosing(ring.follow(last_id)) as pieces:
        async for piece in pieces:
            if seconds() - checked_s >= CHECK_S:
                checked_s = seconds()
                if not await door.still_holds(request):
                    yield b"event: ended\ndata: {}\n\n"
                    return
            yield piece
