"""From a URL to a session with a board, or to one line that says what is there instead.

Law: opens and says who answers; what is done with the board is for others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host_tools.hardware.said import printable
from host_tools.protocol.connection import ChannelRefused, Connection, VersionMismatch
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.registry import Registry

if TYPE_CHECKING:
    from firmware.link.conversation import MakeSecure


async def open_board(
    registry: Registry, url: str, nonce: int, codec: ConstructCodec, make_secure: MakeSecure | None = None
) -> Connection:
    """A connection with an open session, secured where the board can be. PortError: there is no board of ours;
    VersionMismatch: an older or newer one; ChannelRefused: one that is not believed; LinkLost: it went away
    meanwhile."""
    try:
        pipe = await registry.open(url)
    except OSError as error:  # a host name that nobody knows, a network that is down
        raise PortError(f"{url}: cannot be opened ({error.strerror or error}); check the address") from error
    connection = Connection(pipe, nonce, codec, make_secure=make_secure)
    try:
        await connection.open()
    except (VersionMismatch, ChannelRefused):
        raise
    except LinkLost as lost:
        raise _not_a_board(url, connection, lost) from lost
    except BaseException:
        connection.close()
        raise
    return connection


async def identify(connection: Connection) -> dict[str, Any]:
    """Who the board is: kind, model, serial, firmware, boot, uptime_ms, system. RequestRefused, LinkLost."""
    identity: dict[str, Any] = await connection.ask("identify")
    if "serial" not in identity:
        raise LinkLost(f"{connection.url}: the board does not say who it is; update its firmware")
    return {name: printable(value) if isinstance(value, str) else value for name, value in identity.items()}


def _not_a_board(url: str, connection: Connection, lost: LinkLost) -> LinkLost | PortError:
    session = connection.session
    if session.reader.skipped_bytes:
        return PortError(
            f"{url}: the device there talks ({session.reader.skipped_bytes} bytes), but not our protocol; "
            "connect an OpenBWC board"
        )
    if session.bytes_in == 0 and "no board answers" in str(lost):
        return PortError(f"{url}: the device there is silent; power-cycle it or connect an OpenBWC board")
    return lost
