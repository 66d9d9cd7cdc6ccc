"""One emulated board: power, reset, and the loop that steps its firmware.

Law: runs the application that board.toml names, in steps, on the asyncio loop. Firmware that raises has crashed: the
board stands still, as a real one does, until its watchdog resets it; the crash is kept and shown, never hidden.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from firmware.ports.application import Application
from host_tools.emulator.platform import DeadlineWatchdog, Ports
from host_tools.hardware import Board

LOG = logging.getLogger("openbwc.emulator")


class Plug(Protocol):
    """What the runner needs of a plug."""

    def want_write(self, wanted: bool) -> None: ...

    def pull_out(self) -> None: ...


class EmulatedBoard:
    """``make_ports`` gives fresh volatile state for every boot; what lasts (card, clock chip, models) it
    closes over."""

    def __init__(
        self,
        name: str,
        board: Board,
        data: dict[str, Any],
        plug: Plug,
        make_ports: Callable[[Callable[[], None]], Ports],
        close_ports: Callable[[Ports], None],
    ) -> None:
        self.name = name
        self.board = board
        self.serial: str = data["serial"]
        self.application: Application | None = None
        self.ports: Ports | None = None
        self.crashes: list[str] = []
        self._data = data
        self._plug = plug
        self._make_ports = make_ports
        self._close_ports = close_ports
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._crashed = False

    @property
    def is_on(self) -> bool:
        """Whether the board has power (it may have crashed all the same)."""
        return self.ports is not None

    def power_on(self) -> None:
        """Boot. Does nothing when it is on."""
        if self.ports is not None:
            return
        self._crashed = False
        self.ports = self._make_ports(self.wake_from_thread)
        module = importlib.import_module(self.board.firmware.application)
        try:
            self.application = module.compose(self.ports, self._data)
        except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which is kept and shown
            self._crash()
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

    def reset(self) -> None:
        """Power off and on."""
        self.power_off()
        self.power_on()

    def wake(self) -> None:
        """Step the firmware soon. From the loop's own thread."""
        if self._soon is None and self.ports is not None:
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
        if self.application is not None and not self._crashed:
            try:
                self.application.step(self.ports.clock.now_ms())
            except Exception:  # noqa: BLE001  whatever firmware raises is its crash, which is kept and shown
                self._crash()
            else:
                self._plug.want_write(self.application.wants_write())
        self._set_timer()

    def _crash(self) -> None:
        self._crashed = True
        text = traceback.format_exc()
        self.crashes.append(text)
        LOG.error("board %s: its firmware has crashed; its watchdog will reset it\n%s", self.name, text)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.ports is None:
            return
        now_ms = self.ports.clock.now_ms()
        waits_ms = [self._watchdog_wait_ms()]
        if self.application is not None and not self._crashed:
            deadline_ms = self.application.next_deadline_ms()
            if deadline_ms is not None:
                waits_ms.append(deadline_ms - now_ms)
        self._timer = self._loop.call_later(max(min(waits_ms), 1) / 1000, self._on_timer)

    def _watchdog_wait_ms(self) -> int:
        watchdog = self.ports.watchdog if self.ports else None
        if not isinstance(watchdog, DeadlineWatchdog):
            return 60_000
        return watchdog.bites_ms() - int(self._loop.time() * 1000)

    def _on_timer(self) -> None:
        self._timer = None
        if self._crashed and self._watchdog_wait_ms() <= 0:
            LOG.error("board %s: the watchdog resets it", self.name)
            self.reset()
        else:
            self._step_now()

    def _step_now(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
        self._step()
