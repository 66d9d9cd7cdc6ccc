"""The destination for people: search, look, play, export, health; behind accounts of its own.

Law: transport alone, over ``viewing``, ``search`` and ``export``; a page stands on this and on nothing beside it. Roles
are a literal table here. Who looked at what, and who took what out, is in the audit trail before a byte is sent.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request, Response, Security
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from firmware.ports.errors import PortFault
from firmware.version import VERSION
from host_tools.accounts.passwords import TRIED_CHARACTERS_MAX
from host_tools.accounts.people import People
from host_tools.accounts.roles import Role
from host_tools.evidence import places, viewing
from host_tools.evidence.blocking import RunBlocking
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import EvidenceError, StoreAway
from host_tools.evidence.export import Exported, Taker, as_zip, take
from host_tools.evidence.health import Health
from host_tools.evidence.intake import Intake
from host_tools.evidence.plain_names import plain
from host_tools.evidence.search import FOUND_MAX, search
from host_tools.evidence.search import Query as Asked
from host_tools.evidence.streaming import stream
from host_tools.web_kit.problems import Problem, documented, handle_problems
from host_tools.web_kit.sessions import SCHEMES, SessionDoor, Visitor, drop_cookie, set_cookie

_log = logging.getLogger(__name__)

PREFIX = "/api/v1"
NO_STORE = {"Cache-Control": "no-store"}
NAME_CHARACTERS_MAX = 200  # tried at login; accounts' names are far shorter
PLAYED = {"mp4": "video/mp4", "mkv": "video/x-matroska"}
PLAYING_MAX = 10_000  # clips being played; one that is forgotten is written down once more
ANYBODY: frozenset[Role] = frozenset({"root", "administrator", "local_administrator", "viewer", "demo"})
ROLES: dict[str, frozenset[Role]] = {
    "search": ANYBODY,
    "view": ANYBODY - {"demo"},
    "export": ANYBODY - {"viewer"},
    "health": ANYBODY,
    "log": frozenset({"root", "administrator"}),
}


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)]
    password: Annotated[SecretStr, Field(max_length=TRIED_CHARACTERS_MAX)]


class Search(BaseModel):
    """What is empty asks nothing. Times in milliseconds since 1970; a place with its radius in metres; ``beyond``: the
    ``next`` of an answer, for what follows it."""

    model_config = ConfigDict(extra="forbid")

    wearer: Annotated[str, Field(max_length=256)] = ""
    camera: Annotated[str, Field(max_length=256)] = ""
    cause: Annotated[str, Field(max_length=256)] = ""
    category: Annotated[str, Field(max_length=256)] = ""
    after: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None
    before: Annotated[int, Field(ge=0, lt=1 << 53)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    radius_m: Annotated[float, Field(ge=1, le=1e6)] = 100.0
    state: Literal["", "complete", "arriving", "quarantine", "rejected"] = ""
    beyond: Annotated[str, Field(max_length=300, pattern=r"^(\d{0,16}~.+)?$")] = ""
    limit: Annotated[int, Field(ge=1, le=FOUND_MAX)] = 100

    def asked(self) -> Asked:
        """As the catalogue is asked. Problem 422 for half a place."""
        if (self.latitude is None) != (self.longitude is None):
            raise Problem(422, "latitude, longitude: give both or neither", "invalid", {"field": "latitude"})
        near = None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)
        started, _, name = self.beyond.partition("~")
        beyond = (int(started) if started else None, name) if self.beyond else None
        return Asked(
            self.wearer, self.camera, self.cause, self.category, self.after, self.before, near, self.radius_m,
            self.state or None, beyond,
        )  # fmt: skip


def make_people_app(
    intake: Intake,
    people: People,
    health_now: Callable[[], Health],
    log_text: Callable[[], str],
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
) -> FastAPI:
    """The application under ``/api/v1``. ``health_now`` and ``log_text`` block."""
    app = FastAPI(
        title="OpenBWC evidence", version=VERSION, docs_url=None, redoc_url=None, openapi_url=f"{PREFIX}/openapi.json"
    )
    handle_problems(app)
    app.add_exception_handler(PortFault, _storage_fault)
    door = SessionDoor(people, wall_ms, run_blocking)
    app.include_router(_session_router(door, wall_ms))
    app.include_router(_Router(intake, people, door, health_now, log_text, wall_ms, run_blocking).router)
    return app


class _Router:
    """One method a route."""

    def __init__(
        self,
        intake: Intake,
        people: People,
        door: SessionDoor,
        health_now: Callable[[], Health],
        log_text: Callable[[], str],
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
    ) -> None:
        self._intake = intake
        self._store = intake.store
        self._people = people
        self._door = door
        self._health_now = health_now
        self._log_text = log_text
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._playing: OrderedDict[bytes, None] = OrderedDict()
        self.router = APIRouter(prefix=PREFIX, tags=["recordings"])
        security = [Security(scheme) for scheme in SCHEMES]
        routes: tuple[tuple[str, Callable[..., Any], tuple[int, ...]], ...] = (
            ("/recordings", self.find, (401, 403, 422, 503)),
            ("/recordings/{container}", self.look, (401, 403, 404, 503)),
            ("/recordings/{container}/objects/{name}", self.play, (401, 403, 404, 416, 503)),
            ("/recordings/{container}/export", self.export, (401, 403, 404, 503)),
            ("/choices", self.choices, (401, 403, 503)),
            ("/health", self.health, (401, 403, 503)),
            ("/log", self.log, (401, 403, 503)),
        )
        for path, endpoint, statuses in routes:
            self.router.add_api_route(
                path, endpoint, methods=["GET"], response_class=Response, responses=documented(*statuses),
                dependencies=security,
            )  # fmt: skip

    async def find(self, request: Request, asked: Annotated[Search, Query()]) -> Response:
        """Recordings that fit, newest first."""
        await self._admit(request, "search")
        question = asked.asked()

        def answer() -> dict[str, Any]:
            known = viewing.known_people(self._store)
            found = search(self._store.catalogue, question, asked.limit + 1, lambda name: places.of(self._store, name))
            shown = found[: asked.limit]
            rows = [viewing.recording_row(self._store, row, self._intake.settings, known) for row in shown]
            last = shown[-1] if len(found) > len(shown) else None
            return {"rows": rows} if last is None else {"rows": rows, "next": f"{last.started_ms or ''}~{last.name}"}

        return JSONResponse(await self._run_blocking(answer), headers=NO_STORE)

    async def look(self, request: Request, container: str) -> Response:
        """One recording: clips, bookmarks, track, custody."""
        visitor = await self._admit(request, "view")
        row = await self._run_blocking(lambda: self._recording(container))
        await self._note("view_recording", visitor, {"container": container})
        found = await self._run_blocking(lambda: viewing.recording(self._store, row, self._intake.settings))
        return JSONResponse(found, headers=NO_STORE)

    async def play(self, request: Request, container: str, name: str) -> Response:
        """The very bytes of an object, or a range of them."""
        visitor = await self._admit(request, "view")
        row = await self._run_blocking(lambda: self._object(container, name))
        await self._note_playing(visitor, container, name)
        answer = await stream(self._store, self._run_blocking, row, request.headers)
        answer.headers["Cache-Control"] = "private, no-store"
        # What a controller says an object is must not make a page or a program of it at this address.
        kind = PLAYED.get(name.rpartition(".")[2].lower())
        answer.headers["Content-Type"] = kind or "application/octet-stream"
        answer.headers["Content-Disposition"] = "inline" if kind else "attachment"
        return answer

    async def export(self, request: Request, container: str) -> Response:
        """A zip archive of everything, with digests, custody chain and the program that checks them."""
        visitor = await self._admit(request, "export")
        await self._run_blocking(lambda: self._recording(container))
        taker = Taker(self._people.audit, visitor.actor, self._wall_ms(), f"a browser at {visitor.actor.origin}")
        exported = await self._run_blocking(lambda: take(self._store, container, taker))
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{plain(container)}.zip"'}
        return StreamingResponse(self._zip(container, exported), media_type="application/zip", headers=headers)

    async def choices(self, request: Request) -> Response:
        """What can be searched for."""
        await self._admit(request, "search")
        found = await self._run_blocking(lambda: viewing.choices(self._store, self._intake.settings))
        return JSONResponse(found, headers=NO_STORE)

    async def health(self, request: Request) -> Response:
        """Green, amber or red, and why."""
        await self._admit(request, "health")
        found = await self._run_blocking(self._health_now)
        return JSONResponse(found.as_document(), headers=NO_STORE)

    async def log(self, request: Request) -> Response:
        """What the server has told."""
        visitor = await self._admit(request, "log")
        await self._note("export_log", visitor, {})
        text = await self._run_blocking(self._log_text)
        headers = {**NO_STORE, "Content-Disposition": 'attachment; filename="destination.log"'}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)

    # -- helpers

    async def _admit(self, request: Request, what: str) -> Visitor:
        visitor = await self._door.visitor(request)
        if visitor.actor.role not in ROLES[what]:
            raise Problem(403, f"{visitor.actor.account} is {visitor.actor.role} and may not: ask an administrator")
        return visitor

    async def _note(self, what: str, visitor: Visitor, more: dict[str, Any]) -> None:
        at_ms = self._wall_ms()
        await self._run_blocking(lambda: self._people.audit.append(what, visitor.actor, "done", at_ms, more))

    async def _note_playing(self, visitor: Visitor, container: str, name: str) -> None:
        """Once for each session and object: a browser asks for one clip in very many ranges."""
        key = hashlib.sha256("\n".join((visitor.cookie, container, name)).encode()).digest()
        if key in self._playing:
            self._playing.move_to_end(key)
            return
        await self._note("play_recording", visitor, {"container": container, "object": name})
        self._playing[key] = None
        while len(self._playing) > PLAYING_MAX:
            self._playing.popitem(last=False)

    def _recording(self, container: str) -> Container:
        row = self._store.catalogue.container(container)
        if row is None or not row.camera:
            raise Problem(404, f"recording {container[:100]}: is not there: search for it")
        return row

    def _object(self, container: str, name: str) -> StoredObject:
        self._recording(container)
        found = self._store.catalogue.object(container, name)
        if found is None:
            raise Problem(404, f"object {name[:100]} of {container[:100]}: is not there: look at the recording")
        return found

    async def _zip(self, container: str, exported: Exported) -> AsyncIterator[bytes]:
        pieces = as_zip(self._store, container, exported)
        try:
            while (piece := await self._run_blocking(lambda: next(pieces, None))) is not None:
                yield piece
        except (EvidenceError, PortFault) as error:
            _log.error("export: %s", error)
            raise  # the answer has no end then, and a browser says that it failed
        finally:
            await self._run_blocking(pieces.close)


async def _storage_fault(_: Request, error: Exception) -> Response:
    _log.error("storage: %s", error)
    if isinstance(error, StoreAway):
        return Problem(503, "the store of objects or rows does not answer: look at the health page").response()
    return Problem(500, "the storage failed: look into the destination's log").response()


def _session_router(door: SessionDoor, wall_ms: Callable[[], int]) -> APIRouter:
    router = APIRouter(prefix=PREFIX, tags=["session"])

    def plain(visitor: Visitor) -> dict[str, Any]:
        may = sorted(what for what, roles in ROLES.items() if visitor.actor.role in roles)
        return {
            "account": visitor.actor.account,
            "role": visitor.actor.role,
            "may": may,
            "csrf": visitor.csrf,
            "ends_unix_ms": visitor.ends_unix_ms,
            "idle_ms": visitor.idle_ms,
            "now_unix_ms": wall_ms(),
        }

    async def login(request: Request, body: Login) -> Response:
        """Log in: sets the session's cookie and answers who has come in."""
        visitor, cookie = await door.login(request, body.name, body.password.get_secret_value())
        response = JSONResponse(plain(visitor), headers=NO_STORE)
        set_cookie(response, cookie)
        return response

    async def token(request: Request, body: Login) -> Response:
        """A token for a program, sent along as ``Authorization: Bearer …``."""
        visitor, cookie = await door.login(request, body.name, body.password.get_secret_value())
        return JSONResponse({"token": cookie, **plain(visitor)}, headers=NO_STORE)

    async def who(request: Request) -> Response:
        """Who is logged in, and what they may."""
        return JSONResponse(plain(await door.visitor(request)), headers=NO_STORE)

    async def logout(request: Request) -> Response:
        """End this session."""
        await door.logout(request, await door.visitor(request))
        response = Response(status_code=204, headers=NO_STORE)
        drop_cookie(response)
        return response

    security = [Security(scheme) for scheme in SCHEMES]
    refused = documented(401, 413, 422, 429, 503)
    router.add_api_route("/session", login, methods=["POST"], response_class=Response, responses=refused)
    router.add_api_route("/token", token, methods=["POST"], response_class=Response, responses=refused)
    router.add_api_route(
        "/session", who, methods=["GET"], response_class=Response, responses=refused, dependencies=security
    )
    router.add_api_route(
        "/session", logout, methods=["DELETE"], status_code=204, response_class=Response,
        responses=documented(401, 403, 503), dependencies=security,
    )  # fmt: skip
    return router
