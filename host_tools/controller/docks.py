"""One docking station as the controller knows it: its bays, their measurements, their lamps.

Law: a session with one dock. What a dock measured comes as it is told; what a controller measures with both sides of a
bay is noted here by whoever did (``note``), and forgotten with it when the bay is free.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from firmware.link import events, schema
from host_tools.controller.contact_readings import with_worth
from host_tools.controller.happenings import Happenings
from host_tools.controller.power_line import PowerLine
from host_tools.controller.probing import probe_delivery
from host_tools.hardware import Board
from host_tools.protocol.connection import Connection, RequestRefused

LINK_RUN = 2
LINK_FRAMES, LINK_FRAME_BYTES = 32, 400  # 13 kB in frames that a Pico takes: a quarter of a second at 50 kB/s
LINK_BYTES_PER_S_MIN = 20_000  # MicroPython takes 50 kB/s; a line of 115 200 baud carries 11.5
LINK_SLOW_TESTS = 2
CHECKED_ANEW_S = 5.0  # a bay that had failed: its check, and its load where it gets power again, take three seconds
DARK = ("free", "fault")  # states whose lamp is the dock's own: no camera is there, or something is wrong


class Dock:
    """A session with a dock. ``run`` lasts as long as the link does. ``slow``: why its link is, empty if it is not."""

    def __init__(
        self,
        connection: Connection,
        identity: dict[str, Any],
        location: str,
        happenings: Happenings,
        board: Board | None = None,
    ) -> None:
        self.serial: str = identity["serial"]
        self.model: str = identity["model"]
        self.firmware: str = identity.get("firmware", "")
        self.location = location
        self.connection = connection
        self.bays: dict[int, dict[str, Any]] = {}
        self.found: set[int] = set()  # bays that have been in use since before this session
        self.contacts: dict[int, list[dict[str, Any]]] = {}
        self.switched_off: set[int] = set()  # bays whose supply somebody has switched off, from before it goes
        self.power = PowerLine(connection)
        self.slow = ""
        self._slow_tests = 0
        self.board = board
        self._noted: dict[int, dict[str, dict[str, Any]]] = {}
        self._happenings = happenings
        self._checked_anew: dict[int, asyncio.Event] = {}
        self._lamps_wanted: dict[int, int] = {}
        self._lamps_changed = asyncio.Event()

    async def run(self) -> None:
        """Follow the bays and set the lamps until the link is lost."""
        self.connection.on_message = self._on_message
        await self.refresh()
        await self._ask_for_contacts()
        while True:
            await self._lamps_changed.wait()
            self._lamps_changed.clear()
            await self._set_lamps()

    def want_lamp(self, bay: int, pattern: str) -> None:
        """Show a pattern of schema.LAMP_PATTERNS at a bay as soon as the link allows; not where its lamp is the dock's
        own."""
        if bay in self.bays and self.state_of(bay) in DARK:
            return
        number = schema.number_of(schema.LAMP_PATTERNS, pattern)
        if self._lamps_wanted.get(bay) != number:
            self._lamps_wanted[bay] = number
            self._lamps_changed.set()

    def shows(self, bay: int, pattern: str) -> bool:
        """Whether that pattern is what a bay was last asked to show."""
        return self._lamps_wanted.get(bay) == schema.number_of(schema.LAMP_PATTERNS, pattern)

    async def check_contacts(self, bay: int) -> list[dict[str, Any]]:
        """Measure a bay's contacts now; those of a bay that had failed from the beginning. RequestRefused while the bay
        is empty; LinkLost."""
        anew = self._checked_anew.setdefault(bay, asyncio.Event()) if self.state_of(bay) == "fault" else None
        try:
            self._take_contacts(await self.connection.ask("check_contacts", {"bay": bay}))
            if anew is not None:
                with suppress(TimeoutError):  # what is known by then is what there is
                    await asyncio.wait_for(anew.wait(), CHECKED_ANEW_S)
        finally:
            self._checked_anew.pop(bay, None)
        return self.contacts.get(bay, [])

    async def refresh(self) -> None:
        """Ask how the bays are now: a dock tells what happens, not how supply and current go. LinkLost."""
        self._take_bays((await self.connection.ask("get_bays"))["entries"])

    def note(self, bay: int, row: dict[str, Any]) -> None:
        """A row that was measured with both sides of a bay, in place of an earlier one of its quantity."""
        self._noted.setdefault(bay, {})[row["quantity"]] = row

    def rows(self, bay: int) -> list[dict[str, Any]]:
        """All that is known of a bay's contacts now: the dock's own measurements, then what was noted."""
        own = self.contacts.get(bay, [])
        told = own if self.board is None else [with_worth(row, self.board, bay) for row in own]
        return [*told, *self._noted.get(bay, {}).values()]

    async def test_link(self) -> None:
        """How fast bytes go to the dock and back; ``slow`` says so if that is too slow twice in a row. LinkLost."""
        found = await probe_delivery(self.connection, LINK_RUN, LINK_FRAMES, LINK_FRAME_BYTES)
        rate = found["bytes_per_s"]
        self._slow_tests = self._slow_tests + 1 if rate < LINK_BYTES_PER_S_MIN else 0
        expected = f"{LINK_BYTES_PER_S_MIN / 1000:.0f} kB/s are the least of a dock's cable"
        self.slow = f"{rate / 1000:.1f} kB/s each way, {expected}" if self._slow_tests >= LINK_SLOW_TESTS else ""

    async def set_power(self, bay: int, powered: bool) -> None:
        """Switch the supply of one bay. RequestRefused, LinkLost."""
        self.switched_off.add(bay)
        off = False
        try:
            await self.connection.ask("set_bay_power", {"bay": bay, "powered": powered})
            off = not powered
        finally:
            if not off:
                self.switched_off.discard(bay)

    async def power_cycle(self, bay: int, off_ms: int) -> str:
        """Off, a while, and on again, whatever became of the asker meanwhile; answers the bay's state then.
        RequestRefused, LinkLost."""
        await self.set_power(bay, False)
        try:
            await asyncio.sleep(off_ms / 1000)
        finally:
            await self.set_power(bay, True)
        return self.state_of(bay)

    def state_of(self, bay: int) -> str:
        """A word of schema.BAY_STATES."""
        return schema.word_of(schema.BAY_STATES, self.bays.get(bay, {}).get("state", 0))

    async def _ask_for_contacts(self) -> None:
        """Cameras that were here before us: what their contacts are like now, or the dock tells when it knows."""
        for bay in [bay for bay in self.bays if self.state_of(bay) != "free"]:
            try:
                self._take_contacts(await self.connection.ask("check_contacts", {"bay": bay}))
            except RequestRefused:  # a camera is just coming, or going: the dock tells by itself
                continue

    async def _set_lamps(self) -> None:
        for bay, pattern in list(self._lamps_wanted.items()):
            if self.bays.get(bay, {}).get("lamp") == pattern:
                continue
            try:
                await self.connection.ask("set_lamp", {"bay": bay, "pattern": pattern})
            except RequestRefused as refused:
                self._happenings.tell("lamp_refused", dock=self.serial, bay=bay, text=str(refused))
                continue
            self.bays.setdefault(bay, {})["lamp"] = pattern

    def _on_message(self, message: events.Message) -> None:
        if message.name == "bay_changed":
            self._take_bays(message.fields["entries"])
        elif message.name == "contacts":
            self._take_contacts(message.fields)
            if message.fields["bay"] in self._checked_anew:
                self._checked_anew[message.fields["bay"]].set()
        elif message.name == "power_measured":
            self.power.take(message.fields)

    def _take_bays(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            before = self.bays.get(entry["bay"], {}).get("state")
            self.bays[entry["bay"]] = entry
            if entry["state"] == before:
                continue
            state = self.state_of(entry["bay"])
            if before is None and state not in ("free", "settling"):
                self.found.add(entry["bay"])
            elif state in ("free", "settling"):
                self.found.discard(entry["bay"])
            if state == "free":
                self.contacts.pop(entry["bay"], None)
            if state in ("free", "checking"):  # from both sides: of a seating that is over
                self._noted.pop(entry["bay"], None)
            if state in DARK:
                self._lamps_wanted.pop(entry["bay"], None)
            if before is not None or state != "free":
                self._happenings.tell("bay", dock=self.serial, bay=entry["bay"], state=state)
        self._lamps_changed.set()

    def _take_contacts(self, fields: dict[str, Any]) -> None:
        self.contacts[fields["bay"]] = [_measured(row) for row in fields["measurements"]]
        self._happenings.tell(
            "contacts", dock=self.serial, bay=fields["bay"], verdict=worst_verdict(self.contacts[fields["bay"]])
        )


def link_issue(dock: Dock | None, serial: str, reason: str) -> str:
    """A slow link for people: of a dock by the controller's port that it is at. What to do is among the alerts."""
    if dock is None:
        return f"the link to camera {serial} is slow: {reason}"
    return f"docking station connection issue at port {port_of(dock.location)}, {serial}: {reason}"


def port_of(location: str) -> str:
    """The port of the controller that a place on the USB tree is behind: the first of ``1-2.1.4`` is 2."""
    ports = location.partition("-")[2]
    return ports.partition(".")[0] or "?"


def worst_verdict(measurements: list[dict[str, Any]]) -> str:
    """The verdict on a bay: its worst measured quantity; ``not_measured`` when nothing was."""
    order = ("fail", "marginal", "pass")
    verdicts = {row["verdict"] for row in measurements}
    return next((verdict for verdict in order if verdict in verdicts), "not_measured")


def _measured(row: dict[str, Any]) -> dict[str, Any]:
    names = {number: (name, unit) for number, name, unit in schema.QUANTITIES}
    name, unit = names.get(row["quantity"], (f"quantity-{row['quantity']}", ""))
    verdict = schema.word_of(schema.VERDICTS, row["verdict"])
    return {
        "quantity": name,
        "value": row["value"],
        "unit": unit,
        "low": row["low"],
        "high": row["high"],
        "verdict": verdict,
    }
