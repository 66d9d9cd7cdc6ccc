"""Programs that run until they are told to stop: the controller, and an emulated bench."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from host_tools.cli.compose import Assembled, assemble_bench, assemble_controller
from host_tools.controller.docks import Dock
from host_tools.controller.remote import SOCKET
from host_tools.controller.settings import Settings
from host_tools.controller.status import take_status
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import CustodyError
from host_tools.emulator.bench_file import Bench
from host_tools.emulator.remote import BenchServer
from host_tools.protocol.connection import RequestRefused
from host_tools.transports.errors import LinkLost
from host_tools.transports.local import LocalError, LocalServer


async def serve_controller(settings: Settings, on_ready: Callable[[RunningController], None]) -> None:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    _on_signals(stop.set)
    async with running_controller(settings) as running:
        on_ready(running)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running.task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()


class RunningController:
    """A controller at work: its parts, and the task it runs in."""

    def __init__(self, assembled: Assembled) -> None:
        self.controller, self.index, self.spool = assembled.controller, assembled.index, assembled.spool
        self.task = asyncio.create_task(self.controller.run())


@asynccontextmanager
async def running_controller(settings: Settings) -> AsyncGenerator[RunningController]:
    """Start a controller and answer questions about it on a socket in its folder; stop it in order at the end."""
    with assemble_controller(settings) as assembled:
        server = LocalServer(settings.folder / SOCKET, _Answers(assembled).handle)
        await server.start()
        assembled.controller.happenings.listen(server.publish)
        running = RunningController(assembled)
        try:
            yield running
        finally:
            running.task.cancel()
            await asyncio.wait({running.task})
            await server.close()
            if not running.task.cancelled() and (error := running.task.exception()) is not None:
                raise error


async def serve_bench(bench: Bench, folder: Path, on_ready: Callable[[], None]) -> None:
    """Until SIGINT or SIGTERM, or until somebody asks the bench to stop."""
    server = BenchServer(assemble_bench(bench, folder))
    _on_signals(server.stopping.set)
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if ready.is_set():
        on_ready()
    waiting.cancel()
    await serving


class _Answers:
    """What may be asked of a running controller."""

    def __init__(self, assembled: Assembled) -> None:
        self._assembled = assembled
        self._verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "status": self._status,
            "check_contacts": self._check_contacts,
            "set_bay_power": self._set_bay_power,
        }

    async def handle(self, verb: str, arguments: dict[str, Any]) -> Any:
        action = self._verbs.get(verb)
        if action is None:
            raise LocalError(f"the controller knows no {verb}; it knows {', '.join(sorted(self._verbs))}")
        try:
            return await action(**arguments)
        except (RequestRefused, LinkLost, CustodyError) as error:
            raise LocalError(str(error)) from error

    async def _status(self) -> dict[str, Any]:
        parts = self._assembled
        return await take_status(parts.controller, parts.index, parts.spool, run_in_thread)

    async def _check_contacts(self, bay: int, dock: str = "") -> Any:
        return await self._dock(dock).check_contacts(bay)

    async def _set_bay_power(self, bay: int, on: bool, dock: str = "") -> None:
        await self._dock(dock).set_power(bay, on)

    def _dock(self, serial: str) -> Dock:
        docks = self._assembled.controller.docks
        if serial in docks:
            return docks[serial]
        if not serial and len(docks) == 1:
            return next(iter(docks.values()))
        raise LocalError(f"name a dock that is connected: {', '.join(docks) or 'none is'}")


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
