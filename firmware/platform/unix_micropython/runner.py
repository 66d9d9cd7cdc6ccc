"""The loop around an application in a MicroPython process, and the ports that it is given.

A crash of the firmware ends the process with its traceback on standard error; a step that fed the watchdog too late
ends it too (one that never ends is not seen). Whoever started the process starts it again: that is the reset.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import gc
import sys

from firmware.platform.unix_micropython.clock import TickClock
from firmware.platform.unix_micropython.entropy import SystemEntropy
from firmware.ports.memory_watchdog import MemoryWatchdog

if TYPE_CHECKING:
    from firmware.platform.unix_micropython.stream import FileStream
    from firmware.ports.adc import Adc
    from firmware.ports.application import Application
    from firmware.ports.pins import Pins

WAIT_MS_MAX = 1_000  # also without a deadline: ticks must be read before they wrap
GC_THRESHOLD_BYTES = 16_384  # of garbage, then it is collected: collected late, it leaves nothing but small holes
CRASH_EXIT = 1
WATCHDOG_EXIT = 70  # exit status of a process that its watchdog has ended


class Ports:
    """What ``compose(ports, board)`` gets."""

    def __init__(self, stream: "FileStream", pins: "Pins", adc: "Adc", watchdog_ms: int) -> None:
        self.clock = TickClock()
        self.entropy = SystemEntropy()
        self.stream = stream
        self.pins = pins
        self.adc = adc
        self.watchdog = MemoryWatchdog(self.clock, watchdog_ms)


def run(application: "Application", ports: Ports) -> None:
    """Step the application until the other end of its cable is gone."""
    gc.threshold(GC_THRESHOLD_BYTES)
    try:
        while ports.stream.is_open() and not ports.watchdog.has_reset():
            turn(application, ports)
    except Exception as fault:  # noqa: BLE001  the firmware has crashed: told where people read, and the process ends
        sys.print_exception(fault, sys.stderr)  # pyright: ignore[reportArgumentType]  the stubs take no text file here
        sys.exit(CRASH_EXIT)
    if ports.watchdog.has_reset():
        sys.stderr.write("the watchdog was not fed in time\n")
        sys.exit(WATCHDOG_EXIT)


def turn(application: "Application", ports: Ports) -> None:
    """One step, and the wait until the next is due."""
    application.step(ports.clock.now_ms())
    deadline_ms = application.next_deadline_ms()
    wait_ms = WAIT_MS_MAX if deadline_ms is None else deadline_ms - ports.clock.now_ms()
    ports.stream.wait(max(0, min(wait_ms, WAIT_MS_MAX)), application.wants_write())
