"""What a dock answers: the messages of the table, against its bays and lamps.

Law: knows messages, bays and lamps; no pins, no stream. ``now_ms`` is set by the application before messages are
taken in. Everything a request can get wrong is a Refusal with one line of text.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.dock import states
from firmware.drivers.cable import Refusal
from firmware.link.schema import BAY_STATES, BOARD_KINDS, number_of, word_of
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.dock.bay import Bay
    from firmware.dock.lamp import BayLamp
    from firmware.ports.clock import Clock

    Fields = dict[str, Any]
    Answer = tuple[str, Fields] | None

BOOT_BYTES = 8  # identifies this run of the firmware; as wide as the field of ``identity``


class DockService:
    """``board``: model, serial, firmware; ``boot``: BOOT_BYTES random bytes of this run."""

    def __init__(
        self, board: "Fields", boot: bytes, clock: "Clock", bays: "list[Bay]", bay_lamps: "list[BayLamp]"
    ) -> None:
        self.now_ms = 0
        self._board = board
        self._boot = boot
        self._clock = clock
        self._bays = bays
        self._lamps = bay_lamps

    def handlers(self) -> "dict[str, Callable[[Fields], Answer]]":
        """Message name -> function, for the cable."""
        return {
            "identify": self._identify,
            "set_time": self._set_time,
            "get_bays": self._get_bays,
            "set_lamp": self._set_lamp,
            "set_bay_power": self._set_bay_power,
            "check_contacts": self._check_contacts,
            "measure_power": self._measure_power,
        }

    def news(self) -> "list[tuple[str, Fields]]":
        """What has changed since the last call, as messages to push: ``bay_changed``, finished checks and windows."""
        changed = [index for index in range(len(self._bays)) if self._bays[index].changed]
        messages = []  # type: list[tuple[str, Fields]]
        if changed:
            entries = [self._entry(index) for index in changed]
            messages.append(("bay_changed", {"entries": entries, "at_ms": self.now_ms}))
        for bay in self._bays:
            bay.changed = False
            if bay.measured:
                bay.measured = False
                messages.append(("contacts", _contacts_of(bay)))
            if bay.windows:
                messages += [("power_measured", fields) for fields in bay.windows]
                bay.windows = []
        return messages

    def _identify(self, fields: "Fields") -> "Answer":
        return "identity", {
            "kind": number_of(BOARD_KINDS, "dock"),
            "model": self._board["model"],
            "serial": self._board["serial"],
            "firmware": self._board["firmware"],
            "boot": self._boot,
            "uptime_ms": self.now_ms,
            "system": "",
        }

    def _set_time(self, fields: "Fields") -> "Answer":
        self._clock.set_wall(fields["unix_ms"], WALL_CONTROLLER, fields["uncertainty_ms"])
        return None

    def _get_bays(self, fields: "Fields") -> "Answer":
        return "bays", {"entries": [self._entry(index) for index in range(len(self._bays))]}

    def _set_lamp(self, fields: "Fields") -> "Answer":
        index = self._index_of(fields)
        if not self._lamps[index].ask(fields["pattern"]):
            raise Refusal("unsupported", "this dock has no lamp pattern %d" % fields["pattern"])
        return None

    def _set_bay_power(self, fields: "Fields") -> "Answer":
        bay = self._bays[self._index_of(fields)]
        if fields["powered"]:
            if not bay.is_powered() and not bay.happen(states.SWITCHED_ON, self.now_ms):
                raise self._not_now(bay, "power is given after a passed contact check")
        elif bay.state != states.OFF and not bay.happen(states.SWITCHED_OFF, self.now_ms):
            raise self._not_now(bay, "there is no power to switch off")
        return None

    def _check_contacts(self, fields: "Fields") -> "Answer":
        bay = self._bays[self._index_of(fields)]
        if bay.state == states.FREE:
            raise self._not_now(bay, "dock a camera first")
        if bay.state in (states.SETTLING, states.CHECKING):
            raise self._not_now(bay, "its check is under way and is reported when done")
        failure = _measure(bay)
        if failure is not None:
            raise self._not_now(bay, failure)
        bay.happen(states.RECHECK, self.now_ms)
        return "contacts", _contacts_of(bay)

    def _measure_power(self, fields: "Fields") -> "Answer":
        bay = self._bays[self._index_of(fields)]
        if not bay.begin_window(fields["run"], fields["window_ms"], self.now_ms):
            raise self._not_now(bay, "power is measured once at a time, while it is on")
        return None

    def _index_of(self, fields: "Fields") -> int:
        number = fields["bay"]
        if number < 1 or number > len(self._bays):
            raise Refusal("not_found", "no bay %d: this dock has bays 1 to %d" % (number, len(self._bays)))
        return number - 1

    def _not_now(self, bay: "Bay", remedy: str) -> "Refusal":
        return Refusal("not_now", "bay %d is %s: %s" % (bay.number, word_of(BAY_STATES, bay.state), remedy))

    def _entry(self, index: int) -> "Fields":
        bay = self._bays[index]
        return {
            "bay": bay.number,
            "state": bay.state,
            "powered": bay.is_powered(),
            "lamp": self._lamps[index].pattern,
            "supply_uv": bay.supply_uv,
            "current_ua": bay.current_ua,
            "settle_ms": bay.settle_ms(),
            "bounces": bay.bounces(),
        }


def _measure(bay: "Bay") -> "str | None":
    try:
        bay.measure_now()
    except PortFault as fault:
        return str(fault)
    return None


def _contacts_of(bay: "Bay") -> "Fields":
    return {"bay": bay.number, "measurements": bay.measurements()}
