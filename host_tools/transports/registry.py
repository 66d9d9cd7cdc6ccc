"""From a URL to an open pipe. Paths and ``serial:`` are serial ports, ``socket:`` is TCP; other rooms add schemes."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import termios
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import serial

from host_tools.transports.errors import PortBusy, PortDenied, PortError, PortMissing, UnknownScheme
from host_tools.transports.pipe import FdPipe, Kind, Pipe

Opener = Callable[[str], Awaitable[Pipe]]

BAUD_RATE = 115_200  # USB serial ports ignore it; a UART bench names its own in the URL (?baud=)
BITS_A_BYTE = 10  # on a UART: a start bit, eight of data, a stop bit
CONNECT_LIMIT_S = 5.0


class Registry:
    """Schemes and their openers. One is made at start-up and handed to whoever opens ports."""

    def __init__(self) -> None:
        self._openers: dict[str, Opener] = {"serial": open_serial, "socket": open_socket}

    def add(self, scheme: str, opener: Opener) -> None:
        """Let URLs of a further scheme be opened."""
        self._openers[scheme] = opener

    @property
    def schemes(self) -> list[str]:
        """All that can be opened, for messages to people."""
        return sorted(self._openers)

    def check(self, url: str) -> Opener:
        """What would open this URL. UnknownScheme if nothing would."""
        if "://" not in url:
            return open_serial
        scheme = url.split("://", 1)[0]
        opener = self._openers.get(scheme)
        if opener is None:
            known = ", ".join(f"{name}://" for name in self.schemes)
            raise UnknownScheme(f"{url}: unknown scheme {scheme}://; use a device path or one of {known}")
        return opener

    async def open(self, url: str) -> Pipe:
        """An open pipe; PortError says in one line why not."""
        return await self.check(url)(url)


async def open_serial(url: str) -> Pipe:
    """``/dev/ttyACM0`` or ``serial:///dev/ttyACM0?baud=115200``: a tty, held exclusively, raw."""
    parts = urlsplit(url)
    path = parts.path if "://" in url else url
    rate = parts.query.removeprefix("baud=") or str(BAUD_RATE)
    if not rate.isdigit():
        raise PortError(f"{url}: {parts.query} is no baud rate; write for example ?baud={BAUD_RATE}")
    try:
        port = serial.Serial(path, int(rate), timeout=0, write_timeout=0, exclusive=True)
    except serial.SerialException as error:
        raise _port_error(url, error.errno, str(error)) from error
    except OSError as error:
        raise _port_error(url, error.errno, str(error)) from error
    fd = port.fileno()
    attributes = termios.tcgetattr(fd)
    attributes[6][termios.VMIN] = 1  # an empty port then says "try again"; with 0 it would look hung up
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    kind = kind_of_tty(os.path.realpath(path))
    return FdPipe(url, fd, port.close, kind, int(rate) / BITS_A_BYTE if kind == "uart" else None)


async def open_socket(url: str) -> Pipe:
    """``socket://host:port``: a TCP connection, without Nagle's delay."""
    parts = urlsplit(url)
    try:
        host, number = parts.hostname, parts.port
    except ValueError:
        host, number = None, None
    if host is None or number is None:
        raise PortError(f"{url}: host or port is missing or wrong; write socket://HOST:PORT")
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, number, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = addresses[0]
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await loop.sock_connect(connection, address)
    except (OSError, TimeoutError) as error:
        connection.close()
        raise PortMissing(f"{url}: nothing answers there ({error}); start the board or check host and port") from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return FdPipe(url, connection.fileno(), connection.close, "socket")


def kind_of_tty(path: str) -> Kind:
    """By the kernel's name of a terminal. ``ttyUSB`` are chips with a UART behind them: its rate is what counts."""
    folder, _, name = path.rpartition("/")
    if folder == "/dev/pts":
        return "pty"
    return "usb-serial" if name.startswith(("ttyACM", "ttyGS")) else "uart"


def _port_error(url: str, number: int | None, text: str) -> PortError:
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return PortMissing(f"{url}: no such port; plug the board in, or run `bwc ports` to see what is there")
    if number in (errno.EACCES, errno.EPERM):
        return PortDenied(f"{url}: permission denied; add yourself to the group that owns it (usually dialout)")
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return PortBusy(f"{url}: another program holds the port; close it first")
    return PortError(f"{url}: cannot be opened as a serial port ({text}); name a serial port")
