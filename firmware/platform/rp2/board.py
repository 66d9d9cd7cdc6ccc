"""A Pico as a dock: its ports put together from board_data, and the loop around the application.

A crash of the firmware prints its traceback at the prompt's port and leaves the watchdog unfed: the reset follows. For
the first seconds after power on nothing has happened yet, so that Ctrl-C at the prompt always gets a board back.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import gc
import sys
import time
from binascii import hexlify

import machine

from firmware.platform.rp2.adc import open_adc
from firmware.platform.rp2.pins import open_pins
from firmware.platform.rp2.usb_link import open_link
from firmware.platform.unix_micropython.clock import TickClock
from firmware.platform.unix_micropython.entropy import SystemEntropy
from firmware.ports.watchdog import Watchdog
from firmware.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.ports.application import Application

GRACE_MS = 2_000  # in which Ctrl-C is heard before anything is set up
SLEEP_MS_MAX = 5  # between two looks at the cable: 64 bytes come in less than one on a full-speed bus
WATCHDOG_MS_MAX = 8_388  # of the RP2040's counter
GC_THRESHOLD_BYTES = 16_384  # of garbage, then it is collected: collected late, it leaves nothing but small holes


class RpWatchdog(Watchdog):
    """Runs from its making on and cannot be stopped."""

    def __init__(self, timeout_ms: int) -> None:
        if timeout_ms > WATCHDOG_MS_MAX:
            raise ValueError("the watchdog counts to %d ms, not %d" % (WATCHDOG_MS_MAX, timeout_ms))
        self._watchdog = machine.WDT(timeout=timeout_ms)

    def feed(self) -> None:
        """See Watchdog."""
        self._watchdog.feed()


class Ports:
    """What ``compose(ports, board)`` gets. The watchdog is armed last."""

    def __init__(self, board: "dict[str, Any]") -> None:
        self.clock = TickClock()
        self.entropy = SystemEntropy()
        self.pins = open_pins(board)
        self.adc = open_adc(board, self.pins)
        self.stream = open_link(board)
        self.watchdog = RpWatchdog(board["watchdog_ms"])


def main(compose: "Callable[[Any, dict[str, Any]], Application]", data: "dict[str, Any]") -> None:
    """Be this board."""
    time.sleep_ms(GRACE_MS)
    gc.threshold(GC_THRESHOLD_BYTES)
    board = dict(data)
    board["serial"] = hexlify(machine.unique_id()).decode().upper()
    board["firmware"] = VERSION
    ports = Ports(board)
    application = compose(ports, board)
    try:
        while True:
            turn(application, ports)
    except Exception as fault:  # noqa: BLE001  the firmware has crashed: told where people read, the reset follows
        sys.print_exception(fault)


def turn(application: "Application", ports: Ports) -> None:
    """One step, and a nap until the next is due or bytes may have come."""
    application.step(ports.clock.now_ms())
    deadline_ms = application.next_deadline_ms()
    left_ms = SLEEP_MS_MAX if deadline_ms is None else deadline_ms - ports.clock.now_ms()
    if not application.wants_write():
        time.sleep_ms(max(0, min(left_ms, SLEEP_MS_MAX)))
