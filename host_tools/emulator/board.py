"""One emulated board: power, reset, and the loop that steps its firmware.

Law: runs the application that board.toml names, in steps, on the asyncio loop. Firmware that raises has crashed: the
board stands still, as a real one does, until its watchdog resets it; the crash is kept and shown, never hidden.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from firmware.ports.application import Application
from host_tools.emulator.platform import DeadlineWatchdog, Ports
from host_tools.hardware import Board

LOG = logging.getLogger("openbwc.emulator")

SLOW_STEP_MS = 200.0  # a processor that is throttled to a tenth: what a step of a good one does not need


class Plug(Protocol):
    """What the runner needs of a plug."""

    def want_write(self, wanted: bool) -> None: ...


class EmulatedBoard:
    """``make_ports`` gives fresh volatile state for every boot; what lasts (card, clock chip, models) it closes over.

    ``rests``: whether nothing that the firmware reads is moving, so that it need not be stepped before its next errand;
    ``busy_ms``: for how long the step that has just ended kept the processor waiting; ``booted`` is called after each.
    """

    def __init__(
        self,
        name: str,
        board: Board,
        data: dict[str, Any],
        plug: Plug,
        make_ports: Callable[[Callable[[], None]], Ports],
        close_ports: Callable[[Ports], None],
        rests: Callable[[], bool] = lambda: False,
        busy_ms: Callable[[], float] = lambda: 0.0,
        booted: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.board = board
        self.serial: str = data["serial"]
        self.application: Application | None = None
        self.ports: Ports | None = None
        self.crashes: list[str] = []
        self.boots = 0
        self.steps = 0
        self.is_slow = False
        self._data = data
        self._plug = plug
        self._make_ports = make_ports
        self._close_ports = close_ports
        self._rests = rests
        self._busy_ms = busy_ms
        self._booted = booted
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy_until_s = 0.0
        self._crashed = False
        self._hung = False
        self._poisoned = False

    @property
    def is_on(self) -> bool:
        """Whether the board has power (it may have crashed all the same)."""
        return self.ports is not None

    @property
    def is_hung(self) -> bool:
        """Whether its firmware runs in circles."""
        return self._hung

    def power_on(self) -> None:
        """Boot. Does nothing when it is on."""
        if self.ports is not None:
            return
        self._crashed = self._hung = self._poisoned = False
        self._busy_until_s = 0.0
        self.boots += 1
        self.ports = self._make_ports(self.wake_from_thread)
        module = importlib.import_module(self.board.firmware.application)
        try:
            self.application = module.compose(self.ports, self._data)
        except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which is kept and shown
            self._crash()
        self._booted()
        self._set_timer()
        self.wake()

    def power_off(self) -> None:
        """Cut the power: all volatile state is gone. Does nothing when it is off."""
        if self.ports is None:
            return
        for handle in (self._soon, self._timer):
            if handle is not None:
                handle.cancel()
        self._soon = self._timer = None
        self._close_ports(self.ports)
        self.ports = self.application = None

    def install(self, version: str) -> None:
        """Its firmware says from its next boot on that it is of that version."""
        self._data = {**self._data, "firmware": version}

    def reset(self) -> None:
        """Power off and on."""
        self.power_off()
        self.power_on()

    def hang(self, hung: bool = True) -> None:
        """A fault: the firmware runs in circles, until its watchdog resets it or it is let go."""
        self._hung = hung and self.ports is not None
        self._set_timer()
        if not self._hung:
            self.wake()

    def crash_next(self) -> None:
        """A fault: the firmware's next step raises."""
        self._poisoned = True
        self.wake()

    def wake(self) -> None:
        """Step the firmware soon. From the loop's own thread."""
        if self._soon is None and self.ports is not None:
            if self._busy_until_s > self._loop.time():
                self._soon = self._loop.call_at(self._busy_until_s, self._step)
            else:
                self._soon = self._loop.call_soon(self._step)

    def wake_from_thread(self) -> None:
        """The same from any thread; silent once the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(self.wake)
        except RuntimeError:
            return  # the emulator is ending; the encoder's thread is joined right after

    def _step(self) -> None:
        self._soon = None
        if self.ports is None:
            return
        if self.application is not None and not self._crashed and not self._hung:
            self.steps += 1
            try:
                if self._poisoned:
                    raise InjectedCrash("a fault was injected")
                self.application.step(self.ports.clock.now_ms())
            except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which is kept and shown
                self._crash()
            else:
                self._plug.want_write(self.application.wants_write())
            busy_ms = self._busy_ms() + (SLOW_STEP_MS if self.is_slow else 0.0)
            if busy_ms:
                self._busy_until_s = self._loop.time() + busy_ms / 1000
        self._set_timer()

    def _crash(self) -> None:
        self._crashed = True
        text = traceback.format_exc()
        self.crashes.append(text)
        told = "on command" if isinstance(sys.exception(), InjectedCrash) else f"by itself\n{text.rstrip()}"
        LOG.error("board %s: its watchdog will reset it: its firmware has crashed, %s", self.name, told)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.ports is None:
            return
        wait_ms: float | None = None
        if self._crashed or self._hung:
            wait_ms = self._watchdog_wait_ms()
        elif self.application is not None:
            application = self.application
            due_ms = application.next_errand_ms() if self._rests() else application.next_deadline_ms()
            wait_ms = None if due_ms is None else due_ms - self.ports.clock.now_ms()
        if wait_ms is not None:
            self._timer = self._loop.call_later(max(wait_ms, 1) / 1000, self._on_timer)

    def _watchdog_wait_ms(self) -> int:
        watchdog = self.ports.watchdog if self.ports else None
        if not isinstance(watchdog, DeadlineWatchdog):
            return 60_000
        return watchdog.left_ms()

    def _on_timer(self) -> None:
        self._timer = None
        if (self._crashed or self._hung) and self._watchdog_wait_ms() <= 0:
            LOG.error("board %s: the watchdog resets it", self.name)
            self.reset()
        elif self._soon is None:
            self.wake()


class InjectedCrash(Exception):
    """What a crash on command looks like in the firmware's traceback."""
