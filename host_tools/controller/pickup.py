"""Cameras picked up by badge: a tap becomes an offer, an offer a camera in somebody's name, and every refusal a reason.

Law: carries out what ``system.assignment_desk`` and ``assignment_offer`` decide, one step of an offer after another,
and feeds them what happens meanwhile. It writes what is noted (``Holding``), tells the camera, and only then lights a
lamp. Who gets which camera, and when an offer is over, is not decided here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from host_tools.controller.found_docked import DOCKED, STILL_DOCKED
from host_tools.controller.happenings import Happening
from host_tools.controller.pickup_facts import (
    FIXED_MODE,
    HOLD_MORE_MS,
    MULTI_MODE,
    Fleet,
    PickupFacts,
    PickupRules,
)
from host_tools.controller.pickup_returns import BY, Returns
from host_tools.controller.readers import ReaderView
from host_tools.custody.blocking import RunBlocking
from host_tools.protocol.connection import RequestRefused
from host_tools.readers.interface import ACCEPTED, READY, REFUSED, WAIT
from host_tools.readers.tags import Tag
from host_tools.system import assignment_offer as offers
from host_tools.system.assignment import Choice, choose, reasons_text
from host_tools.system.assignment_desk import REFUSALS, Again, Begin, Desk, Refusal, Tap, Waiting
from host_tools.system.assignment_offer import Offer
from host_tools.system.errors import DomainError
from host_tools.system.records import Holding, Wearer
from host_tools.system.system import System
from host_tools.transports.errors import LinkLost

SLACK_MS = 1_000  # by which the clocks of a camera and of this controller may differ over such a time
TICK_S = 0.1  # between two looks at the time while an offer is open or somebody waits
PART_S = 2.0  # in which the link to a camera that was taken ends; a cable that is pulled ends it within milliseconds
REFUSED_S = 2.0  # for which a reader shows red
TAPS_KEPT = 50  # of the latest, for status
TAG_SHOWN = 4  # the last characters of a badge's number, as status and log show it: whoever knows it all can copy it

A = TypeVar("A")

LOG = logging.getLogger("openbwc.controller")


class ReaderLamps(Protocol):
    """What pick-up needs of readers."""

    def show(self, url: str, word: str, back_after_s: float = 0.0) -> None: ...


class Pickup:
    """``run`` until cancelled, beside the controller. ``now_ms``: the loop's clock."""

    def __init__(
        self,
        fleet: Fleet,
        system: System,
        rules: PickupRules,
        run_blocking: RunBlocking,
        now_ms: Callable[[], int],
        lamps: ReaderLamps | None = None,
    ) -> None:
        self._facts = PickupFacts(fleet, system, rules)
        self.lamps = lamps
        self.last: deque[dict[str, Any]] = deque(maxlen=TAPS_KEPT)
        self.desk = Desk(self._facts.notes, self._facts.take_ms(), HOLD_MORE_MS, SLACK_MS, now_ms())
        self._fleet = fleet
        self._system = system
        self._run_blocking = run_blocking
        self._now_ms = now_ms
        self._happenings = fleet.happenings
        self._tasks: asyncio.TaskGroup | None = None
        self._changed: dict[int, asyncio.Event] = {}  # of each offer, by its identity
        self._sitting: dict[tuple[str, int], str] = {}
        self._returns = Returns(fleet, system, self._facts, run_blocking, self.is_in_hand, self.desk.settle)
        self._wake = asyncio.Event()
        self._happenings.listen(self._hear)

    async def run(self) -> None:
        """Serve taps."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._returns.run())
                while True:
                    self._tick()
                    self._wake.clear()
                    busy = bool(self.desk.offers or self.desk.waiting)
                    try:
                        async with asyncio.timeout(TICK_S if busy else None):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
        finally:
            self._tasks = None

    # -- taps

    def on_tap(self, view: ReaderView, tag: Tag) -> None:
        """A badge was held to a reader."""
        self.tap(tag.text, view.place, view.url)

    def tap(self, tag: str, place: str = "", reader: str = "") -> dict[str, Any]:
        """A badge was shown: what became of it, as ``last`` has it. Returns before anything is written or lit."""
        wearer = self._system.wearer_of_tag(tag)
        shown = "…" + tag[-TAG_SHOWN:]
        if wearer is None:
            return self._refuse(Refusal("unknown_tag"), None, Tap("", tag, reader, place, self._now_ms()), tag=shown)
        where = place if self._facts.mode() == MULTI_MODE else ""
        tap = Tap(wearer.id, tag, reader, where, self._now_ms())
        if self._facts.mode() == FIXED_MODE:
            return self._refuse(Refusal("fixed"), wearer, tap)
        if self._tasks is None:  # an offer that nobody carries out would never end
            return self._refuse(Refusal("starting"), wearer, tap)
        waited_at = next((each.reader for each in self.desk.waiting if each.wearer == tap.wearer), reader)
        answer = self._said_right(self.desk.tap(tap, self._now_ms()))
        if waited_at != reader:  # they wait here now, or not at all
            self._show(waited_at, READY)
        if isinstance(answer, Refusal):
            return self._refuse(answer, wearer, tap)
        if isinstance(answer, Waiting):
            self._show(reader, WAIT)
            self._wake.set()
            return self._tell_tap(tap, wearer, "waiting", "", f"{wearer.name} waits for {answer.ahead} before them")
        if isinstance(answer, Again):
            if reader not in (answer.offer.reader, *answer.offer.also):
                answer.offer.also += (reader,)  # its lamp ends with the offer, too
            self._show(reader, ACCEPTED if answer.offer.state == offers.OFFERED else WAIT)
            return self._tell_tap(tap, wearer, "again", answer.offer.camera, f"{answer.offer.camera} flashes already")
        return self._begin(answer, wearer)

    def view(self) -> dict[str, Any]:
        """What status shows."""
        now_ms, names = self._now_ms(), self._system.wearers
        return {
            "mode": self._facts.mode(),
            "offers": [self._offer_row(offer, now_ms) for offer in self.desk.offers],
            "waiting": [{"wearer": tap.wearer, "place": tap.place} for tap in self.desk.waiting],
            "holdings": [
                {
                    "camera": each.camera,
                    "wearer": each.wearer,
                    "name": names[each.wearer].name if each.wearer in names else "",
                    "place": each.place,
                    "taken_unix_ms": each.taken_unix_ms,
                    "undocked_unix_ms": each.undocked_unix_ms,
                }
                for each in self._system.holdings.values()
            ],
            "last": list(self.last),
        }

    async def end_holding(self, camera: str) -> bool:
        """Somebody has decided that a camera is nobody's, wherever it is; whether it was anybody's."""
        offer = self._offer_of(camera)
        if offer is not None:
            return self._happen(offer, offers.WITHDRAWN)
        if camera not in self._system.holdings:
            return False
        await self._run_blocking(lambda: self._returns.forget(camera))
        return True

    def is_in_hand(self, camera: str) -> bool:
        """Whether an offer of that camera is not over."""
        return self._offer_of(camera) is not None

    def may_flash(self, dock: str, bay: int) -> bool:
        """Whether a camera in that bay may flash for somebody, or is about to."""
        return any((offer.dock, offer.bay) == (dock, bay) for offer in self.desk.offers)

    def _said_right(self, answer: A) -> A | Refusal:
        """Whoever has docked their camera is not told to dock it."""
        if isinstance(answer, Refusal) and self._returns.is_stuck(answer.camera):
            return Refusal("not_let_go", answer.camera)
        return answer

    def _begin(self, begin: Begin, wearer: Wearer) -> dict[str, Any]:
        tap = begin.tap
        demand = self._facts.demand(tap.place)
        choice = choose(self._facts.cameras(wearer, {offer.camera for offer in self.desk.offers}), demand)
        if choice.camera is None:
            return self._refuse(
                Refusal("no_camera"), wearer, tap, reasons=reasons_text(choice.reasons, demand), choice=choice
            )
        camera = choice.camera
        self.desk.take_ms = self._facts.take_ms()
        offer = self.desk.open(tap, camera.serial, camera.dock, camera.bay)
        self._changed[id(offer)] = asyncio.Event()
        if self._tasks is not None:
            self._tasks.create_task(self._carry(offer, wearer))
        self._wake.set()
        return self._tell_tap(tap, wearer, "accepted", camera.serial, f"{camera.serial} for {wearer.name}")

    def _refuse(
        self, refusal: Refusal, wearer: Wearer | None, tap: Tap, choice: Choice | None = None, **said: str
    ) -> dict[str, Any]:
        values = {"tag": "…" + tap.tag[-TAG_SHOWN:], "name": wearer.name if wearer else "", "camera": refusal.camera}
        text = REFUSALS[refusal.word].format(**{**values, "reasons": "", "reason": "", **said})
        self._show(tap.reader, REFUSED, REFUSED_S)
        reasons = choice.reasons if choice is not None else {}
        return self._tell_tap(tap, wearer, "refused", refusal.camera, text, refusal.word, reasons)

    def _tell_tap(
        self,
        tap: Tap,
        wearer: Wearer | None,
        outcome: str,
        camera: str,
        text: str,
        reason: str = "",
        reasons: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        row = {
            "reader": tap.reader,
            "place": tap.place,
            "tag": "…" + tap.tag[-TAG_SHOWN:],
            "wearer": wearer.id if wearer else "",
            "outcome": outcome,
            "reason": reason,
            "reasons": reasons or {},
            "camera": camera,
            "text": text,
        }
        self.last.append({"at_unix_ms": self._happenings.wall_ms(), **row})
        self._happenings.tell("tap", **row)
        return row

    # -- one offer

    async def _carry(self, offer: Offer, wearer: Wearer) -> None:
        """Step after step until it is over. What happens meanwhile changes the state; a step's end counts only if the
        state is still its own."""
        changed = self._changed[id(offer)]
        steps = {
            offers.NOTING: self._note,
            offers.WRITING: self._write,
            offers.RELEASING: self._release,
            offers.FORGETTING: self._unnote,
        }
        try:
            while not offer.is_over():
                state = offer.state
                step = steps.get(state)
                if step is None:
                    changed.clear()
                    await changed.wait()
                    continue
                end = await step(offer, wearer)
                if offer.state == state:
                    self._happen(offer, end)
        finally:
            await self._finish(offer, wearer)

    async def _note(self, offer: Offer, wearer: Wearer) -> str:
        holding = Holding(
            camera=offer.camera,
            wearer=wearer.id,
            taken_unix_ms=self._happenings.wall_ms(),
            place=offer.place,
            tag=offer.tag,
            hold_ms=offer.hold_ms,
        )
        return await self._change(offer, lambda: self._put(holding))

    async def _write(self, offer: Offer, wearer: Wearer) -> str:
        session = self._fleet.session_of(offer.camera)
        if session is None:
            return offers.LOST
        try:
            await session.offer(wearer, offer.hold_ms)
        except (RequestRefused, LinkLost) as error:
            offer.why = REFUSALS["camera_failed"].format(camera=offer.camera, reason=error)
            return offers.REFUSED if isinstance(error, RequestRefused) else offers.FAILED
        return offers.DONE

    async def _release(self, offer: Offer, _wearer: Wearer) -> str:
        session = self._fleet.session_of(offer.camera)
        if session is None:
            return offers.LOST
        try:
            await session.release()
        except (RequestRefused, LinkLost):
            return offers.FAILED
        return offers.DONE

    async def _unnote(self, offer: Offer, _wearer: Wearer) -> str:
        return await self._change(offer, lambda: self._returns.forget(offer.camera))

    async def _change(self, offer: Offer, change: Callable[[], None]) -> str:
        try:
            await self._run_blocking(change)
        except DomainError as error:
            offer.why = REFUSALS["fault"].format(reason=error)
            return offers.FAILED
        return offers.DONE

    async def _finish(self, offer: Offer, wearer: Wearer) -> None:
        """It is over: taken, nobody's again, or this controller is being stopped."""
        self._light(offer)
        self._changed.pop(id(offer), None)
        if not offer.is_over():
            return
        if offer.unseen:
            self._tell_offer("may_hold", offer, wearer, self._returns.note_unseen(offer, wearer.name))
            self._show_all(offer, READY)
        elif offer.state == offers.TAKEN:
            await self._change(offer, lambda: self._note_taken(offer.camera))
            self._tell_offer("taken", offer, wearer, f"{wearer.name} has taken {offer.camera}")
            self._show_all(offer, READY)
            await self._see_it_gone(offer)
        else:
            text = offer.why or f"{offer.camera} was not taken by {wearer.name} in time, and is nobody's again"
            self._tell_offer("offer_ended", offer, wearer, text)
            self._show_all(offer, REFUSED, REFUSED_S)
        self.desk.close(offer, self._now_ms())
        self._wake.set()

    async def _see_it_gone(self, offer: Offer) -> None:
        """A camera that answers after its bay was told empty stands somewhere else than it was believed to, and may
        flash there: it is asked to stop before anybody else gets one."""
        ends_s = asyncio.get_running_loop().time() + PART_S
        while (session := self._fleet.session_of(offer.camera)) is not None:
            if asyncio.get_running_loop().time() >= ends_s:
                text = f"bay {offer.bay} is empty and {offer.camera} answers: check which hub port {offer.dock} is at"
                self._happenings.tell("bay_mismatch", camera=offer.camera, dock=offer.dock, bay=offer.bay, text=text)
                with suppress(RequestRefused, LinkLost):
                    await session.release()
                return
            await asyncio.sleep(TICK_S)

    def _happen(self, offer: Offer, event: str) -> bool:
        if not self.desk.happen(offer, event, self._now_ms()):
            return False
        LOG.info("offer of %s to %s: %s, now %s", offer.camera, offer.wearer, event, offer.state)
        self._light(offer)
        if offer.state == offers.OFFERED:
            wearer = self._system.wearers.get(offer.wearer)
            self._tell_offer("offered", offer, wearer, f"{offer.camera} flashes for {offer.wearer}")
            self._show_all(offer, ACCEPTED)
        changed = self._changed.get(id(offer))
        if changed is not None:
            changed.set()
        self._wake.set()
        return True

    def _light(self, offer: Offer) -> None:
        """The bay's lamp flashes while the camera is offered, and at no other time."""
        flashes = offer.state == offers.OFFERED
        view, dock = self._fleet.cameras.get(offer.camera), self._fleet.docks.get(offer.dock)
        if view is not None:
            view.offered = flashes
        if dock is not None and (flashes or dock.shows(offer.bay, "assigned")):
            dock.want_lamp(offer.bay, "assigned" if flashes else "docked")

    # -- what happens

    def _hear(self, happening: Happening) -> None:
        what = happening["what"]
        if what == "bay" and happening["state"] == "free":
            self._on_free(happening["dock"], happening["bay"])
        elif what in (DOCKED, STILL_DOCKED):
            if happening.get("bay"):
                self._sitting[happening["dock"], happening["bay"]] = happening["camera"]
        elif what == "dock_online":
            self._seat(happening["dock"])
        elif what == "dock_offline":
            for offer in self.desk.offers:
                if offer.dock == happening["dock"] and offer.may_flash():
                    offer.why = f"{offer.dock} lost its power or its cable while {offer.camera} flashed: tap again"
        elif what == "undocked":
            if self._fleet.session_of(happening["camera"]) is None:  # else it is the end of an older one
                self._on_camera(happening["camera"], offers.LOST)
        elif what in ("removed", "force_removed"):  # its note goes with what else is known of it: see ``upkeep``
            self._on_camera(happening["camera"], offers.BACK)
        elif what == "camera_ready":
            self.desk.settle(happening["camera"])
            if not self._on_camera(happening["camera"], offers.BACK):
                self._returns.settle(happening["camera"])
            self._wake.set()

    def _seat(self, dock: str) -> None:
        """Who sits in a dock that was not there to say who has gone, or came later than its cameras."""
        self._sitting = {where: serial for where, serial in self._sitting.items() if where[0] != dock}
        for view in self._fleet.cameras.values():
            bound = self._fleet.place_of(view)
            if bound.get("dock") == dock:
                self._sitting[dock, bound["bay"]] = view.serial

    def _on_camera(self, serial: str, event: str) -> bool:
        found = [offer for offer in self.desk.offers if offer.camera == serial]
        return any([self._happen(offer, event) for offer in found])  # noqa: C419  all of them

    def _on_free(self, dock: str, bay: int) -> None:
        serial = self._sitting.pop((dock, bay), "")
        offer = next((each for each in self.desk.offers if (each.dock, each.bay) == (dock, bay)), None)
        if offer is not None and self._happen(offer, offers.PULLED):
            return
        place = self._facts.place(dock)
        shown = next((each for each in self.desk.offers if each.state == offers.OFFERED and each.place == place), None)
        if self._facts.mode() == FIXED_MODE or not serial or serial in self._system.holdings:
            return
        flashing = f"; {shown.camera} in bay {shown.bay} flashes" if shown is not None else ""
        text = f"{serial} was taken from bay {bay} and was offered to nobody: it does not record, put it back{flashing}"
        self._happenings.tell(
            "wrong_camera", camera=serial, dock=dock, bay=bay, text=text, offered=shown.camera if shown else ""
        )
        if shown is not None:
            self._show_all(shown, REFUSED, REFUSED_S)

    def _tick(self) -> None:
        now_ms = self._now_ms()
        for offer in list(self.desk.offers):
            deadline_ms = offer.deadline_ms()
            if deadline_ms is not None and now_ms >= deadline_ms:
                self._happen(offer, offers.TIME if offer.state == offers.OFFERED else offers.OVER)
            elif offer.state == offers.OFFERED and not self._facts.may_be_had(offer.camera):
                offer.why = f"{offer.camera} is not in order any more: tap again"
                self._happen(offer, offers.WITHDRAWN)
            elif offer.state in offers.REVOCABLE and self._facts.whose(offer.tag) != offer.wearer:
                offer.why = REFUSALS["changed_tag"].format(tag="…" + offer.tag[-TAG_SHOWN:])
                self._happen(offer, offers.WITHDRAWN)
        for tap in self.desk.given_up(now_ms):
            self._refuse(Refusal("waited"), self._system.wearers.get(tap.wearer), tap)
        for tap in self.desk.next(now_ms):
            wearer = self._system.wearers.get(tap.wearer)
            held = self._said_right(self.desk.held_by(tap.wearer))
            if wearer is None or self._facts.whose(tap.tag) != tap.wearer:
                self._refuse(Refusal("changed_tag"), wearer, tap)
            elif held is not None:
                self._refuse(held, wearer, tap)
            else:
                self._begin(Begin(tap), wearer)

    def _offer_of(self, serial: str) -> Offer | None:
        return next((each for each in self.desk.offers if each.camera == serial), None)

    # -- notes and telling

    def _put(self, holding: Holding) -> None:
        with self._system.change(BY, self._happenings.wall_ms()) as edit:
            edit.put(holding)

    def _note_taken(self, camera: str) -> None:
        """It is away with somebody, and rests no longer: both outlive this controller."""
        now_ms = self._happenings.wall_ms()
        with self._system.change(BY, now_ms) as edit:
            note, device = edit.find("holding", camera), edit.find("device", camera)
            if note is not None:
                edit.put(note.model_copy(update={"undocked_unix_ms": now_ms}))
            if device is not None:
                edit.put(device.model_copy(update={"taken_unix_ms": now_ms}))

    def _show(self, reader: str, word: str, back_after_s: float = 0.0) -> None:
        if self.lamps is not None and reader:
            self.lamps.show(reader, word, back_after_s)

    def _show_all(self, offer: Offer, word: str, back_after_s: float = 0.0) -> None:
        for reader in (offer.reader, *offer.also):
            self._show(reader, word, back_after_s)

    def _offer_row(self, offer: Offer, now_ms: int) -> dict[str, Any]:
        left_ms = max(0, offer.until_ms - now_ms) if offer.state == offers.OFFERED else 0
        return {
            "camera": offer.camera,
            "wearer": offer.wearer,
            "dock": offer.dock,
            "bay": offer.bay,
            "place": offer.place,
            "state": offer.state,
            "left_ms": left_ms,
        }

    def _tell_offer(self, what: str, offer: Offer, wearer: Wearer | None, text: str) -> None:
        self._happenings.tell(
            what,
            camera=offer.camera,
            wearer=wearer.id if wearer is not None else offer.wearer,
            dock=offer.dock,
            bay=offer.bay,
            text=text,
        )
