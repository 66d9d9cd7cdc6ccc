"""The dock as one application: bays, lamps, message service and cable, stepped in that order.

Law: joins the parts and decides nothing about bays or messages. The watchdog is fed at the end of a step and nowhere
else: a step that does not come to its end (a power switch that cannot be opened) lets the board be reset.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct

from firmware.dock import states
from firmware.dock.bay import Bay
from firmware.dock.lamp import BayLamp
from firmware.dock.service import BOOT_BYTES, DockService
from firmware.drivers.cable import Cable
from firmware.link import events
from firmware.link.schema import CAPABILITY_PROBE
from firmware.link.session import BOARD, Session
from firmware.ports.application import Application

if TYPE_CHECKING:
    from typing import Any

PAYLOAD_BYTES_DEFAULT = 512  # largest frame payload a Pico takes in; equals its USB input ring


def compose(ports: "Any", board: "dict[str, Any]") -> "DockApp":
    """``ports``: an object with clock, stream, pins, adc, entropy, watchdog. ``board``: board_data of board.toml
    with serial and firmware filled in (keys model, serial, firmware, bays, dock, payload_bytes)."""
    return DockApp(ports, board)


class DockApp(Application):
    """A docking station. ``bays``, ``lamps`` and ``cable`` are there to be looked at."""

    def __init__(self, ports: "Any", board: "dict[str, Any]") -> None:
        self.bays = [Bay(number, ports.pins, ports.adc, board["dock"]) for number in board["bays"]]
        self.lamps = [BayLamp(bay.number, ports.pins) for bay in self.bays]
        self._stream = ports.stream
        self._watchdog = ports.watchdog
        self._entropy = ports.entropy
        self._payload_bytes = board.get("payload_bytes", PAYLOAD_BYTES_DEFAULT)
        boot = ports.entropy.random_bytes(BOOT_BYTES)
        self._service = DockService(board, boot, ports.clock, self.bays, self.lamps)
        self.cable = Cable(ports.stream, self._new_session, self._service.handlers(), None, self._on_change)
        self._was_up = False
        self._lamp_due_ms = None  # type: int | None

    def step(self, now_ms: int) -> None:
        """Look at the bays, report what changed, answer what was asked, light the lamps."""
        self._service.now_ms = now_ms
        for bay in self.bays:
            if now_ms >= bay.due_ms:
                bay.step(now_ms)
        self._report()
        self.cable.pump(now_ms)
        self._follow_link(now_ms)
        self._light(now_ms)
        self._watchdog.feed()

    def next_deadline_ms(self) -> "int | None":
        """The next look at a bay; sooner if a lamp or the cable asks for it."""
        deadlines_ms = [bay.due_ms for bay in self.bays]
        deadlines_ms += [due for due in (self._lamp_due_ms, self.cable.next_deadline_ms()) if due is not None]
        return min(deadlines_ms)

    def next_errand_ms(self) -> "int | None":
        """As ``next_deadline_ms``, without looks at bays where only a changed reading could tell anything new."""
        errands_ms = [bay.errand_ms() for bay in self.bays]
        errands_ms += [self._lamp_due_ms, self.cable.next_deadline_ms()]
        return min([due for due in errands_ms if due is not None], default=None)

    def wants_write(self) -> bool:
        """Whether the cable has bytes waiting."""
        return self.cable.wants_write()

    def _new_session(self) -> Session:
        nonce = struct.unpack("<Q", self._entropy.random_bytes(8))[0]
        return Session(
            BOARD,
            nonce,
            payload_max=self._payload_bytes,
            slack_bytes=self._payload_bytes,
            capabilities=CAPABILITY_PROBE,
        )

    def _report(self) -> None:
        for bay, lamp in zip(self.bays, self.lamps):
            lamp.follow(bay.state)
        messages = self._service.news()
        if self.cable.is_up():
            for name, fields in messages:
                self.cable.push(name, fields)

    def _on_change(self, change: "events.Event") -> None:
        """A session began or ended, and what was asked for in the last one with it: a controller that comes back within
        seconds opens a new session before it was missed."""
        self._stand_alone(self._service.now_ms)

    def _follow_link(self, now_ms: int) -> None:
        is_up = self.cable.is_up() and self._stream.is_open()
        if self._was_up and not is_up:
            self._stand_alone(now_ms)
        self._was_up = is_up

    def _stand_alone(self, now_ms: int) -> None:
        """Nobody's wishes hold any more. A controller that died with a bay switched off must not leave a camera without
        charge."""
        for lamp in self.lamps:
            lamp.forget()
        for bay in self.bays:
            bay.happen(states.SWITCHED_ON, now_ms)

    def _light(self, now_ms: int) -> None:
        due_ms = None
        for bay, lamp in zip(self.bays, self.lamps):
            lamp.follow(bay.state)
            lamp.show(now_ms)
            change_ms = lamp.next_change_ms(now_ms)
            if change_ms is not None and (due_ms is None or change_ms < due_ms):
                due_ms = change_ms
        self._lamp_due_ms = due_ms
