"""Contacts and charging of everything that is docked: checked at every docking, watched, kept, and told to people.

Law: one task. A docking is checked once, in the quick form, when both its dock and its camera have said what they know,
and once more when its camera is a member only later. What was in its bay before this controller or its link is checked
as if it had been docked, and kept as the one docking that it is. What comes out goes into the history, into the bay's
rows and, if it is bad, into an alert whose remedies end by naming the part. A board that goes meanwhile ends its check,
nothing else. What is decided is in ``charging``, what is said in ``contact_alerts``; this only brings them together.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from host_tools.controller.cameras import Camera, CameraView
from host_tools.controller.charging import FULL_UA, ChargeWatch, SmartCharge, allowed_ua
from host_tools.controller.contact_alerts import (
    EMPTY_REMEDIES,
    Alert,
    Part,
    details_of,
    named_by_cases,
    named_by_wear,
    remedies,
)
from host_tools.controller.contact_check import FULL, QUICK, ContactCheck
from host_tools.controller.contact_history import ContactHistory, Docking, is_same_docking
from host_tools.controller.contact_procedure import Form
from host_tools.controller.contact_readings import Row, lines_row
from host_tools.controller.docks import Dock, worst_verdict
from host_tools.controller.happenings import Happening, Happenings
from host_tools.controller.power_line import NoReading
from host_tools.custody.blocking import RunBlocking
from host_tools.hardware import Board
from host_tools.protocol.connection import RequestRefused
from host_tools.system.alert_texts import Saying
from host_tools.transports.errors import LinkLost

WATCH_S = 10.0  # between two looks at how docked cameras are charged
LINKS_S = 15.0  # between two tests of the docks' own links: 13 kB each
RETRY_S = 1.0  # before a check whose bay was not ready is tried again
DOCK_AWAY_S = 60.0  # a dock that is not back by then was taken away, and what was wrong at it with it
GIVE_UP_S = 60.0  # a bay that is not ready by then is kept as it is: its camera has gone, or is full
CURRENT_RISES_S = 2.0  # after an allowance was widened for a check
LOOSE_S = 60.0  # in which losses of contact are counted
LOOSE_MARGINAL, LOOSE_FAIL = 2, 4  # of the same bay: a hand docks a camera once
DOCKS_MAX = 5

LOG = logging.getLogger("openbwc.controller")

Key = tuple[str, int]


class Place(NamedTuple):
    """A bay with whatever is in it now."""

    dock: Dock
    bay: int
    view: CameraView | None
    camera: Camera | None

    @property
    def key(self) -> Key:
        return self.dock.serial, self.bay

    @property
    def serial(self) -> str:
        """Of the camera; empty while none has said who it is."""
        return self.view.serial if self.view is not None else ""


class Contacts:
    """``smart``: smart charge of all cameras. ``alerts``: what is wrong now, by bay and kind."""

    def __init__(
        self,
        docks: Mapping[str, Dock],
        camera_in: Callable[[Dock, int], CameraView | None],
        session_of: Callable[[str], Camera | None],
        boards: Mapping[str, Board],
        history: ContactHistory,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        happenings: Happenings,
        smart: SmartCharge,
    ) -> None:
        self.smart = smart
        self.alerts: dict[tuple[Key, str], Alert] = {}
        self.history = history
        self._docks = docks
        self._camera_in = camera_in
        self._session_of = session_of
        self._boards = boards
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._pending: dict[Key, float] = {}
        self._checked: dict[Key, str] = {}  # bays whose docking has had its check, with the camera that took part in it
        self._news = asyncio.Event()
        self._locks: dict[Key, asyncio.Lock] = {}
        self._allowed: dict[str, tuple[int, bool]] = {}
        self._charging: dict[str, ChargeWatch] = {}
        self._losses: dict[Key, list[float]] = {}
        self._departures: Counter[Key] = Counter()
        self._away_since_s: dict[str, float] = {}  # docks that are not here, and have alerts
        self._loose: set[Key] = set()  # bays that lose their camera again and again
        # Who was greeted there last, as long as it may be the one that comes and goes.
        self._seated: dict[Key, str] = {}
        self._links_tested_s = 0.0
        self._watched_s = 0.0
        happenings.listen(self._react)

    async def run(self) -> None:
        """Check what was docked, and watch what is, until cancelled."""
        self._watched_s = asyncio.get_running_loop().time()
        while True:
            self._news.clear()
            for key in list(self._pending):
                await self._at(key, self._docked(key))
            for key in list(self._loose):
                await self._at(key, self._look_at_loose(key))
            now_s = asyncio.get_running_loop().time()
            self._end_what_has_no_dock(now_s)
            if now_s - self._watched_s >= WATCH_S and self._docks:
                self._watched_s = now_s
                await self._watch_all()
            await self._wait(RETRY_S if self._pending else WATCH_S)

    async def suspend_smart_charge(self, hours: float, by: str) -> int:
        """Have all cameras charged to full for so long (0: not any more); until when. They are told now.
        SystemFault."""
        until_unix_ms = await self._run_blocking(lambda: self.smart.suspend(self._wall_ms(), hours, by))
        self._watched_s = -WATCH_S
        self._news.set()
        return until_unix_ms

    async def check(self, dock: Dock, bay: int, form: Form = FULL) -> list[Row]:
        """Measure a bay now, whole. RequestRefused while it is empty, or if its camera goes meanwhile; LinkLost."""
        departures = self._departures[dock.serial, bay]
        await dock.check_contacts(bay)
        place = self._place(dock, bay)
        async with self._lock(place.key):
            await self._widen(place)
            row = await self._measured(place, form)
            if place.camera is not None:
                await ContactCheck(dock, bay, place.camera, None).delivery()
            self._require_same(place, departures)
            if row["verdict"] != "not_measured" or not self._has_resistance(place):
                dock.note(bay, row)
            await self._conclude(place)
        return self.rows(place.dock, bay)

    def rows(self, dock: Dock, bay: int) -> list[Row]:
        """All that is known of a bay's contacts, the camera's data pair included."""
        view = self._camera_in(dock, bay)
        rows = dock.rows(bay)
        return [*rows, view.delivery_check] if rows and view is not None and view.delivery_check else rows

    def problems(self) -> dict[str, str]:
        """The alerts as lines for people, by what they are about."""
        told = {f"{alert.kind} of {alert.device}": alert.text() for alert in self.alerts.values()}
        if len(self._docks) > DOCKS_MAX:
            told["docks"] = f"{len(self._docks)} docks are connected and a controller serves {DOCKS_MAX}: move one"
        return told

    def battery_of(self, serial: str) -> dict[str, object]:
        """How a docked camera is charged, as it said last; empty where it has not."""
        session = self._session_of(serial)
        return dict(session.power.status) if session is not None else {}

    # -- what happens

    def _react(self, happening: Happening) -> None:
        what = happening["what"]
        if what == "contacts":
            self._ask_for((happening["dock"], happening["bay"]))
        elif what == "camera_ready":
            self._charging[happening["camera"]] = ChargeWatch()
            self._allowed.pop(happening["camera"], None)
            for dock in self._docks.values():
                for bay in dock.bays:
                    if self._place(dock, bay).serial == happening["camera"]:
                        self._seated[dock.serial, bay] = happening["camera"]
                        self._ask_for((dock.serial, bay))
        elif what == "undocked":
            self._charging.pop(happening["camera"], None)
        elif what == "bay" and happening["state"] in ("settling", "checking"):
            key = happening["dock"], happening["bay"]
            self._checked.pop(key, None)
            if not self._losses_of(key):
                self._seated.pop(key, None)
        elif what == "dock_online":
            for key in [key for key in self._checked if key[0] == happening["dock"]]:
                del self._checked[key]  # what was noted has gone with the last session
        elif what == "bay" and happening["state"] == "free":
            self._left((happening["dock"], happening["bay"]))

    def _ask_for(self, key: Key) -> None:
        self._pending.setdefault(key, asyncio.get_running_loop().time())
        self._news.set()

    def _left(self, key: Key) -> None:
        self._pending.pop(key, None)
        self._checked.pop(key, None)
        self._departures[key] += 1
        self._losses.setdefault(key, []).append(asyncio.get_running_loop().time())
        if self._losses_of(key) >= LOOSE_MARGINAL:
            self._loose.add(key)
            self._news.set()
        for which in [which for which in self.alerts if which[0] == key]:
            if key not in self._loose or which[1] != "docking_issue":  # what else was wrong was its camera's
                self._clear(*which)

    def _end_what_has_no_dock(self, now_s: float) -> None:
        for serial in {dock for (dock, _bay), _kind in self.alerts}:
            if serial in self._docks:
                self._away_since_s.pop(serial, None)
            elif now_s - self._away_since_s.setdefault(serial, now_s) >= DOCK_AWAY_S:
                for which in [which for which in self.alerts if which[0][0] == serial]:
                    self._clear(*which)

    async def _at(self, key: Key, act: Awaitable[None]) -> None:
        """Do something at a bay; what meets it ends that alone."""
        try:
            await act
        except (LinkLost, RequestRefused, NoReading) as error:
            self._happenings.tell("contacts_unknown", dock=key[0], bay=key[1], text=str(error))
        except Exception as error:  # the edge of a task: one bay's contacts must not end the controller
            LOG.exception("bay %d of %s: looking at its contacts has failed", key[1], key[0])
            text = f"looking at its contacts failed ({error!r}); report this with the log"
            self._happenings.tell("contacts_unknown", dock=key[0], bay=key[1], text=text)

    async def _look_at_loose(self, key: Key) -> None:
        """A contact that comes and goes is seldom there for long enough to be checked: it is judged by its losses."""
        dock = self._docks.get(key[0])
        if dock is None or self._losses_of(key) < LOOSE_MARGINAL:
            self._loose.discard(key)
        if dock is None:
            self._clear(key, "docking_issue")
            return
        place = self._place(dock, key[1])
        row = self._losses_row(place)
        if row["verdict"] == "fail":
            await self._raise_issue(place, [row], "loose")
        if dock.state_of(place.bay) != "free":
            dock.note(place.bay, row)
        if row["verdict"] != "fail":
            await self._judge(place)

    async def _docked(self, key: Key) -> None:
        """Check a docking if its time has come, or look again at what its dock has found since."""
        asked_s = self._pending.get(key)
        if asked_s is None:  # its camera left while another bay was being checked
            return
        dock = self._docks.get(key[0])
        if dock is None or dock.state_of(key[1]) == "free":
            self._pending.pop(key, None)
            return
        place = self._place(dock, key[1])
        if not self._is_ready(place) and asyncio.get_running_loop().time() - asked_s < GIVE_UP_S:
            return
        self._pending.pop(key, None)
        departures = self._departures[key]
        async with self._lock(key):
            self._require_same(place, departures)
            who = place.serial if place.camera is not None else ""
            if self._checked.get(key) == who or (key in self._checked and not who):
                await self._judge(place)
                await self._watch(place)
                return
            if place.bay in dock.found:
                await self._widen(place)
            row = await self._measured(place, QUICK)
            self._require_same(place, departures)
            dock.note(place.bay, row)
            self._checked[key] = who
            await self._conclude(place)
            await self._keep(place)
            await self._watch(place)

    def _is_ready(self, place: Place) -> bool:
        """The dock has measured; and where it gives power, its camera is here and draws."""
        known = {row["quantity"] for row in place.dock.rows(place.bay) if row["verdict"] != "not_measured"}
        if place.dock.state_of(place.bay) != "docked":
            return "pin_coupling" in known or "block_temperature" in known
        return "charge_current" in known and place.camera is not None and bool(place.view and place.view.delivery_check)

    # -- one bay

    async def _measured(self, place: Place, form: Form) -> Row:
        board = self._boards.get(place.view.model) if place.view is not None else None
        return await ContactCheck(place.dock, place.bay, place.camera, board).resistance(form)

    def _require_same(self, place: Place, departures: int) -> None:
        """What was found is of the camera that was there. RequestRefused if it has gone meanwhile."""
        if self._departures[place.key] != departures:
            text = f"the camera left bay {place.bay} of {place.dock.serial} meanwhile: dock it and ask again"
            raise RequestRefused("check_contacts", "not_now", text)

    def _has_resistance(self, place: Place) -> bool:
        rows = {row["quantity"]: row["verdict"] for row in place.dock.rows(place.bay)}
        return rows.get("contact_resistance", "not_measured") != "not_measured"

    async def _conclude(self, place: Place) -> None:
        """A check is done."""
        place.dock.note(place.bay, self._losses_row(place))
        place.dock.note(place.bay, lines_row())
        verdict = await self._judge(place)
        self._happenings.tell("checked", dock=place.dock.serial, bay=place.bay, camera=place.serial, verdict=verdict)

    async def _judge(self, place: Place) -> str:
        """What the rows of a bay mean: allowance, alerts, verdict."""
        await self._allow(place)
        rows = self.rows(place.dock, place.bay)
        bad = [row["quantity"] for row in rows if row["verdict"] == "fail"]
        if bad:
            await self._raise_issue(place, rows, bad[0])
        else:
            self._clear(place.key, "docking_issue")
        return worst_verdict(rows)

    async def _raise_issue(self, place: Place, rows: list[Row], quantity: str) -> None:
        row = next(row for row in rows if row["quantity"] == quantity)
        camera = place.serial or self._seated.get(place.key, "")
        part = await self._run_blocking(lambda: self._part(place, camera, quantity))
        details = details_of(row, place.dock.serial, place.bay)
        steps = remedies(camera, part)
        device = camera or f"{place.dock.serial} bay {place.bay}"
        self._raise(place.key, Alert("docking_issue", device, details, steps))

    def _part(self, place: Place, camera: str, quantity: str) -> Part:
        who = place.dock.serial, place.bay, camera
        if quantity == "contact_resistance":
            return named_by_wear(self.history.seatings(), *who)
        return named_by_cases(self.history.cases(quantity), *who)

    def _losses_row(self, place: Place) -> Row:
        count = self._losses_of(place.key)
        return {
            "quantity": "loose",
            "value": count,
            "unit": "losses a minute",
            "low": 0,
            "high": LOOSE_MARGINAL - 1,
            "verdict": "fail" if count >= LOOSE_FAIL else "marginal" if count >= LOOSE_MARGINAL else "pass",
            "uncertainty": 0,
            "confidence": None,
            "note": "how often the camera went from this bay",
        }

    def _losses_of(self, key: Key) -> int:
        since_s = asyncio.get_running_loop().time() - LOOSE_S
        self._losses[key] = [at_s for at_s in self._losses.get(key, []) if at_s >= since_s]
        return len(self._losses[key])

    async def _keep(self, place: Place) -> None:
        rows = {row["quantity"]: row for row in self.rows(place.dock, place.bay) if row["verdict"] != "not_measured"}

        def value(quantity: str) -> int | None:
            return rows[quantity]["value"] if quantity in rows else None

        docking = Docking(
            at_unix_ms=self._wall_ms(),
            dock=place.dock.serial,
            bay=place.bay,
            camera=place.serial,
            verdict=worst_verdict(list(rows.values())),
            failed=tuple(quantity for quantity, row in rows.items() if row["verdict"] == "fail"),
            settle_ms=value("settle_time"),
            bounces=value("bounces"),
            coupling_ppm=value("pin_coupling"),
            supply_uv=value("supply_voltage"),
            charge_ua=value("charge_current"),
            resistance_uohm=value("contact_resistance"),
            uncertainty_uohm=rows["contact_resistance"]["uncertainty"] if "contact_resistance" in rows else None,
            temperature_mc=value("block_temperature"),
        )
        newest = self.history.newest(place.dock.serial, place.bay)
        if place.bay in place.dock.found and newest is not None and is_same_docking(newest, docking):
            return
        try:
            await self._run_blocking(lambda: self.history.add(docking))
        except OSError as error:
            LOG.error("the history of contacts cannot be written (%s): make room on the controller's disk", error)

    # -- charging

    async def _watch_all(self) -> None:
        now_s = asyncio.get_running_loop().time()
        tests_links = now_s - self._links_tested_s >= LINKS_S
        self._links_tested_s = now_s if tests_links else self._links_tested_s
        for dock in list(self._docks.values()):
            await self._look_at_dock(dock, tests_links)
            for bay in list(dock.bays):
                await self._at((dock.serial, bay), self._watch(self._place(dock, bay)))

    async def _look_at_dock(self, dock: Dock, tests_link: bool) -> None:
        try:
            await dock.refresh()
            if tests_link:
                await dock.test_link()
        except (LinkLost, RequestRefused):
            return  # it is told by whoever serves the dock

    async def _watch(self, place: Place) -> None:
        camera = place.camera
        if camera is None or not camera.view.online:
            return
        try:
            await self._allow(place)
            power = camera.view.power = await camera.power.refresh()
        except (LinkLost, RequestRefused):
            return  # it has gone, or its firmware knows nothing of power
        watch = self._charging.setdefault(place.serial, ChargeWatch())
        watch.feed(round(asyncio.get_running_loop().time() * 1000), power)
        if place.dock.state_of(place.bay) == "fault":
            watch.no_power("its bay gives no power: its contacts failed the check")
        steps = remedies(place.serial, Part("", Saying("part.battery_or_camera")))
        self._raise_or_clear(place, "unable_to_charge", watch.unable, steps)
        self._raise_or_clear(place, "docked_with_empty_battery", watch.empty, EMPTY_REMEDIES)

    async def _allow(self, place: Place) -> None:
        """Tell the camera what its contacts let through, where that is something new to it."""
        if place.camera is None:
            return
        most_ua, why = allowed_ua(place.dock.rows(place.bay))
        wanted = most_ua, self.smart.is_on(self._wall_ms())
        if self._allowed.get(place.serial) == wanted:
            return
        await self._tell_allowance(place, place.camera, wanted)
        if why:
            self._happenings.tell("derated", camera=place.serial, allowed_ua=most_ua, text=why)

    async def _tell_allowance(self, place: Place, camera: Camera, wanted: tuple[int, bool]) -> None:
        try:
            await camera.power.allow(*wanted)
        except RequestRefused as refused:
            if wanted[0] < FULL_UA:
                self._happenings.tell("not_derated", camera=place.serial, text=str(refused))
        except LinkLost:
            return  # it has gone, often for the very reason: what is known of its bay is judged all the same
        self._allowed[place.serial] = wanted

    async def _widen(self, place: Place) -> None:
        """A camera that was told to take little, by this controller or an earlier one, is measured with what it would
        take."""
        known = self._allowed.get(place.serial)
        if place.camera is None or (known is not None and known[0] == FULL_UA):
            return
        try:
            before = await place.camera.power.refresh()
            await self._tell_allowance(place, place.camera, (FULL_UA, self.smart.is_on(self._wall_ms())))
            after = await place.camera.power.refresh()
        except (LinkLost, RequestRefused):
            return  # it has gone, or its firmware knows nothing of power
        if after["allowed_ua"] > before["allowed_ua"]:
            await asyncio.sleep(CURRENT_RISES_S)

    # -- alerts

    def _raise_or_clear(self, place: Place, kind: str, details: str, steps: tuple[Saying, ...]) -> None:
        if details:
            text = f"{place.serial} in bay {place.bay} of {place.dock.serial}: {details}"
            self._raise(place.key, Alert(kind, place.serial, text, steps))
        else:
            self._clear(place.key, kind)

    def _raise(self, key: Key, alert: Alert) -> None:
        dock, is_loose = self._docks.get(key[0]), key in self._loose and alert.kind == "docking_issue"
        if dock is None or (dock.state_of(key[1]) == "free" and not is_loose):
            return  # it went while it was judged
        known = self.alerts.get((key, alert.kind))
        self.alerts[key, alert.kind] = alert
        if known is None:
            self._happenings.tell("contact_alert", kind=alert.kind, device=alert.device, text=alert.text())

    def _clear(self, key: Key, kind: str) -> None:
        alert = self.alerts.pop((key, kind), None)
        if alert is not None:
            self._happenings.tell("contact_alert_over", kind=kind, device=alert.device)

    # -- helpers

    def _place(self, dock: Dock, bay: int) -> Place:
        view = self._camera_in(dock, bay)
        return Place(dock, bay, view, self._session_of(view.serial) if view is not None else None)

    def _lock(self, key: Key) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _wait(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            return
