"""An NTP server on loopback, for tests: written from RFC 5905 (figures 8 and 13), and from nothing of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SECONDS_1900_TO_1970 = 70 * 365 * 86_400 + 17 * 86_400


@dataclass
class Server(asyncio.DatagramProtocol):
    """``wall_ms``: its clock; ``before``: what is sent ahead of each answer, made from the question; ``loses``: so many
    questions are never answered."""

    wall_ms: Callable[[], int]
    leap: int = 0
    version: int = 4
    mode: int = 4
    stratum: int = 2
    code: bytes = b"\x7f\x00\x00\x01"
    root_delay_s: float = 0.0
    root_dispersion_s: float = 0.0
    loses: int = 0
    before: Callable[[bytes], list[bytes]] = lambda _: []
    change: Callable[[bytearray], None] = lambda _: None
    asked: list[bytes] = field(default_factory=list[bytes])
    port: int = 0
    _transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked.append(data)
        if len(self.asked) <= self.loses:
            return
        for each in self.before(data):
            self._transport.sendto(each, addr)
        self._transport.sendto(bytes(self.answer(data)), addr)

    def answer(self, asked: bytes) -> bytearray:
        received = self.stamp()
        packet = bytearray(48)
        packet[0] = self.leap * 64 + self.version * 8 + self.mode
        packet[1], packet[2], packet[3] = self.stratum, 6, 0xEC
        packet[4:8] = round(self.root_delay_s * 65_536).to_bytes(4, "big")
        packet[8:12] = round(self.root_dispersion_s * 65_536).to_bytes(4, "big")
        packet[12:16] = self.code
        packet[16:24] = received
        packet[24:32] = asked[40:48]  # its transmit timestamp comes back as the originate one
        packet[32:40] = received
        packet[40:48] = self.stamp()
        self.change(packet)
        return packet

    def stamp(self) -> bytes:
        unix_ms = self.wall_ms()
        seconds = (unix_ms // 1000 + SECONDS_1900_TO_1970) % 2**32
        return seconds.to_bytes(4, "big") + (unix_ms % 1000 * 2**32 // 1000).to_bytes(4, "big")


@asynccontextmanager
async def answering(server: Server) -> AsyncGenerator[Server]:
    """On a port of its own."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
