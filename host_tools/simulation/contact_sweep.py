"""One bay and one camera of many, drawn from a seed and measured as a controller does: what the estimator is worth.

Law: real dock and camera firmware over the models, on a clock that is moved by hand, without a link between them. The
models have offsets, steps, bent converters, wiring and diodes of their own; the estimator gets readings alone. Truth is
asked of the models afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from firmware.camera.power import Power
from firmware.dock import states
from firmware.dock.bay import Bay
from firmware.drivers.chip_adc import ChipAdc
from firmware.ports.i2c import I2c
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.contact_procedure import QUICK, Form, two_loads
from host_tools.controller.contact_readings import at_load, path_of, sensors_of
from host_tools.controller.contact_resistance import AtLoad, Resistance
from host_tools.emulator.models import Battery, BayContacts, CameraSide, DockAdc, DockPins, exchange
from host_tools.emulator.models.charging import CameraBus
from host_tools.hardware import board_data, find_board

PHYSICS_MS = 10  # between two looks at the battery
FED_UV = 4_000_000
DOCKED_MS = 4_000  # settling, checking, the charger's start
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """What the pair is like. ``draw``: the number its parts are drawn from; ``extra_ohm``: of one contact; ``cycles``:
    matings of the bay; ``percent``: charge."""

    draw: int
    dock_model: str = "pico_dock_1"
    camera_model: str = "pi_zero_2w_camera"
    extra_ohm: float = 0.0
    cycles: int = 0
    percent: float = 50.0


@dataclass(frozen=True)
class Found:
    """``truth_uohm`` of the pair of contacts while it was measured; ``found``: the estimate, or why there is none."""

    case: Case
    truth_uohm: float
    found: Resistance | str

    @property
    def error_uohm(self) -> float:
        """Estimate less truth; 0 where there is no estimate."""
        return 0.0 if isinstance(self.found, str) else self.found.uohm - self.truth_uohm

    @property
    def in_units(self) -> float:
        """Error in stated uncertainties: from -1 to 1 is as stated."""
        return 0.0 if isinstance(self.found, str) else self.error_uohm / self.found.uncertainty_uohm


def drawn_cases(first: int, count: int) -> list[Case]:
    """One case a seed: any dock and camera model, new to worn out, clean to hardly fit to carry a current."""
    cases: list[Case] = []
    for seed in range(first, first + count):
        chance = random.Random(f"case {seed}")
        cases.append(
            Case(
                seed,
                chance.choice(("pico_dock_1", "pico_dock_8")),
                chance.choice(("pi_zero_2w_camera", "pi_cm4_camera")),
                extra_ohm=chance.choice((0.0, chance.uniform(0.0, 0.1), chance.uniform(0.1, 0.4))),
                cycles=chance.choice((0, 10_000, 60_000, 100_000)),
                percent=chance.uniform(10, 60),
            )
        )
    return cases


def sweep(cases: Iterable[Case], form: Form = QUICK) -> Iterator[Found]:
    """One after another."""
    for case in cases:
        yield Pair(case).measure(form)


def histogram(values: Iterable[float], width: float = 0.25, columns: int = 50) -> str:
    """Errors in units of the stated uncertainty, a line a class."""
    counts: dict[int, int] = {}
    for value in values:
        place = int(value // width)
        counts[place] = counts.get(place, 0) + 1
    most = max(counts.values(), default=1)
    lines: list[str] = []
    for place in range(min(counts, default=0), max(counts, default=0) + 1):
        count = counts.get(place, 0)
        bar = "#" * max(round(count * columns / most), 1 if count else 0)
        lines.append(f"{place * width:+6.2f} .. {(place + 1) * width:+6.2f}  {count:4d}  {bar}")
    return "\n".join(lines)


class Pair:
    """A bay with a camera in it, docked and charging."""

    def __init__(self, case: Case) -> None:
        self.now_ms = 0
        self.case = case
        dock, camera = find_board(case.dock_model), find_board(case.camera_model)
        self.contacts = BayContacts(case.draw, case.cycles)
        self.contacts.extra_ohm = case.extra_ohm
        self.battery = Battery(case.draw, case.percent)
        self.battery.set_draw((camera.battery.idle_mw if camera.battery else 0) * 1000)
        self.chips = CameraBus(case.draw, self.battery, self.contacts.camera_supply_uv, lambda: self.now_ms)
        data = board_data(camera)
        self._clock = ManualClock()
        buses: dict[str, I2c] = {"i2c1": self.chips.bus}
        self.power = Power(buses, data, ChipAdc(buses, data), self._clock, MemoryFiles())
        electrical = board_data(dock)["dock"]
        bays = {1: self.contacts}
        self.bay = Bay(1, DockPins(bays, lambda: self.now_ms), DockAdc(bays, lambda: self.now_ms), electrical)
        self.sides = SweepSides(self)
        self._boards = dock, camera

    def measure(self, form: Form = QUICK) -> Found:
        """Dock it and measure."""
        self.dock()
        path, sensors = path_of(self._boards[1]), sensors_of(*self._boards)
        assert sensors is not None
        found = finished(two_loads(self.sides, form, path, sensors))
        return Found(self.case, self.contacts.pair_ohm() * 1e6, found)

    def dock(self, duration_ms: int = DOCKED_MS) -> None:
        """Put the camera in and let it begin to charge."""
        self.contacts.insert(self.now_ms, CameraSide.drawn(self.case.draw))
        self.run(duration_ms)

    def run(self, duration_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + duration_ms
        physics_ms = self.now_ms
        while self.now_ms < end_ms:
            due_ms = min(self.bay.due_ms, self.power.next_deadline_ms() or end_ms, physics_ms + PHYSICS_MS, end_ms)
            self._pass_to(max(due_ms, self.now_ms + 1))
            if self.now_ms >= physics_ms + PHYSICS_MS:
                physics_ms = self.now_ms
                exchange(self.contacts, self.battery, self.now_ms)
            self.bay.step(self.now_ms)
            self.power.step(self.now_ms, self.contacts.camera_supply_uv() > FED_UV)

    def _pass_to(self, now_ms: int) -> None:
        self._clock.advance(now_ms - self.now_ms)
        self.now_ms = now_ms


class SweepSides:
    """Sides without a link."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    async def drawn_ua(self) -> int:
        return self._pair.bay.current_ua

    async def limit(self, limit_ua: int, duration_ms: int) -> None:
        self._pair.power.handlers()["limit_input"]({"limit_ua": limit_ua, "duration_ms": duration_ms})

    async def pause(self, duration_ms: int) -> None:
        self._pair.run(duration_ms)

    async def measure(self, window_ms: int) -> AtLoad | str:
        pair = self._pair
        if pair.bay.state != states.DOCKED:
            return "the bay is not powered"
        pair.bay.begin_window(1, window_ms, pair.now_ms)
        pair.power.handlers()["measure_power"]({"bay": 0, "run": 1, "window_ms": window_ms})
        pair.run(window_ms + 50)
        (dock,), (camera,) = pair.bay.windows, pair.power.windows
        pair.bay.windows, pair.power.windows = [], []
        return at_load(dock, camera)


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waits for something")
