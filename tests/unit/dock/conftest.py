"""A dock's bay, or a whole dock, over the physical models: no hardware, no clock but the test's."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest

from firmware.dock import states
from firmware.dock.bay import Bay
from firmware.ports.errors import PortFault
from host_tools.emulator.models import Battery, BayContacts, DockAdc, DockPins, exchange

ELECTRICAL = {"presence_open_uv": 2_800_000, "over_current_ua": 1_400_000, "shunt_uohm": 50_000}


class FragileAdc(DockAdc):
    """A converter that can be broken."""

    broken = False

    def read_uv(self, name: str) -> int:
        if self.broken:
            raise PortFault("the converter does not answer")
        return super().read_uv(name)


class BayRig:
    """One bay stepped on its own deadlines. ``battery`` charges while a camera is in the bay."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_ms = 0
        self.contacts = BayContacts(seed)
        self.battery = Battery(seed, percent=40)
        self.adc = FragileAdc({1: self.contacts}, lambda: self.now_ms)
        self.pins = DockPins({1: self.contacts}, lambda: self.now_ms)
        self.bay = Bay(1, self.pins, self.adc, ELECTRICAL)
        self.visited: list[int] = [self.bay.state]

    def run(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            self.now_ms = min(max(self.bay.due_ms, self.now_ms + 1), end_ms)
            exchange(self.contacts, self.battery, self.now_ms)
            self.bay.step(self.now_ms)
            if self.visited[-1] != self.bay.state:
                self.visited.append(self.bay.state)

    def dock(self) -> None:
        self.contacts.insert(self.now_ms)
        self.run(1000)
        assert self.bay.state == states.DOCKED, f"seed {self.seed}: {self.visited}"


@pytest.fixture
def make_rig() -> Callable[[int], BayRig]:
    return BayRig


@pytest.fixture
def electrical() -> dict[str, int]:
    return dict(ELECTRICAL)


@pytest.fixture
def board() -> dict[str, object]:
    return {
        "model": "pico_dock_8",
        "serial": "E6614C311B7A2F21",
        "firmware": "0.1.0",
        "bays": [1, 2, 3],
        "dock": dict(ELECTRICAL),
        "payload_bytes": 512,
    }


@pytest.fixture
def namespace() -> type[types.SimpleNamespace]:
    return types.SimpleNamespace
