"""A manager without sockets: a real controller with all its commands, real people, and requests straight into it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from host_tools.accounts.sessions import COOKIE_NAME, CSRF_HEADER
from host_tools.accounts.throttle import Allowance
from host_tools.cli.compose import Assembled, assemble_controller, create_destination
from host_tools.cli.serve import make_commands
from host_tools.cli.trusting import make_trust
from host_tools.cli.web import HttpsSide
from host_tools.controller.commands import Commands
from host_tools.controller.live import LiveView
from host_tools.controller.settings import WEB_OFF, Settings
from host_tools.custody.blocking import RunBlocking, run_inline
from host_tools.web.app import Manager, Parts
from host_tools.web_kit.guard import App
from tests.unit.accounts.parts import ADAS, ENOUGH, ROOTS, Town, town
from tests.unit.trust.parts import CHEAP

T = TypeVar("T")
HOME = "192.0.2.7"
HOST = "127.0.0.1:8440"
LOUISES = "two ships in a bottle"
WALLS = "a screen on the wall"
NAMES = {"root": "root", "administrator": "ada", "local_administrator": "louise", "viewer": "wall", "demo": "demo"}
SECRETS = {"root": ROOTS, "administrator": ADAS, "local_administrator": LOUISES, "viewer": WALLS, "demo": "demo"}


class Office:
    """``now_ms`` moves the clock of sessions."""

    def __init__(
        self, assembled: Assembled, people: Town, folder: Path, start_ms: int, view: LiveView | None = None
    ) -> None:
        self.now_ms = start_ms
        self.town = people
        self.controller = assembled.controller
        self.system = assembled.system
        self.https = HttpsSide(folder)
        self.view = view or LiveView(assembled.controller, assembled.spool)
        self.commands: Commands = make_commands(assembled, people.people, self.view, self.https)
        self.manager = self.manager_of("run1")
        self.app: App = self.manager.guarded

    def manager_of(self, run: str, run_blocking: RunBlocking = run_inline) -> Manager:
        """As after a start of the program that has this name."""
        return Manager(
            Parts(
                commands=self.commands,
                people=self.town.people,
                happenings=self.controller.happenings,
                view=self.view,
                run=run,
                hosts=frozenset,
                about=lambda: {"system": "A station", "time_zone": "Europe/Paris"},
                wall_ms=lambda: self.now_ms,
                seconds=lambda: self.now_ms / 1000,
                run_blocking=run_blocking,
            )
        )

    def cookie(self, role: str) -> str:
        """Of a fresh session, without the cost of a password."""
        account = self.town.store.find(NAMES[role])
        assert account is not None
        return self.town.people.sessions.begin(account, HOME, self.now_ms)

    def client(self, role: str = "", cookie: str = "", token: bool = True, address: str = HOME) -> httpx.AsyncClient:
        """Somebody who asks: by a token, or as a page does."""
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        client = httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}")
        if role or cookie:
            given = cookie or self.cookie(role)
            if token:
                client.headers["Authorization"] = f"Bearer {given}"
            else:
                client.headers["Cookie"] = f"{COOKIE_NAME}={given}"
                session = self.town.people.sessions.find(given, self.now_ms)
                client.headers[CSRF_HEADER] = self.town.people.sessions.csrf_token(session)
        return client

    def ask(self, method: str, path: str, role: str = "", **more: Any) -> httpx.Response:
        """One request."""
        options = {name: more.pop(name) for name in ("cookie", "token", "address") if name in more}

        async def one() -> httpx.Response:
            async with self.client(role, **options) as client:
                return await client.request(method, path, **more)

        return asyncio.run(one())

    def run(self, action: Callable[[], Awaitable[T]]) -> T:
        """Several things on one loop."""

        async def main() -> T:
            return await action()

        return asyncio.run(main())


@contextmanager
def opened_office(folder: Path, allowance: Allowance = ENOUGH, view: LiveView | None = None) -> Generator[Office]:
    """``view``: of another controller. With root, Ada the administrator, Louise the local one, a viewer, and demo."""
    settings = Settings(
        system="A station",
        folder=folder / "controller",
        destination=folder / "destination",
        usb_root=None,
        dev=folder,
        web=WEB_OFF,
    )
    make_trust(settings.folder, "copper lantern meadow", "CTRL-OFFICE", CHEAP)
    create_destination(settings.destination)
    with assemble_controller(settings) as assembled, town(allowance=allowance) as people:
        people.settled(evaluation=True)
        start_ms = assembled.controller.happenings.wall_ms()
        people.people.add("louise", "local_administrator", LOUISES, start_ms)
        yield Office(assembled, people, settings.folder, start_ms, view)


def problem(answer: httpx.Response, status: int, word: str = "") -> dict[str, Any]:
    """What a refused request says: one line, for people, in the form of RFC 9457."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["detail"]
    assert "\n" not in said["detail"]
    if word:
        assert said["type"] == f"urn:openbwc:problem:{word}", said
    return said
