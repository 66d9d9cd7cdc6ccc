"""From a URL to an open pipe. Other rooms add their own schemes; what is left is asked of pyserial."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from host_tools.transports.errors import UnknownScheme
from host_tools.transports.pipe import Pipe
from host_tools.transports.rfc2217 import open_rfc2217
from host_tools.transports.serial_ports import open_by_pyserial, open_serial, pyserial_schemes
from host_tools.transports.sockets import open_socket
from host_tools.transports.usb_bulk import open_usb

Opener = Callable[[str], Awaitable[Pipe]]


class Registry:
    """Schemes and their openers. One is made at start-up and handed to whoever opens ports."""

    def __init__(self) -> None:
        self._openers: dict[str, Opener] = {
            "serial": open_serial,
            "socket": open_socket,
            "rfc2217": open_rfc2217,
            "usb": open_usb,
        }

    def add(self, scheme: str, opener: Opener) -> None:
        """Let URLs of a further scheme be opened."""
        self._openers[scheme] = opener

    @property
    def schemes(self) -> list[str]:
        """All that can be opened, for messages to people."""
        return sorted({*self._openers, *pyserial_schemes()})

    def check(self, url: str) -> Opener:
        """What would open this URL. UnknownScheme if nothing would."""
        if "://" not in url:
            return open_serial
        scheme = url.split("://", 1)[0].lower()
        opener = self._openers.get(scheme)
        if opener is not None:
            return opener
        if scheme in pyserial_schemes():
            return open_by_pyserial
        known = ", ".join(f"{name}://" for name in self.schemes)
        raise UnknownScheme(f"{url}: unknown scheme {scheme}://; use a device path or one of {known}")

    async def open(self, url: str) -> Pipe:
        """An open pipe; PortError says in one line why not."""
        return await self.check(url)(url)
