"""Serial ports: terminals of this machine by their descriptor, and what else pyserial can open by URL through threads.

Law: a terminal is never given a thread. pyserial is asked to open and to configure; only where it has no descriptor, or
must see the bytes itself (``spy://``), does it read and write too.
"""

from __future__ import annotations

import asyncio
import errno
import importlib
import importlib.util
import os
import pkgutil
import re
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import serial

from host_tools.transports.errors import PortBusy, PortDenied, PortError, PortMissing
from host_tools.transports.held_ports import is_left_over
from host_tools.transports.pipe import Buffer, FdPipe, Kind, Pipe
from host_tools.transports.sockets import nothing_answers
from host_tools.transports.threaded import POLL_S, ThreadedPipe

Opened = TypeVar("Opened")

BAUD_RATE = 115_200  # USB serial ports ignore it; a UART bench names its own in the URL (?baud=)
BAUD_RATE_MAX = 2**32 - 1  # what RFC 2217 has room for; no UART comes near
BITS_A_BYTE = 10  # on a UART: a start bit, eight of data, a stop bit
READ_BYTES_MAX = 1 << 16  # of what pyserial has buffered, taken at once

UNREACHABLE = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)

# What pyserial and its handlers raise for a URL they do not like, beside SerialException, which is an OSError.
LIBRARY_ERRORS = (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError)


async def open_serial(url: str) -> Pipe:
    """``/dev/ttyACM0`` or ``serial:///dev/ttyACM0?baud=115200``: a tty, held exclusively, raw."""
    address, rate = take_baud(url)
    if "://" not in address:
        return open_terminal(url, address, rate)
    parts = urlsplit(address)
    if parts.query or not parts.path:
        raise PortError(f"{url}: not a serial port's URL; write for example serial:///dev/ttyS0?baud={BAUD_RATE}")
    return open_terminal(url, parts.path, rate)


def open_terminal(url: str, path: str, rate: int | None) -> FdPipe:
    """The terminal at ``path`` without a thread; ``url`` is what it is known as."""
    if is_left_over(Path(path)):
        raise PortMissing(f"{url}: whoever made this port has ended and left its name behind; start that anew")
    try:
        port = serial.Serial(path, rate or BAUD_RATE, timeout=0, write_timeout=0, exclusive=True)
    except (OSError, ValueError) as error:
        raise port_error(url, error) from error
    fd = port.fileno()
    attributes = termios.tcgetattr(fd)
    attributes[6][termios.VMIN] = 1  # an empty port then says "try again"; with 0 it would look hung up
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    kind = kind_of_tty(os.path.realpath(path))
    return FdPipe(url, fd, port.close, kind, (rate or BAUD_RATE) / BITS_A_BYTE if kind == "uart" else None)


async def open_by_pyserial(url: str) -> Pipe:
    """``hwgrep://``, ``loop://``, ``spy://`` and whatever else pyserial knows; ``baud=`` works in all of them."""
    address, rate = take_baud(url)
    port: Any = await open_in_thread(lambda: _open_by_pyserial(url, address, rate), lambda port: port.close())
    if not port.is_open:  # a terminal under another name
        return open_terminal(url, port.port, rate)
    kind: Kind = "rfc2217" if url.lower().startswith("rfc2217:") else "other"
    return ThreadedPipe(url, LibraryPort(port), kind, rate / BITS_A_BYTE if rate else None)


def pyserial_schemes() -> list[str]:
    """Schemes of the handlers that pyserial finds now, those of other packages among them; nothing of them is loaded
    but their packages."""
    names: list[str] = []
    for name in serial.protocol_handler_packages:
        package = importlib.import_module(name)
        names += [module.name for module in pkgutil.iter_modules(package.__path__)]
    return [name.removeprefix("protocol_") for name in names if name.startswith("protocol_")]


class LibraryPort:
    """A BlockingPort over an open port of pyserial whose read timeout is POLL_S."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> Buffer:
        first: bytes = self._port.read(1)
        more = min(self._port.in_waiting, READ_BYTES_MAX) if first else 0
        return first + self._port.read(more) if more else first

    def write(self, data: bytes, last: bool) -> int:
        count = self._port.write(data)
        return len(data) if count is None else count

    def wake(self) -> None:
        cancel = getattr(self._port, "cancel_write", self._port.close)
        cancel()

    def close(self) -> None:
        self._port.close()


async def open_in_thread(make: Callable[[], Opened], give_back: Callable[[Opened], None]) -> Opened:
    """What ``make`` returns, which may block; what nobody waits for any more when it is there is given back."""
    making = asyncio.get_running_loop().run_in_executor(None, make)
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(lambda made: _give_back(made, give_back))
        raise


def take_baud(url: str) -> tuple[str, int | None]:
    """The URL without its ``baud=``, and that rate if there is one. PortError if it is no number."""
    address, mark, query = url.partition("?")
    options = query.split("&")
    named = [option for option in options if option.startswith("baud=")]
    if "://" not in address or not mark or not named:
        return url, None
    rate = named[0].removeprefix("baud=")
    if not rate.isdecimal() or not 0 < int(rate) <= BAUD_RATE_MAX:
        raise PortError(f"{url}: baud={rate} is no baud rate; write for example ?baud={BAUD_RATE}")
    kept = "&".join(option for option in options if option not in named)
    return address + (f"?{kept}" if kept else ""), int(rate)


def kind_of_tty(path: str) -> Kind:
    """By the kernel's name of a terminal. ``ttyUSB`` are chips with a UART behind them: its rate is what counts."""
    folder, _, name = path.rpartition("/")
    if folder == "/dev/pts":
        return "pty"
    return "usb-serial" if name.startswith(("ttyACM", "ttyGS")) else "uart"


def port_error(url: str, error: BaseException) -> PortError:
    """One line for what keeps a port from being opened."""
    text = " ".join(str(error).split())
    quoted = re.search(r"\[Errno (\d+)\]", text)  # pyserial often passes on no more than the words
    number = getattr(error, "errno", None) or (int(quoted[1]) if quoted else None)
    if number in UNREACHABLE or "timed out" in text:
        return nothing_answers(url, number, text)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "no ports found" in text:
        return PortMissing(f"{url}: no such port; plug the board in, or run `bwc ports` to see what is there")
    if number in (errno.EACCES, errno.EPERM):
        return PortDenied(f"{url}: permission denied; add yourself to the group that owns it (usually dialout)")
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return PortBusy(f"{url}: another program holds the port; close it first")
    return PortError(f"{url}: cannot be opened as a serial port ({text}); name a serial port")


def _open_by_pyserial(url: str, address: str, rate: int | None) -> Any:
    """An open port; or one that is not open, when it is a plain terminal."""
    _check_handler(url, address)
    try:
        port: Any = serial.serial_for_url(address, rate or BAUD_RATE, timeout=POLL_S, do_not_open=True)
        if type(port).read is not serial.Serial.read:  # pyserial's own way to the bytes
            port.open()
    except LIBRARY_ERRORS as error:
        raise port_error(url, error) from error
    return port


def _check_handler(url: str, address: str) -> None:
    """pyserial calls a scheme unknown when its handler cannot be loaded; here it is said what is missing."""
    scheme = address.split("://", 1)[0].lower()
    for package in serial.protocol_handler_packages:
        if importlib.util.find_spec(f"{package}.protocol_{scheme}") is None:
            continue
        try:
            importlib.import_module(f"{package}.protocol_{scheme}")
        except ImportError as error:
            raise PortError(f"{url}: {scheme}:// needs the Python package {error.name}; install it") from error
        return


def _give_back(made: asyncio.Future[Opened], give_back: Callable[[Opened], None]) -> None:
    if not made.cancelled() and made.exception() is None:
        give_back(made.result())
