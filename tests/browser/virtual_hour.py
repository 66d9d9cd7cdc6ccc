"""An hour of a station on virtual time, told as a manager tells it: the simulation's own controller and cameras live
through it in seconds, and what a live view of it said, and when, is played to a browser from a served manager."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from host_tools.bench.programs import free_port
from host_tools.controller.live import Change, LiveView
from host_tools.simulation.plan import Action, Plan, Verb
from host_tools.simulation.world import Simulation
from host_tools.system.records import SystemSettings
from host_tools.system.system import make
from host_tools.web_kit.serving import serving
from host_tools.web_kit.stream import Ring
from tests.patience import LIMIT_S
from tests.unit.web.office import Office, opened_office

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
LOOK_US = 5_000_000  # between two looks at everything
SEED = 11
HOST = "127.0.0.1"


class Told(NamedTuple):
    """A row that was new or different at that moment of the hour."""

    at_ms: int
    change: Change


class Hour(NamedTuple):
    """``begins_unix_ms``: what the clock on the wall of that hour said at its beginning."""

    begins_unix_ms: int
    told: list[Told]


def lived_hour(cameras: int, hands: list[tuple[float, int, Verb]]) -> Hour:
    """``hands``: at which minute which camera is taken (``take``) or brought back (``dock``)."""
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright's own loop runs in this thread
        return elsewhere.submit(_live, cameras, hands).result()


def _live(cameras: int, hands: list[tuple[float, int, Verb]]) -> Hour:
    actions = tuple(Action(int(minute * MINUTE_MS), camera, verb, camera, SEED) for minute, camera, verb in hands)
    simulation = Simulation(Plan(SEED, cameras, HOUR_MS, actions, ()))
    told: list[Told] = []
    views: list[LiveView] = []

    def look() -> None:
        running = simulation.site.running
        if running is not None:
            if not views:
                views.append(LiveView(running.controller, running.spool))
            at_ms = simulation.loop.world.now_us // 1_000
            told.extend(Told(at_ms, change) for change in views[0].changes(whole=True))
        simulation.loop.world.after(LOOK_US, look)

    begins_ms = simulation.wall_ms()
    simulation.loop.world.after(LOOK_US, look)
    outcome = simulation.run()
    assert outcome.violation is None, outcome.violation
    return Hour(begins_ms, told)


class Played(LiveView):
    """The rows of an hour as they were at a moment of it."""

    def __init__(self, hour: Hour) -> None:
        self.now_ms = 0
        self._hour = hour

    def rows(self) -> list[Change]:
        """See LiveView."""
        rows: dict[tuple[str, str], Change] = {}
        for told in self._hour.told:
            if told.at_ms <= self.now_ms:
                rows[told.change.kind, told.change.key] = told.change
        return [change for change in rows.values() if change.value is not None]

    def changes(self, whole: bool = False) -> list[Change]:
        """Nothing: what changes is told by ``Wall.pass_to``."""
        return []

    def until(self, now_ms: int) -> list[Change]:
        """What was told up to that moment and not before; it is that moment then."""
        found = [told.change for told in self._hour.told if self.now_ms < told.at_ms <= now_ms]
        self.now_ms = now_ms
        return found


class Wall:
    """A manager of that hour, served by a thread of its own. ``url``, ``cookie``: as a station's."""

    def __init__(self, hour: Hour, folder: Path) -> None:
        self.hour = hour
        self.played = Played(hour)
        self.url = ""
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._cookies: dict[str, str] = {}
        self._ring = Ring("run1")
        self._served = threading.Event()
        self._cut = asyncio.Event()
        self._over = False
        self._runs, self._port = 0, free_port()  # the same after a restart

    def cookie(self, role: str) -> str:
        """Of a session of that role."""
        return self._cookies[role]

    def pass_to(self, minute: float) -> None:
        """The hour goes on to that minute: what was told until then is told to whoever follows."""
        for change in self.played.until(int(minute * MINUTE_MS)):
            self._loop.call_soon_threadsafe(self._ring.publish, "change", change.plain())

    def restart(self) -> None:
        """The server ends and comes back at the same place, as after an update: it knows nothing of who followed."""
        self._served.clear()
        self._loop.call_soon_threadsafe(self._cut.set)
        self.wait()

    def wait(self) -> None:
        """Until it is served."""
        assert self._served.wait(LIMIT_S)

    def serve(self) -> None:
        """Until ``end``: the body of the thread."""
        with opened_office(self._folder, view=self.played) as office:
            with office.system.change("test", 1) as edit:
                edit.put(make(SystemSettings, {**edit.state.settings.model_dump(), "shift_minutes": 30}))
            self._cookies["viewer"] = office.cookie("viewer")
            self._loop.run_until_complete(self._serve(office))
        self._loop.close()

    def end(self) -> None:
        """The thread ends."""
        self._over = True
        self._loop.call_soon_threadsafe(self._cut.set)

    async def _serve(self, office: Office) -> None:
        front = office.https.front((HOST,))
        while not self._over:
            self._runs += 1
            manager = office.manager_of(f"run{self._runs}")
            self._cut.clear()
            async with serving(manager.guarded, HOST, self._port, front) as self._port:
                self.url, self._ring = f"https://{HOST}:{self._port}", manager.ring
                self._served.set()
                await self._cut.wait()
                self._ring.close()


@contextmanager
def played_wall(hour: Hour, folder: Path) -> Generator[Wall]:
    """Served while the block runs."""
    wall = Wall(hour, folder)
    thread = threading.Thread(target=wall.serve, name="the manager of a virtual hour")
    thread.start()
    try:
        wall.wait()
        yield wall
    finally:
        wall.end()
        thread.join()
