"""What a scenario holds in its hands beside boards: a clock, faults by name, measurements.

Law: each is small and knows no pytest; the fixtures of ``scenario_plugin`` make them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from host_tools.bench.hands import Hands
from host_tools.bench.measurements import Limits, Measurement, MeasurementError, Value, judge
from host_tools.bench.programs import LIMIT_S, until

OK = "ok"
T = TypeVar("T")


class HasSerial(Protocol):
    """A camera, a dock."""

    serial: str


class Clock:
    """The clock by which a scenario goes. Boards behind ports go by the wall clock, and so does this."""

    def let_pass(self, seconds: float) -> None:
        """Let something last: a recording has a length."""
        time.sleep(seconds)

    def now_s(self) -> float:
        """A monotonic time, for differences."""
        return time.monotonic()

    def until(self, condition: Callable[[], T | None], what: str, limit_s: float = LIMIT_S) -> T:
        """Look until the condition gives something true, and return it. ScenarioFailed when it does not in time;
        ``--bench-speed`` stretches the limit."""
        return until(condition, what, limit_s)

    def time_until(self, condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> float:
        """How many seconds that took."""
        begin_s = time.monotonic()
        until(lambda: bool(condition()) or None, what, limit_s)
        return time.monotonic() - begin_s


class Faults:
    """Faults by name, in PX4's words: ``inject("camera-1", "card", "torn")``. Unsupported: that board cannot do it."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._injected: list[tuple[str, str, int]] = []

    def inject(self, board: str, component: str, fault: str, instance: int = 0) -> None:
        """From now on."""
        self._hands.inject(board, component, fault, instance)
        self._injected.append((board, component, instance))

    def heal(self, board: str, component: str, instance: int = 0) -> None:
        """As it should be."""
        self._hands.inject(board, component, OK, instance)
        self._injected = [each for each in self._injected if each != (board, component, instance)]

    def heal_all(self) -> None:
        """All that was injected here."""
        for board, component, instance in list(dict.fromkeys(self._injected)):
            self.heal(board, component, instance)


class Measure:
    """Takes down values: ``measure("contact loop", 41.0, "mΩ", in_range(0, 120), unit=dock, instance="bay 3")``."""

    def __init__(self, evidence: dict[str, Any]) -> None:
        self._evidence = evidence
        self._taken: list[dict[str, Any]] = evidence.setdefault("measurements", [])

    def __call__(
        self,
        name: str,
        value: Value,
        units: str = "",
        limits: Limits | None = None,
        unit: HasSerial | str = "",
        instance: str = "",
        doc: str = "",
    ) -> Measurement:
        """One value of one board (``unit``; empty: of the bench). A value out of its limits fails the scenario when it
        ends, so that all values are on record first. MeasurementError: the same name was there already."""
        full_name = f"{instance} {name}" if instance else name
        serial = unit if isinstance(unit, str) else unit.serial
        measured = judge(full_name, value, units, limits, doc)
        if any(each["name"] == full_name and each["unit"] == serial for each in self._taken):
            raise MeasurementError(f"{full_name} of {serial or 'the bench'} was measured already; give it an instance")
        self._taken.append({"name": full_name, "unit": serial, "record": measured.as_json()})
        return measured
