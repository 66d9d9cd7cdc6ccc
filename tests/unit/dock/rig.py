"""One bay of the dock firmware over the physical models: no hardware, no clock but the test's."""

from __future__ import annotations

from firmware.dock import contacts, states
from firmware.dock.bay import Bay
from firmware.link import schema
from firmware.ports.errors import PortFault
from host_tools.emulator.models import Battery, BayContacts, CameraSide, DockAdc, DockPins, exchange

EXCHANGE_MS = 20  # between charger and contacts, as on the emulated bench while something moves
ELECTRICAL = {"presence_open_uv": 2_800_000, "over_current_ua": 1_400_000, "shunt_uohm": 50_000}


class FragileAdc(DockAdc):
    """A converter that can be broken."""

    broken = False
    flickers = False
    missing = "nothing"
    _open = False

    def read_uv(self, name: str) -> int:
        if self.broken:
            raise PortFault("the converter does not answer")
        if name.endswith(self.missing):
            raise PortFault(f"no analogue input is called {name}")
        if self.flickers and name.endswith("presence"):
            self._open = not self._open
            return 3_300_000 if self._open else super().read_uv(name)
        return super().read_uv(name)


class BayRig:
    """One bay stepped on its own deadlines. ``battery`` charges while a camera is in the bay."""

    def __init__(self, seed: int, cycles: int = 0, percent: float = 40.0) -> None:
        self.seed = seed
        self.now_ms = 0
        self.contacts = BayContacts(seed, cycles)
        self.battery = Battery(seed, percent=percent)
        self.adc = FragileAdc({1: self.contacts}, lambda: self.now_ms)
        self.pins = DockPins({1: self.contacts}, lambda: self.now_ms)
        self.bay = Bay(1, self.pins, self.adc, ELECTRICAL)
        self.visited = [self.state()]
        self._exchanged = (0, False)  # when, and whether the bay was powered

    def run(self, duration_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            self.now_ms = min(max(self.bay.due_ms, self.now_ms + 1), end_ms)
            self._exchange()
            self.bay.step(self.now_ms)
            if self.visited[-1] != self.state():
                self.visited.append(self.state())

    def _exchange(self) -> None:
        """What charger and bay give each other: at once where the bay was switched, else now and then."""
        at_ms, powered = self._exchanged
        if powered != self.contacts.is_powered() or self.now_ms - at_ms >= EXCHANGE_MS:
            exchange(self.contacts, self.battery, self.now_ms)
            self._exchanged = (self.now_ms, self.contacts.is_powered())

    def restart(self) -> None:
        """The dock's firmware starts anew; contacts and camera are as they were."""
        self.bay = Bay(1, self.pins, self.adc, ELECTRICAL)

    def insert(self, camera: CameraSide | None = None) -> None:
        """Put a camera in."""
        self.contacts.insert(self.now_ms, camera)

    def remove(self) -> None:
        """Pull it out."""
        self.contacts.remove(self.now_ms)

    def dock(self) -> None:
        """Put a camera in and wait until it is powered."""
        self.insert()
        self.run(500)
        assert self.bay.state == states.DOCKED, self.story()

    def state(self) -> str:
        """The bay's state as a word."""
        return schema.word_of(schema.BAY_STATES, self.bay.state)

    def story(self) -> str:
        """What happened, for a failing test."""
        return f"seed {self.seed}: {' > '.join(self.visited)}"

    def value_of(self, quantity: str) -> int | None:
        """What the contact check found."""
        return self.bay.check.value_of(quantity)

    def verdict_of(self, quantity: str) -> str:
        """The verdict on a quantity as a word."""
        for row in self.bay.check.measurements():
            if schema.QUANTITIES[row["quantity"] - 1][1] == quantity:
                return schema.word_of(schema.VERDICTS, row["verdict"])
        raise KeyError(quantity)


PRE_POWER = (contacts.PRESENCE, contacts.PIN_COUPLING, contacts.SETTLE_TIME, contacts.BOUNCES)
