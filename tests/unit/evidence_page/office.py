"""A destination with its pages on loopback: real server, real TLS, real folder; recordings by the intake's own hand."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.people import People
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.custody.blocking import run_in_thread
from host_tools.evidence.api import make_app
from host_tools.evidence.front import front
from host_tools.evidence.health import Health, health
from host_tools.evidence.intake import Intake
from host_tools.evidence.people_api import make_people_app
from host_tools.evidence.serving import serving
from host_tools.evidence.tokens import Tokens
from host_tools.evidence_page.app import add_pages, content_policy
from tests.unit.accounts.parts import CHEAP
from tests.unit.evidence.running import Clock, running, wall_ms

PASSWORD = "one of many words"
STARTED_S = 1_783_000_980  # 2026-07-02T14:03:00Z
NAMES = ("root", "demo", "vera", "ada", "louise")  # and their roles, in the order of ``ROLES_OF``
ROLES_OF = {"vera": "viewer", "ada": "administrator", "louise": "local_administrator"}
SETTINGS = (
    'requires_known = true\nquarantine_days = 14\nkeep_days = 3650\nlicences = 3\ntime_zone = "Europe/Stockholm"\n'
)


@dataclass
class Office:
    """``enter(name)``: a client that is logged in, by its cookie; ``enter("")``: nobody's."""

    intake: Intake
    people: People
    app: FastAPI
    folder: Path
    enter: Callable[[str], Awaitable[httpx.AsyncClient]]

    def put(self, container: str, name: str, data: bytes = b"", kind: str = "", **metadata: str) -> None:
        """Store an object as a controller would."""
        self.intake.check_object(container, name, metadata, len(data))
        upload = self.intake.store.begin(0)
        upload.feed(data)
        self.intake.finish_object(upload, container, name, metadata, kind or "application/octet-stream")

    def meet(self, wearer: str, camera: str) -> None:
        """Somebody and something become known here."""
        for container, name in (("Users", wearer), ("Devices", camera)):
            self.intake.put_container(container, {})
            self.put(container, name, Active="True", Name=f"{name}'s name")

    def record(
        self,
        number: int = 0,
        wearer: str = "W-1",
        camera: str = "CAM-1",
        cause: str = "Button",
        clip: bytes = b"",
        complete: bool = True,
        start: str = "",
    ) -> str:
        """A recording; the higher ``number`` the older. Its container."""
        start_s = start or str(STARTED_S - 60 * number)
        container = f"{wearer}_{camera}_20260702T{number // 60:02}{number % 60:02}00Z"
        self.intake.put_container(container, {"StartTime": start_s, "UserID": wearer, "TriggerOn": cause})
        if clip:
            self.put(container, "clip.mp4", clip, "video/mp4", StartTime=start_s)
        if complete:
            self.intake.update_container(container, {"Status": "Complete"})
        return container


@asynccontextmanager
async def open_office(folder: Path, settings: str = SETTINGS) -> AsyncGenerator[Office]:
    """A destination with its pages, and accounts of every role. W-1 and CAM-1 are known."""
    async with running(folder / "destination", settings) as server:
        secret = load_secret(MemoryFiles(), SeededEntropy("people"))
        store = open_store(":memory:", secret)
        people = People(store, secret, SeededEntropy("doors"), CHEAP)
        people.set_up(PASSWORD, wall_ms(), evaluation=True)
        people.add("vera", "viewer", PASSWORD + " vera", wall_ms())
        people.add("ada", "administrator", PASSWORD + " ada", wall_ms())
        people.add("louise", "local_administrator", PASSWORD + " louise", wall_ms())
        intake = server.destination.intake

        def health_now() -> Health:
            return health(intake, None, wall_ms())

        app = make_people_app(intake, people, health_now, lambda: "a line\n", wall_ms, run_in_thread)
        add_pages(app, intake, people, health_now, wall_ms, run_in_thread)
        controllers = make_app(intake, Tokens("controller", "k", Clock(), lambda: "t"), run_in_thread)
        served = front(controllers, app, ("evidence.example",), content_policy(intake.settings))
        context = ssl.create_default_context(cadata=server.connection.certificates[0].decode())
        clients: list[httpx.AsyncClient] = []
        pair = server.destination.certificate, server.destination.certificate_key
        async with serving(served, "127.0.0.1", 0, *pair) as port:

            async def enter(name: str) -> httpx.AsyncClient:
                client = httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False)
                clients.append(client)
                if name:
                    words = "demo" if name == "demo" else PASSWORD if name == "root" else f"{PASSWORD} {name}"
                    answer = await client.post("/api/v1/session", json={"name": name, "password": words})
                    assert answer.status_code == 200, answer.text
                return client

            office = Office(intake, people, app, folder, enter)
            office.meet("W-1", "CAM-1")
            try:
                yield office
            finally:
                for client in clients:
                    await client.aclose()
        store.close()
