"""What else a running bench's boards are reached by: USB/IP, and RFC 2217, both on this machine alone."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.errors import BenchError
from host_tools.emulator.usb_host import BenchUsb
from host_tools.emulator.usbip import UsbIpServer
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import open_serial
from host_tools.transports.rfc2217_server import Rfc2217Server

PORT_MAX = 65_535  # of TCP


@asynccontextmanager
async def exported(bench: EmulatedBench, usbip_port: int | None, rfc2217_port: int) -> AsyncGenerator[None]:
    """While these servers run. ``usbip_port``: None for none; ``rfc2217_port``: of the first board, docks first; 0 for
    none. BenchError if a port cannot be had."""
    async with AsyncExitStack() as stack:
        if usbip_port is not None:
            await _begin(stack, UsbIpServer(BenchUsb(bench).devices, port=usbip_port), usbip_port)
        if rfc2217_port:
            for port, name in enumerate([*bench.docks, *bench.cameras], rfc2217_port):
                await _begin(stack, Rfc2217Server(_opener(bench, name), port=port), port)
        yield


async def _begin(stack: AsyncExitStack, server: UsbIpServer | Rfc2217Server, port: int) -> None:
    if port > PORT_MAX:
        raise BenchError(f"port {port}: there is none; ports end at {PORT_MAX}, so choose a lower first one")
    try:
        await server.start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # asyncio's own text has more than a person needs
        raise BenchError(f"port {port}: cannot be listened at ({why}); choose another") from error
    stack.push_async_callback(server.close)


def _opener(bench: EmulatedBench, name: str) -> Callable[[], Awaitable[Pipe]]:
    async def open_port() -> Pipe:
        return await open_serial(str(bench.ports_folder / name))

    return open_port
