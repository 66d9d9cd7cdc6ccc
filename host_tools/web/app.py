"""Puts the manager together: API, event stream, metrics, pages, and the guard before them.

Law: constructor arguments alone; it opens nothing and starts nothing. Whoever composes the program serves ``guarded``
and runs ``pump``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from firmware.version import VERSION
from host_tools.accounts.people import People
from host_tools.controller.commands import Commands
from host_tools.controller.happenings import Happenings
from host_tools.controller.live import LiveView
from host_tools.custody.blocking import RunBlocking
from host_tools.system import alert_texts
from host_tools.web import api, pages, rows
from host_tools.web.events_api import events_router
from host_tools.web.metrics import Metrics, metrics_router
from host_tools.web.pump import Pump
from host_tools.web.session_api import session_router
from host_tools.web_kit.assets import Assets
from host_tools.web_kit.guard import Guard
from host_tools.web_kit.pages import Pages
from host_tools.web_kit.problems import handle_problems
from host_tools.web_kit.sessions import SessionDoor
from host_tools.web_kit.stream import Ring
from host_tools.web_kit.texts import Texts

HERE = Path(__file__).parent
KIT = HERE.parent / "web_kit"
UPLOAD_BYTES_MAX = 6 << 20  # a CSV of wearers (4 MiB) in JSON with its escapes
LOGIN_BYTES_MAX = 16 << 10  # name and password in JSON with its escapes; it is what strangers may send
UPLOADS = {
    f"{rows.PREFIX}/wearers/imports": UPLOAD_BYTES_MAX,
    f"{rows.PREFIX}/session": LOGIN_BYTES_MAX,
    f"{rows.PREFIX}/token": LOGIN_BYTES_MAX,
}


@dataclass(frozen=True)
class Parts:
    """What the manager stands on. ``run``: a word that differs with each start; ``hosts``: names it answers to;
    ``about``: system's name and time zone, as pages show them; ``seconds``: a clock that only goes forward."""

    commands: Commands
    people: People
    happenings: Happenings
    view: LiveView
    run: str
    hosts: Callable[[], frozenset[str]]
    about: Callable[[], dict[str, str]]
    wall_ms: Callable[[], int]
    seconds: Callable[[], float]
    run_blocking: RunBlocking


class Manager:
    """``guarded``: what is served; ``pump``: what must run beside it."""

    def __init__(self, parts: Parts) -> None:
        self.ring = Ring(parts.run)
        self.pump = Pump(parts.view, parts.happenings, self.ring)
        self.app = FastAPI(
            title="OpenBWC manager",
            version=VERSION,
            description="Everything that can be asked of a controller. Errors are problem details (RFC 9457).",
            openapi_url=f"{rows.PREFIX}/openapi.json",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        door = SessionDoor(parts.people, parts.wall_ms, parts.run_blocking)
        texts = Texts([KIT / "texts", HERE / "texts", alert_texts.FOLDER])
        assets = Assets({"web": HERE / "static"}, texts)
        shown = Pages([HERE / "templates"], texts, assets, pages.LINKS)
        metrics = Metrics(parts.happenings, self.ring, parts.view.rows)
        handle_problems(self.app)
        self.app.include_router(session_router(door, parts.wall_ms))
        api.publish(self.app, parts.commands, door)
        self.app.include_router(events_router(self.ring, parts.commands, door, parts.seconds))
        self.app.include_router(metrics_router(metrics, parts.commands, door))
        self.app.include_router(pages.page_router(shown, door, parts.about))
        self.guarded = Guard(self.app, parts.hosts, UPLOADS)

    async def run(self) -> None:
        """Until cancelled: carry changes to whoever follows."""
        try:
            await self.pump.run()
        finally:
            self.ring.close()
            await asyncio.sleep(0)
