"""The secret that was burnt into a Raspberry Pi when it was made ready: 256 bits in its one-time programmable rows.

Its limit: whoever is root on this very board can read it too. It keeps a card that was taken out closed. Source: the
mailbox property interface of the processor's firmware, and the tool rpi-otp-private-key, which writes the rows.
"""

import os
import struct
from collections.abc import Callable
from fcntl import ioctl
from typing import Any

from firmware.ports.errors import NotFound, PortFault

DEVICE = "/dev/vcio"
PROPERTY = 0xC0086400  # _IOWR(100, 0, char *) where a pointer has eight bytes
GET_PRIVATE_KEY = 0x00030081
ROWS = 8
KEY_BYTES = 4 * ROWS
_SUCCESS = 0x80000000
# Size of all, code, tag, room for the answer, code of the answer, first row, number of rows, the rows, end.
_MESSAGE = struct.Struct(f"<7I{KEY_BYTES}sI")


def read_device_key(device: str = DEVICE, control: "Callable[[int, int, bytearray], Any]" = ioctl) -> bytes:
    """KEY_BYTES bytes. NotFound if none was burnt in, PortFault where it cannot be read."""
    message = bytearray(
        _MESSAGE.pack(_MESSAGE.size, 0, GET_PRIVATE_KEY, 8 + KEY_BYTES, 0, 0, ROWS, bytes(KEY_BYTES), 0)
    )
    try:
        file = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise PortFault(f"{device}: {error.strerror}; a Raspberry Pi has it, and root may open it") from None
    try:
        control(file, PROPERTY, message)
    except OSError as error:
        raise PortFault(f"{device}: the processor's firmware does not answer: {error.strerror}") from None
    finally:
        os.close(file)
    _, code, _, _, _, _, _, key, _ = _MESSAGE.unpack(message)
    if code != _SUCCESS:
        raise PortFault(f"{device}: the processor's firmware knows no device key; update it")
    if not key.strip(b"\0"):
        raise NotFound(f"{device}: no device key was burnt into this board; rpi-otp-private-key does it, once")
    return key
