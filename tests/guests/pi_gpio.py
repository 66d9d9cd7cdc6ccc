"""Hands and eyes at the GPIO lines of the emulated Raspberry Pi, through qemu's test protocol.

qemu 7 lets nobody drive an input from outside, but its set and clear registers move the level of any line, whoever
writes them, and an input is read from there. Source: BCM2835 ARM Peripherals, 6.1; qemu, hw/gpio/bcm2835_gpio.c.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

GPSET0, GPCLR0, GPLEV0 = 0x3F20001C, 0x3F200028, 0x3F200034
ANSWER_LIMIT_S = 600.0


class Gpio:
    """``pins``: of board_data. Levels are asserted or not, as the board file has their polarity."""

    def __init__(self, path: Path, pins: dict[str, Any]) -> None:
        self._pins = pins
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_LIMIT_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r")

    def set(self, pin: str, asserted: bool) -> None:
        """What the outside world does to an input."""
        facts = self._pins[pin]
        high = asserted != facts["active_low"]
        self._ask(f"writel {GPSET0 if high else GPCLR0:#x} {1 << facts['gpio']:#x}")

    def level(self, pin: str) -> bool:
        """Whether a line is asserted."""
        facts = self._pins[pin]
        levels = int(self._ask(f"readl {GPLEV0:#x}").split()[1], 16)
        return bool(levels >> facts["gpio"] & 1) != facts["active_low"]

    def close(self) -> None:
        """Nobody looks any more."""
        self._lines.close()
        self._socket.close()

    def _ask(self, words: str) -> str:
        self._socket.sendall(words.encode() + b"\n")
        return self._lines.readline()
