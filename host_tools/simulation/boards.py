"""Real firmware on virtual time: one board, stepped when something may have happened and not otherwise.

Law: runs the application that board.toml names, over ports; knows no message. A board that only wants to feed its
watchdog is left alone until something changes, so a camera on a belt costs nothing between two recordings. Firmware
that raises has crashed: that ends the run as a violation.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from firmware.ports.application import Application
from firmware.ports.clock import WALL_NONE, WALL_RTC, Clock, WallTime
from host_tools.emulator.platform import Ports, Rtc
from host_tools.hardware import Board
from host_tools.simulation.loop import Appointment, Timeline, VirtualLoop

US_PER_MS = 1_000


class Errand(Protocol):
    """When an application must be stepped next, on its own clock in ms; None: not before something happens."""

    def __call__(self, application: Any, now_ms: int, /) -> int | None: ...


class BoardTime:
    """Monotonic time since power-on. It runs on the world's timeline in the field and on the bench's in a bay."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._base_us = -timeline.now_us

    def now_us(self) -> int:
        """Microseconds since power-on."""
        return self._base_us + self.timeline.now_us

    def move(self, timeline: Timeline) -> None:
        """Go on with another timeline, without a jump."""
        now_us = self.now_us()
        self.timeline, self._base_us = timeline, now_us - timeline.now_us


class SimClock(Clock):
    """``time`` since power-on, ``rtc``: the clock chip, which outlives resets."""

    def __init__(self, time: BoardTime, rtc: Rtc) -> None:
        self._time = time
        self._rtc = rtc
        self._source = WALL_RTC if rtc.read() else WALL_NONE

    def now_ms(self) -> int:
        return self._time.now_us() // US_PER_MS

    def wall(self) -> WallTime:
        time = self._rtc.read()
        return WallTime(time[0], self._source, time[1]) if time else WallTime(0, WALL_NONE, 0)

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        self._rtc.set(unix_ms, uncertainty_ms)
        self._source = source


class SimBoard:
    """``make_ports(time)`` gives fresh volatile state for each boot; ``stepped`` is called after every step,
    ``crashed`` with what firmware raised."""

    def __init__(
        self,
        loop: VirtualLoop,
        board: Board,
        data: dict[str, Any],
        make_ports: Callable[[BoardTime], Ports],
        errand: Errand,
        stepped: Callable[[], None],
        crashed: Callable[[str], None],
    ) -> None:
        self.application: Application | None = None
        self.ports: Ports | None = None
        self.steps = 0
        self.boots = 0
        self.timeline = loop.world
        self._loop = loop
        self._compose = importlib.import_module(board.firmware.application).compose
        self._data = data
        self._make_ports = make_ports
        self._errand = errand
        self._stepped = stepped
        self._crashed = crashed
        self._time: BoardTime | None = None
        self._soon: Appointment | None = None
        self._timer: Appointment | None = None

    @property
    def is_on(self) -> bool:
        """Whether the board has power."""
        return self.ports is not None

    def power_on(self) -> None:
        """Boot. Does nothing when it is on."""
        if self.ports is not None:
            return
        self.boots += 1
        self._time = BoardTime(self.timeline)
        self.ports = self._make_ports(self._time)
        try:
            self.application = self._compose(self.ports, self._data)
        except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which ends the run
            self._crashed(traceback.format_exc())
        self.wake()

    def power_off(self) -> None:
        """Cut the power: all volatile state is gone. Does nothing when it is off."""
        for appointment in (self._soon, self._timer):
            if appointment is not None:
                appointment.cancel()
        self._soon = self._timer = None
        self.ports = self.application = self._time = None

    def move(self, timeline: Timeline) -> None:
        """Into a bay, or out of it."""
        self.timeline = timeline
        if self._time is not None:
            self._time.move(timeline)
            self.wake()

    def wake(self) -> None:
        """Step the firmware before time passes."""
        if self._soon is None and self.ports is not None:
            self._soon = self._loop.soon(self._step)

    def _step(self) -> None:
        self._soon = None
        application, time = self.application, self._time
        if application is None or time is None:
            return
        self.steps += 1
        try:
            application.step(time.now_us() // US_PER_MS)
        except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which ends the run
            self._crashed(traceback.format_exc())
            return
        self._stepped()
        if self._time is time:  # still on
            self._set_timer(application, time)

    def _set_timer(self, application: Application, time: BoardTime) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ms = time.now_us() // US_PER_MS
        due_ms = self._errand(application, now_ms)
        if due_ms is not None:
            delay_us = max(due_ms - now_ms, 1) * US_PER_MS - time.now_us() % US_PER_MS
            self._timer = time.timeline.after(delay_us, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._soon is None:
            self._step()
