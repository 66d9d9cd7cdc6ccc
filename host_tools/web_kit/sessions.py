"""Who asks: from a cookie (pages) or a token (programs) to a session, and from there to an actor.

Law: an edge of ``accounts`` and nothing more: it reads headers and sets a cookie; who may what is decided elsewhere. A
token is a session's signed name, as the cookie is; it comes in ``Authorization``, which no browser sends by itself, so
it needs no second token. A cookie does, in ``X-OpenBWC-CSRF``, for whatever is not only read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.security import APIKeyCookie, HTTPBearer

from host_tools.accounts.errors import LoginRefused, LoginThrottled, PeopleTampered, SessionRefused
from host_tools.accounts.passwords import AT_ONCE_MAX
from host_tools.accounts.people import People, actor_of
from host_tools.accounts.roles import Actor
from host_tools.accounts.sessions import COOKIE_ATTRIBUTES, COOKIE_NAME, CSRF_HEADER, LIFETIMES, Session
from host_tools.custody.blocking import RunBlocking
from host_tools.web_kit.guard import SAFE_METHODS
from host_tools.web_kit.problems import Problem
from host_tools.web_kit.serving import client_address

# As OpenAPI tells it; both are read here.
SCHEMES = (
    APIKeyCookie(name=COOKIE_NAME, scheme_name="session", auto_error=False),
    HTTPBearer(scheme_name="token", auto_error=False),
)
BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks in this request. ``csrf``: what this session's pages send along."""

    actor: Actor
    csrf: str
    ends_unix_ms: int
    idle_ms: int
    cookie: str = ""

    def __repr__(self) -> str:
        return f"Visitor({self.actor})"


class SessionDoor:
    """Finds, begins and ends the sessions of requests."""

    def __init__(self, people: People, wall_ms: Callable[[], int], run_blocking: RunBlocking) -> None:
        self._people = people
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        # Whoever tries waits here, and not in one of the few threads that recordings are written by, too.
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def visitor(self, request: Request) -> Visitor:
        """Who asks. Problem 401 if nobody is logged in, 403 if something is to be changed without the token."""
        cookie = _cookie_of(request)
        try:
            session = await self._run_blocking(lambda: self._people.sessions.find(cookie, self._wall_ms()))
            if not _token_of(request) and request.method not in SAFE_METHODS:
                self._people.sessions.check_csrf(session, request.headers.get(CSRF_HEADER, ""))
        except SessionRefused as error:
            raise Problem(401, str(error), "session-ended", headers={"WWW-Authenticate": "Bearer"}) from None
        except PeopleTampered as error:
            raise Problem(503, str(error), "people-tampered") from None
        return self._visitor(session, request, cookie)

    async def maybe(self, request: Request) -> Visitor | None:
        """The same for a page that anybody may see."""
        if COOKIE_NAME not in request.cookies:
            return None
        try:
            return await self.visitor(request)
        except Problem:
            return None

    async def is_set_up(self) -> bool:
        """Whether anybody can log in yet. It says nothing of who there is: strangers are told."""
        try:
            return await self._run_blocking(self._people.is_set_up)
        except PeopleTampered:  # there are accounts; whoever logs in is told what is wrong
            return True

    async def still_holds(self, request: Request) -> bool:
        """Whether the session of a request that lasts has not ended. Looking on does not keep it alive, but for a
        viewer: a screen on a wall is used by being there."""
        cookie = _cookie_of(request)
        try:
            session = await self._run_blocking(lambda: self._people.sessions.find(cookie, self._wall_ms(), touch=False))
            if session.account.role == "viewer":
                await self._run_blocking(lambda: self._people.sessions.find(cookie, self._wall_ms()))
        except (SessionRefused, PeopleTampered):
            return False
        return True

    async def login(self, request: Request, name: str, password: str) -> tuple[Visitor, str]:
        """Who has come in, and the session's cookie. Problem 401, 429."""
        now_ms, address = self._wall_ms(), client_address(dict(request.scope))
        old = request.cookies.get(COOKIE_NAME, "")
        try:
            async with self._turns:
                cookie = await self._run_blocking(lambda: self._people.login(name, password, address, now_ms, old))
                session = await self._run_blocking(lambda: self._people.sessions.find(cookie, self._wall_ms()))
        except LoginThrottled as error:
            wait_s = -(-error.wait_ms // 1000)
            raise Problem(429, str(error), "too-many-tries", {"wait_s": wait_s}, {"Retry-After": str(wait_s)}) from None
        except (LoginRefused, SessionRefused) as error:
            raise Problem(401, str(error), "login-refused") from None
        except PeopleTampered as error:
            raise Problem(503, str(error), "people-tampered") from None
        return self._visitor(session, request, cookie), cookie

    async def logout(self, request: Request, visitor: Visitor) -> None:
        """End the session of this request."""
        now_ms, address = self._wall_ms(), client_address(dict(request.scope))
        with suppress(SessionRefused):  # it has ended meanwhile
            await self._run_blocking(lambda: self._people.logout(visitor.cookie, address, now_ms))

    def _visitor(self, session: Session, request: Request, cookie: str) -> Visitor:
        life = LIFETIMES[session.account.role]
        ends_ms = session.made_unix_ms + life.whole_ms
        actor = actor_of(session, client_address(dict(request.scope)))
        return Visitor(actor, self._people.sessions.csrf_token(session), ends_ms, life.idle_ms, cookie)


def set_cookie(response: Response, cookie: str) -> None:
    """Give a browser its session."""
    response.set_cookie(
        COOKIE_NAME,
        cookie,
        path="/",
        secure=COOKIE_ATTRIBUTES["secure"] is True,
        httponly=COOKIE_ATTRIBUTES["httponly"] is True,
        samesite="strict",
    )


def drop_cookie(response: Response) -> None:
    """Take it away."""
    response.delete_cookie(COOKIE_NAME, path="/", secure=True, httponly=True, samesite="strict")


def _token_of(request: Request) -> str:
    said = request.headers.get("authorization", "")
    return said[len(BEARER) :].strip() if said.lower().startswith(BEARER) else ""


def _cookie_of(request: Request) -> str:
    return _token_of(request) or request.cookies.get(COOKIE_NAME, "")
