"""``rfc2217://HOST:PORT``: a serial port behind a network server (ser2net, a terminal server, pyserial's example).

Law: a client of our own in the loop, over the pipe of a TCP connection; no thread. pyserial's client hands every byte
through a queue and gives 0.4 MB/s with a processor of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from host_tools.transports import telnet
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.pipe import Buffer, Kind, Pipe, Receiver
from host_tools.transports.serial_ports import BAUD_RATE, BITS_A_BYTE, take_baud
from host_tools.transports.sockets import connect

AGREE_LIMIT_S = 5.0  # for a server to say that it speaks RFC 2217 and has set the port
READ_BYTES = 1 << 16
WRITE_BYTES_MAX = 1 << 16  # escaped at once; what the socket does not take of it is kept
WILLING = {(telnet.DO, telnet.COM_PORT), (telnet.WILL, telnet.COM_PORT)}  # some servers offer where they should ask
NEEDLESS_OPTIONS = ("ign_set_control", "poll_modem")  # of pyserial's URLs: this client never waits for either


async def open_rfc2217(url: str) -> Pipe:
    """``rfc2217://host:port[?baud=RATE]``. PortMissing if nothing is there, PortError if it is something else."""
    address, rate = take_baud(url)
    unknown = [option for option in urlsplit(address).query.split("&") if option not in ("", *NEEDLESS_OPTIONS)]
    if unknown:
        raise PortError(f"{url}: unknown option {unknown[0]}; write rfc2217://HOST:PORT?baud={BAUD_RATE}")
    connection = await connect(url, "rfc2217", rate / BITS_A_BYTE if rate else None)
    pipe = Rfc2217Pipe(connection, rate or BAUD_RATE)
    try:
        async with asyncio.timeout(AGREE_LIMIT_S):
            await pipe.agree()
    except (TimeoutError, LinkLost) as error:
        pipe.close()
        why = str(error) or f"no agreement in {AGREE_LIMIT_S:.0f} s"
        raise PortError(f"{url}: what is there does not speak RFC 2217 ({why}); raw TCP is socket://") from error
    except BaseException:
        pipe.close()
        raise
    return pipe


class Rfc2217Pipe:
    """A Pipe over the pipe of a Telnet connection, and that one's Receiver."""

    def __init__(self, connection: Pipe, rate: int) -> None:
        self._connection = connection
        self._rate = rate
        self._decoder = telnet.TelnetDecoder()
        self._receiver: Receiver | None = None
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._arrived = memoryview(b"")  # decoded, and not yet taken by the receiver
        self._unsent = memoryview(b"")  # escaped, and not yet taken by the connection
        self._over = False
        self._loss: LinkLost | None = None
        self._agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked = False

    @property
    def url(self) -> str:
        return self._connection.url

    @property
    def kind(self) -> Kind:
        return self._connection.kind

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return self._connection.nominal_bytes_per_s

    async def agree(self) -> None:
        """Until the server has said that it speaks RFC 2217 and has set the port. LinkLost if it hangs up instead."""
        self._connection.start(self)
        self._send(telnet.first_words())
        await self._agreed

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._loss is not None:
            asyncio.get_running_loop().call_soon(self._tell_loss)
        self.resume()

    def write(self, buffers: Sequence[Buffer]) -> int:
        if self._over:
            return 0
        data = b"".join(buffers)
        taken = 0
        while taken < len(data) and not self._decoder.suspended and self._flush():
            piece = data[taken : taken + WRITE_BYTES_MAX]
            self._send(telnet.escape(piece))
            taken += len(piece)
        return taken

    def resume(self) -> None:
        self._connection.resume()

    def close(self) -> None:
        self._over = True
        self._receiver = None
        self._connection.close()

    # -- Receiver of the connection

    def space(self) -> memoryview:
        self._hand_over()
        return self._buffer[:0] if len(self._arrived) else self._buffer

    def filled(self, count_bytes: int) -> None:
        self._arrived = memoryview(self._decoder.feed(bytes(self._buffer[:count_bytes])))
        if not self._agreed.done():
            self._arrived = memoryview(b"")  # from before the port was set: of whoever used it last
            self._go_on_agreeing()
        if self._decoder.answers:
            self._send(bytes(self._decoder.answers))
            self._decoder.answers.clear()
        self._hand_over()

    def turn_over(self) -> None:
        if self._flush() and self._receiver is not None:
            self._receiver.turn_over()

    def lost(self, error: LinkLost) -> None:
        self._over = True
        self._loss = error
        if not self._agreed.done():
            self._agreed.set_exception(error)
        self._tell_loss()

    # -- inside

    def _tell_loss(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and self._loss is not None:
            receiver.lost(self._loss)

    def _go_on_agreeing(self) -> None:
        if (telnet.DONT, telnet.COM_PORT) in self._decoder.agreed:
            self._agreed.set_exception(LinkLost("it refuses to"))
        elif not self._asked and self._decoder.agreed & WILLING:
            self._asked = True
            self._send(telnet.settings(self._rate))
        elif self._decoder.told:
            self._agreed.set_result(None)

    def _hand_over(self) -> None:
        while len(self._arrived) and self._receiver is not None:
            room = self._receiver.space()
            count = min(len(room), len(self._arrived))
            if not count:
                return
            room[:count] = self._arrived[:count]
            self._arrived = self._arrived[count:]
            self._receiver.filled(count)

    def _send(self, data: bytes) -> None:
        self._unsent = memoryview(bytes(self._unsent) + data)
        self._flush()

    def _flush(self) -> bool:
        """Whether all that was taken is with the connection."""
        if len(self._unsent):
            self._unsent = self._unsent[self._connection.write([self._unsent]) :]
        return not len(self._unsent)
