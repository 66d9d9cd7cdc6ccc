"""The hardware watchdog behind /dev/watchdog."""

import errno
import os
import struct
from collections.abc import Callable
from fcntl import ioctl
from typing import Any

from firmware.ports.errors import PortFault
from firmware.ports.watchdog import Watchdog

DEVICE = "/dev/watchdog"
WDIOC_SETTIMEOUT = 0xC0045706  # of linux/watchdog.h: _IOWR('W', 6, int), seconds
DISARM = b"V"  # written last, it says that the file is closed on purpose
KEEP_ALIVE = b"\0"


class LinuxWatchdog(Watchdog):
    """Armed from its making on. The chip counts whole seconds: ``timeout_ms`` is rounded down, so that it bites no
    later than asked. A Raspberry Pi's takes 15 s at most."""

    def __init__(
        self, timeout_ms: int, device: str = DEVICE, control: "Callable[[int, int, bytes], Any]" = ioctl
    ) -> None:
        seconds = timeout_ms // 1000
        if seconds < 1:
            raise PortFault(f"{device}: {timeout_ms} ms is less than the second that a watchdog counts")
        try:
            self._file = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _fault(device, error) from None
        try:
            control(self._file, WDIOC_SETTIMEOUT, struct.pack("i", seconds))
        except OSError as error:
            os.write(self._file, DISARM)
            os.close(self._file)
            remedy = f"it does not take {seconds} s; a Raspberry Pi's takes 15 at most"
            raise PortFault(f"{device}: {remedy} ({error.strerror})") from None

    def feed(self) -> None:
        """See Watchdog."""
        try:
            os.write(self._file, KEEP_ALIVE)
        except OSError as error:
            raise PortFault(f"the watchdog cannot be fed: {error.strerror}") from None

    def disarm(self) -> None:
        """Stop it, for an orderly end of the program. Where the kernel says "nowayout" it runs on."""
        os.write(self._file, DISARM)
        os.close(self._file)


def _fault(device: str, error: OSError) -> PortFault:
    remedy = {
        errno.ENOENT: "there is none; enable it with dtparam=watchdog=on in config.txt",
        errno.EBUSY: "another program holds it; take RuntimeWatchdogSec out of systemd's system.conf",
        errno.EACCES: "no permission; run as root, or give this user the device by a udev rule",
    }.get(error.errno or 0, error.strerror)
    return PortFault(f"{device}: {remedy}")
