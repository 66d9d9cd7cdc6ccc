"""The satellite receiver of a board: a UART of its processor, as board.toml has it.

On a Pi, /dev/serial0 leads to whichever UART is on the header's pins 8 and 10: the small one (ttyS0) where Bluetooth
has the full one (ttyAMA0). At a receiver's speed either will do. Source: Raspberry Pi documentation, configuring UARTs.
"""

from typing import Any

from firmware.platform.linux.terminal import TerminalStream
from firmware.ports.errors import PortFault

DEVICE = "/dev/serial%d"
KIND = "gnss"


def open_receiver(board: "dict[str, Any]", device: str = DEVICE) -> "TerminalStream | None":
    """Its stream; None where the board has none. PortFault if the UART cannot be opened. ``device``: with the UART's
    number in it."""
    for chip in board["chips"].values():
        bus = board["buses"].get(chip.get("bus"))
        if chip["kind"] == KIND and bus is not None and bus["kind"] == "uart":
            return TerminalStream(device % bus["unit"], baud=bus["frequency_hz"])
    return None


def receiver_or_none(board: "dict[str, Any]", device: str = DEVICE) -> "TerminalStream | None":
    """The same, and None where the UART cannot be had: a camera that does not know where it is records all the same."""
    try:
        return open_receiver(board, device)
    except PortFault:
        return None
