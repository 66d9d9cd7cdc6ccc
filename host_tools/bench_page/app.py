"""Puts the bench page together: the page, its API, its event stream, and the guard before them.

Law: constructor arguments alone; whoever composes the program serves ``guarded`` and runs ``run``. The bench is looked
at while somebody watches and not otherwise: a page that nobody has open costs the bench nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from firmware.version import VERSION
from host_tools.bench_page.actions import ACTIONS, Row, Said, perform
from host_tools.bench_page.door import Door
from host_tools.bench_page.view import Rows, View, as_row, changes
from host_tools.emulator.bench import EmulatedBench
from host_tools.web_kit.assets import Assets
from host_tools.web_kit.guard import Guard
from host_tools.web_kit.pages import Pages
from host_tools.web_kit.problems import Problem, documented, handle_problems
from host_tools.web_kit.stream import STREAMS_MAX, Ring
from host_tools.web_kit.texts import Texts

HERE = Path(__file__).parent
KIT = HERE.parent / "web_kit"
PREFIX = "/api/v1"
NO_STORE = {"Cache-Control": "no-store"}
LOOK_S = 0.04  # between two looks at lamps: the shortest flash lasts 100 ms
FIGURES_EVERY = 6  # looks at lamps between two looks at everything: four a second are as many as people read
CLOCK_EVERY = 125  # five seconds: browsers count on by themselves
ID_CHARACTERS_MAX = 64


@dataclass(frozen=True)
class Parts:
    """What the page stands on. ``run``: a word that differs with each start; ``token``: empty where none is asked for;
    ``hosts``: names it answers to beside addresses; ``seconds``: a clock that only goes forward."""

    bench: EmulatedBench
    run: str
    token: str
    hosts: frozenset[str]
    wall_ms: Callable[[], int]
    seconds: Callable[[], float]

    def __repr__(self) -> str:
        return "Parts()"


class BenchPage:
    """``guarded``: what is served; ``run``: what must run beside it."""

    def __init__(self, parts: Parts) -> None:
        self.ring = Ring(parts.run)
        self._parts = parts
        self._bench = parts.bench
        self._view = View(parts.bench)
        self._door = Door(parts.token)
        self._told: Rows = {}
        texts = Texts([KIT / "texts", HERE / "texts"])
        assets = Assets({"bench": HERE / "static"}, texts)
        self._pages = Pages([HERE / "templates"], texts, assets, ())
        self.app = FastAPI(
            title="OpenBWC bench page",
            version=VERSION,
            description="What hands can do to an emulated bench. Errors are problem details (RFC 9457).",
            openapi_url=f"{PREFIX}/openapi.json",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        handle_problems(self.app)
        self._add_routes(assets)
        self.guarded = Guard(self.app, lambda: parts.hosts)

    async def run(self) -> None:
        """Until cancelled: tell whoever watches what changes."""
        number = 0
        try:
            while True:
                if self.ring.streams:
                    self._tell(everything=number % FIGURES_EVERY == 0, clock=number % CLOCK_EVERY == 0)
                    number += 1
                else:
                    number = 0
                await asyncio.sleep(LOOK_S)
        finally:
            self.ring.close()
            await asyncio.sleep(0)

    def _add_routes(self, assets: Assets) -> None:
        add = self.app.add_api_route
        add("/", self._page, methods=["GET"], response_class=Response, include_in_schema=False)
        add("/favicon.ico", lambda: RedirectResponse(assets.address("kit/icon.svg"), 302), include_in_schema=False)
        add("/assets/{version}/{name:path}", assets.serve, response_class=Response, include_in_schema=False)
        add(f"{PREFIX}/bench", self._about, methods=["GET"], responses=documented(401))
        add(f"{PREFIX}/live", self._live, methods=["GET"], responses=documented(401))
        add(f"{PREFIX}/events", self._events, methods=["GET"], response_class=Response, responses=documented(401, 503))
        for row in ACTIONS:
            self._add_action(row)

    def _add_action(self, row: Row) -> None:
        async def act(request: Request, said: Any) -> Response:
            self._door.admit(request)
            perform(self._bench, row, said)
            self._tell(everything=True)
            return Response(status_code=204, headers=NO_STORE)

        act.__annotations__["said"] = Annotated[row.said, Body()]
        self.app.add_api_route(
            f"{PREFIX}/actions/{row.name}",
            act,
            methods=["POST"],
            operation_id=row.name,
            summary=row.summary,
            status_code=204,
            response_class=Response,
            responses=documented(401, 403, 409, 422),
        )

    async def _page(self, request: Request) -> Response:
        entered = self._door.enter(request)
        if entered is not None:
            return entered
        about = {"system": f"bench {self._bench.bench.name}", "time_zone": ""}
        return self._pages.render(request, "bench.html", None, name="bench", about=about, arguments={})

    async def _about(self, request: Request) -> Response:
        self._door.admit(request)
        return JSONResponse(self._view.about(), headers=NO_STORE)

    async def _live(self, request: Request) -> Response:
        self._door.admit(request)
        now_ms = self._parts.wall_ms()
        rows = self._rows() | self._view.clock(now_ms)
        return JSONResponse([as_row(key, value) for key, value in rows.items()], headers=NO_STORE)

    async def _events(
        self, request: Request, last_event_id: Annotated[str, Header(max_length=ID_CHARACTERS_MAX)] = ""
    ) -> Response:
        """Server-sent events: ``change`` (a row of ``/live`` is new, different or gone), ``reset`` (read it anew)."""
        self._door.admit(request)
        if self.ring.streams >= STREAMS_MAX:
            raise Problem(503, f"{STREAMS_MAX} pages follow already: close some", "too-many-streams")
        headers = {**NO_STORE, "X-Accel-Buffering": "no"}
        return StreamingResponse(self.ring.follow(last_event_id), media_type="text/event-stream", headers=headers)

    def _rows(self) -> Rows:
        return self._view.rows(self._parts.wall_ms(), self._parts.seconds()) | self._view.lamps()

    def _tell(self, everything: bool, clock: bool = False) -> None:
        now = self._rows() if everything else self._told | self._view.lamps()
        for key, value in changes(self._told, now):
            self.ring.publish("change", as_row(key, value))
        self._told = now
        if clock:
            for key, value in self._view.clock(self._parts.wall_ms()).items():
                self.ring.publish("change", as_row(key, value))


__all__ = ("BenchPage", "Parts", "Said")
