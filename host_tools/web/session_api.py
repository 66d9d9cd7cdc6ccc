"""Logging in and out, and who one is: for pages (a cookie) and for programs (a token)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response, Security
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from host_tools.accounts.passwords import TRIED_CHARACTERS_MAX
from host_tools.accounts.roles import Role
from host_tools.controller.permissions import TABLE
from host_tools.web.api import NO_STORE
from host_tools.web.rows import PREFIX
from host_tools.web_kit.problems import documented
from host_tools.web_kit.sessions import SCHEMES, SessionDoor, Visitor, drop_cookie, set_cookie

NAME_CHARACTERS_MAX = 200  # tried at login; accounts' names are far shorter


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)]
    password: Annotated[SecretStr, Field(max_length=TRIED_CHARACTERS_MAX)]


class Who(BaseModel):
    """Who is logged in. ``csrf``: what a page sends along with whatever changes something; ``may``: commands."""

    account: str
    role: Role
    csrf: str
    ends_unix_ms: int
    idle_ms: int
    now_unix_ms: int
    may: list[str]


class Token(Who):
    """The same for a program. ``token``: told once."""

    token: str


def session_router(door: SessionDoor, wall_ms: Callable[[], int]) -> APIRouter:
    """Routes under ``/api/v1``."""
    router = APIRouter(prefix=PREFIX, tags=["session"])
    refused = documented(401, 403, 413, 422, 429, 503)
    security = [Security(scheme) for scheme in SCHEMES]

    async def login(request: Request, body: Annotated[Login, Body()]) -> Response:
        """Log in: sets the session's cookie and answers who has come in, with the token against cross-site requests."""
        visitor, cookie = await door.login(request, body.name, body.password.get_secret_value())
        response = JSONResponse(_plain(visitor, wall_ms()), headers=NO_STORE)
        set_cookie(response, cookie)
        return response

    async def token(request: Request, body: Annotated[Login, Body()]) -> Response:
        """A token for a program, sent along as ``Authorization: Bearer …``. It ends as any session does."""
        visitor, cookie = await door.login(request, body.name, body.password.get_secret_value())
        return JSONResponse({"token": cookie, **_plain(visitor, wall_ms())}, headers=NO_STORE)

    async def who(request: Request) -> Response:
        """Who is logged in, and what they may."""
        return JSONResponse(_plain(await door.visitor(request), wall_ms()), headers=NO_STORE)

    async def logout(request: Request) -> Response:
        """End this session."""
        await door.logout(request, await door.visitor(request))
        response = Response(status_code=204, headers=NO_STORE)
        drop_cookie(response)
        return response

    answer, told = _documented(Who), _documented(Token)
    router.add_api_route("/session", login, methods=["POST"], response_class=Response, responses=answer | refused)
    router.add_api_route("/token", token, methods=["POST"], response_class=Response, responses=told | refused)
    router.add_api_route(
        "/session", who, methods=["GET"], response_class=Response, responses=answer | documented(401, 503),
        dependencies=security,
    )  # fmt: skip
    router.add_api_route(
        "/session", logout, methods=["DELETE"], status_code=204, response_class=Response,
        responses=documented(401, 403, 503), dependencies=security,
    )  # fmt: skip
    return router


def _documented(kind: type[Who]) -> dict[int | str, dict[str, Any]]:
    schema = kind.model_json_schema()
    return {200: {"description": "Who is logged in", "content": {"application/json": {"schema": schema}}}}


def _plain(visitor: Visitor, now_ms: int) -> dict[str, Any]:
    role = visitor.actor.role
    return Who(
        account=visitor.actor.account,
        role=role,
        csrf=visitor.csrf,
        ends_unix_ms=visitor.ends_unix_ms,
        idle_ms=visitor.idle_ms,
        now_unix_ms=now_ms,
        may=sorted(name for name, row in TABLE.items() if role in row.roles),
    ).model_dump()
