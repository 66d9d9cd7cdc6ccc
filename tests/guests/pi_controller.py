"""The product's controller in a thread of the Pi lane, with one configured port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host_tools.bench.programs import EventLog, ScenarioFailed, until
from host_tools.cli.compose import create_destination
from host_tools.cli.serve import running_controller
from host_tools.cli.trusting import make_trust
from host_tools.controller.remote import controller_client
from host_tools.controller.settings import WEB_OFF, Settings
from host_tools.trust.wrapping import ArgonCost
from tests.guests.stages import LaneFailed

CHEAP = ArgonCost(memory_kib=64, iterations=1, lanes=1)  # the passphrase guards nothing here
ROSTER = '[[wearer]]\nid = "W-1"\nname = "Wearer 1"\n[[assignment]]\ncamera = "{serial}"\nwearer = "W-1"\n'
BAUD = 115_200
START_LIMIT_S = 600.0


class GuestController:
    """For one camera at ``port``; its files are below ``folder``."""

    def __init__(self, folder: Path, port: str, serial: str, maker: bytes) -> None:
        self._folder = folder
        self._serial = serial
        roster = folder / "roster.toml"
        roster.write_text(ROSTER.format(serial=serial))
        self._settings = Settings(
            folder=folder / "controller",
            destination=folder / "destination",
            roster=roster,
            web=WEB_OFF,
            usb_root=None,
            urls=(f"serial://{port}?baud={BAUD}",),
        )
        trust = make_trust(self._settings.folder, "correct horse", "controller-0001", CHEAP)
        trust.trust_manufacturer(maker)
        create_destination(self._settings.destination)
        self._client = controller_client(self._settings.folder)
        self._events = EventLog(self._client)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="controller")

    def __enter__(self) -> GuestController:
        self._thread.start()
        if not self._ready.wait(START_LIMIT_S):
            raise LaneFailed("the controller does not start")
        self._events.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._events.close()

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Have it do something."""
        return self._client.call(verb, **arguments)

    def until(self, condition: Callable[[dict[str, Any]], Any], what: str, limit_s: float) -> None:
        """Until the camera's row of the status is so. LaneFailed."""

        def look() -> bool:
            return any(row["serial"] == self._serial and condition(row) for row in self.ask("status")["cameras"])

        try:
            until(look, what, limit_s)
        except ScenarioFailed as failed:
            raise LaneFailed(f"{failed}; {self.ask('status')['problems']}") from None

    def wait(self, what: str, limit_s: float) -> dict[str, Any]:
        """The first event of that name. LaneFailed."""
        try:
            return self._events.wait_for(lambda event: event.get("what") == what, what, limit_s, 0, lambda: None)
        except ScenarioFailed as failed:
            raise LaneFailed(str(failed)) from None

    def clip(self, container: str) -> bytes:
        """What was delivered."""
        (path,) = (self._settings.destination / container).glob("*.mp4")
        return path.read_bytes()

    async def _serve(self) -> None:
        async with running_controller(self._settings):
            self._ready.set()
            await asyncio.to_thread(self._stop.wait)
