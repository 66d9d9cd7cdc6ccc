"""``serial.serial_for_url("emu://BENCH/BOARD")``: pyserial finds this module by the scheme of the URL."""

from __future__ import annotations

import serial

from host_tools.emulator.rendezvous import port_path
from host_tools.transports.errors import PortError


def serial_class_for_url(url: str) -> tuple[str, type[serial.Serial]]:
    """The real port behind the URL, and the class to open it with."""
    try:
        return str(port_path(url)), serial.Serial
    except PortError as error:
        raise serial.SerialException(str(error)) from error
