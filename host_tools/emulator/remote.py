"""A bench in a process of its own, and its control from other processes: the same hands, by words over a socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from host_tools.emulator.bench import SHORT_PRESS_S, BenchError, EmulatedBench
from host_tools.emulator.errors import FaultUnsupported
from host_tools.emulator.faults import table
from host_tools.emulator.reader_world import HOLD_S
from host_tools.emulator.rendezvous import SOCKET, register, unregister
from host_tools.transports.local import LocalClient, LocalError, LocalServer, Peer


class BenchServer:
    """Serves one bench until ``stop`` is set."""

    def __init__(self, bench: EmulatedBench) -> None:
        self.stopping = asyncio.Event()
        self._bench = bench
        self._server = LocalServer(bench.folder / SOCKET, self._handle)

    async def serve(self, ready: asyncio.Event | None = None) -> None:
        """Start the bench, answer, and take it down again."""
        self._bench.folder.mkdir(parents=True, exist_ok=True)
        await self._server.start()
        link = register(self._bench.bench.name, self._bench.folder)
        try:
            await self._bench.start()
            if ready is not None:
                ready.set()
            await self.stopping.wait()
        finally:
            unregister(link, self._bench.folder)
            try:
                await self._bench.stop()
            finally:
                await self._server.close()

    async def _handle(self, verb: str, arguments: dict[str, Any], peer: Peer) -> Any:
        action = _ACTIONS.get(verb)
        if action is None:
            raise LocalError(f"the bench knows no {verb}; it knows {', '.join(sorted(_ACTIONS))}")
        try:
            return action(self, **arguments)
        except BenchError as error:
            raise LocalError(str(error)) from error

    def state(self) -> dict[str, Any]:
        return self._bench.state()

    def put_in(self, camera: str, bay: int, dock: str | None = None) -> None:
        self._bench.put_in(camera, dock or next(iter(self._bench.docks), "dock"), bay)

    def take_out(self, camera: str) -> None:
        self._bench.take_out(camera)

    def press(self, camera: str, button: str, hold_s: float = SHORT_PRESS_S) -> None:
        self._bench.press(camera, button, hold_s)

    def move(self, camera: str, activity: str) -> None:
        """What the wearer of a camera does from now on."""
        self._bench.move(camera, activity)

    def carry(self, camera: str, x_m: float, y_m: float) -> None:
        """Carry a camera to a spot, in metres."""
        self._bench.carry(camera, x_m, y_m)

    def put_cell(self, camera: str, percent: float) -> None:
        """Put another cell into a camera."""
        self._bench.put_cell(camera, percent)

    def let_stand(self, camera: str, hours: float) -> None:
        """Leave a camera as it is for hours, without waiting for them."""
        self._bench.let_stand(camera, hours)

    def set_power(self, board: str, on: bool) -> None:
        self._bench.set_power(board, on)

    def reset(self, board: str) -> None:
        self._bench.reset(board)

    def limit_link(self, board: str, bytes_per_s: int | None = None) -> None:
        self._bench.limit_link(board, bytes_per_s)

    def tap(self, board: str) -> dict[str, Any]:
        """Start to listen on a cable, or tell what has passed since."""
        tap = self._bench.tap(board)
        return {
            "bytes_to_board": tap.bytes_to_board,
            "bytes_to_host": tap.bytes_to_host,
            "sessions": tap.sessions,
            "served": [[each.recording.hex(), each.part, each.start, each.end] for each in tap.served],
        }

    def record(self, board: str, path: str) -> None:
        """Record a cable into a capture file from now on."""
        self._bench.record(board, Path(path))

    def badge(self, reader: str, uid: str, seconds: float = HOLD_S) -> None:
        """Hold a badge to a reader."""
        self._bench.show_badge(reader, uid, seconds)

    def plug_reader(self, reader: str, plugged: bool) -> None:
        """Plug a reader in, or pull it out."""
        self._bench.plug_reader(reader, plugged)

    def fault(self, board: str, component: str, type: str, instance: int = 0) -> dict[str, str]:
        """Inject a fault, or heal with type ok. ``outcome``: done or unsupported; ``text`` says why."""
        try:
            self._bench.inject(board, component, type, instance)
        except FaultUnsupported as error:
            return {"outcome": "unsupported", "text": str(error)}
        return {"outcome": "done", "text": ""}

    def faults(self) -> list[dict[str, str | int]]:
        """What is on now."""
        return self._bench.faults.active()

    def fault_table(self) -> list[dict[str, str]]:
        """What there is."""
        return table()

    def plan(self, text: str) -> dict[str, int]:
        """Play a plan of faults from now on."""
        return {"faults": self._bench.play(text)}

    def played(self) -> list[dict[str, Any]]:
        """What plans have done so far."""
        return [{"at_s": each.at_s, **each.fault._asdict(), "outcome": each.outcome} for each in self._bench.played]

    def truth(self) -> list[dict[str, Any]]:
        return self._bench.truth.lines()

    def events(self) -> None:
        """Whoever may ask may listen."""

    def stop(self) -> None:
        self.stopping.set()


_ACTIONS = {
    "state": BenchServer.state,
    "put_in": BenchServer.put_in,
    "take_out": BenchServer.take_out,
    "press": BenchServer.press,
    "move": BenchServer.move,
    "carry": BenchServer.carry,
    "put_cell": BenchServer.put_cell,
    "let_stand": BenchServer.let_stand,
    "set_power": BenchServer.set_power,
    "reset": BenchServer.reset,
    "limit_link": BenchServer.limit_link,
    "tap": BenchServer.tap,
    "record": BenchServer.record,
    "badge": BenchServer.badge,
    "plug_reader": BenchServer.plug_reader,
    "fault": BenchServer.fault,
    "faults": BenchServer.faults,
    "fault_table": BenchServer.fault_table,
    "plan": BenchServer.plan,
    "played": BenchServer.played,
    "truth": BenchServer.truth,
    "events": BenchServer.events,
    "stop": BenchServer.stop,
}


def bench_client(folder: Path) -> LocalClient:
    """Whoever wants to move the hands of the bench in ``folder``."""
    return LocalClient(folder / SOCKET, "bench")
