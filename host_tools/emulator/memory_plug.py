"""A cable in memory between an emulated board and a host in the same process, on whatever loop runs both.

Law: the same behaviour as the pseudo-terminal of ``plugs``: a bounded buffer each way, a hang-up when it is pulled out,
old input thrown away when the host opens it anew. The host's end is a Pipe as the transports have it. No descriptor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from firmware.ports.stream import Stream
from host_tools.protocol.capture import Recorder
from host_tools.protocol.tap import LinkTap
from host_tools.transports.errors import LinkLost, PortMissing
from host_tools.transports.pipe import Buffer, Kind, Receiver, link_lost

CAPACITY_BYTES = 1 << 16  # each way: what a USB stack and a terminal hold between them
DELAY_S = 250e-6  # one way: two microframes of USB


class MemoryPlug(Stream):
    """The board's end. ``wake`` is called when the board should be stepped."""

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        self.name = name
        self.tap: LinkTap | None = None
        self.recorder: Recorder | None = None
        self._wake = wake
        self._in = bytearray()
        self._out = bytearray()
        self._host: HostEnd | None = None
        self._plugged = False
        self._refused = False
        self._flying: asyncio.TimerHandle | None = None
        self._wake_due = False

    @property
    def where(self) -> str:
        """Where the other side opens it."""
        return f"memory://{self.name}"

    def put_in(self) -> None:
        """The port appears."""
        self._plugged = True
        if self.tap is not None:
            self.tap.plugged()
        self._note("plugged in")
        self._wake()

    def pull_out(self) -> None:
        """The port vanishes; what was under way is lost. A second call does nothing."""
        if not self._plugged:
            return
        self._note("pulled out")
        self._plugged = False
        if self._flying is not None:
            self._flying.cancel()
        self._flying = None
        self._in, self._out = bytearray(), bytearray()
        host, self._host = self._host, None
        if host is not None:
            host.lose("unplugged")

    def want_write(self, wanted: bool) -> None:
        """Whether ``wake`` should be called when the stream takes bytes again."""
        self._refused = wanted and self._plugged

    def open_host(self) -> HostEnd:
        """The host opens the port; whoever had it before has nothing any more. PortMissing if it is not plugged in."""
        if not self._plugged:
            raise PortMissing(f"{self.where}: nothing is plugged in there")
        if self._host is not None:
            self._host.close()
        self._out = bytearray()
        self._host = HostEnd(self)
        self._made_room()
        return self._host

    # -- the board's Stream port

    def is_open(self) -> bool:
        return self._plugged

    def read_into(self, buffer: bytearray | memoryview) -> int:
        count = min(len(buffer), len(self._in))
        if count:
            buffer[:count] = memoryview(self._in)[:count]
            self._in = self._in[count:]
            if self.tap is not None:
                self.tap.to_board(memoryview(buffer)[:count], _now_ms())
            if self.recorder is not None:
                self.recorder.to_board(memoryview(buffer)[:count])
            if self._host is not None:
                self._host.room()
        return count

    def write(self, data: Buffer) -> int:
        if not self._plugged:
            return 0
        count = min(len(data), CAPACITY_BYTES - len(self._out))
        if count:
            piece = memoryview(data)[:count]
            self._out += piece
            if self.tap is not None:
                self.tap.to_host(piece, _now_ms())
            if self.recorder is not None:
                self.recorder.to_host(piece)
            self._fly()
        return count

    # -- the host's end

    def host_write(self, data: Buffer) -> int:
        """Bytes from the host."""
        count = min(len(data), CAPACITY_BYTES - len(self._in))
        if count:
            self._in += memoryview(data)[:count]
            self._fly(to_board=True)
        return count

    def host_take(self, room: memoryview) -> int:
        """Bytes for the host."""
        count = min(len(room), len(self._out))
        room[:count] = memoryview(self._out)[:count]
        self._out = self._out[count:]
        return count

    def host_waits(self) -> bool:
        """Whether there are bytes for the host."""
        return bool(self._out)

    def host_closed(self, host: HostEnd) -> None:
        """The host has given the port back. The board sees silence."""
        if self._host is host:
            self._host = None

    def made_room(self) -> None:
        """The host has read."""
        self._made_room()

    def _made_room(self) -> None:
        if self._refused and len(self._out) < CAPACITY_BYTES:
            self._refused = False
            self._wake()

    def _fly(self, to_board: bool = False) -> None:
        """Both directions land together after the line's delay: one appointment carries what was said meanwhile."""
        self._wake_due = self._wake_due or to_board
        if self._flying is None and (self._host is not None or to_board):
            self._flying = asyncio.get_running_loop().call_later(DELAY_S, self._land)

    def _land(self) -> None:
        self._flying = None
        if self._wake_due:
            self._wake_due = False
            self._wake()
        if self._host is not None and self._out:
            self._host.readable()

    def _note(self, text: str) -> None:
        if self.recorder is not None:
            self.recorder.note(text)


class HostEnd:
    """A Pipe."""

    def __init__(self, plug: MemoryPlug) -> None:
        self._plug: MemoryPlug | None = plug
        self._url = plug.where
        self._receiver: Receiver | None = None
        self._loss: LinkLost | None = None
        self._full = False

    @property
    def url(self) -> str:
        return self._url

    @property
    def kind(self) -> Kind:
        return "usb-serial"

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return None

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        asyncio.get_running_loop().call_soon(self._tell_loss if self._loss is not None else self.readable)

    def write(self, buffers: Sequence[Buffer]) -> int:
        taken = 0
        for buffer in buffers:
            count = self._plug.host_write(buffer) if self._plug is not None else 0
            taken += count
            if count < len(buffer):
                self._full = True
                break
        return taken

    def resume(self) -> None:
        asyncio.get_running_loop().call_soon(self.readable)

    def close(self) -> None:
        """See Pipe."""
        self._receiver = None
        plug, self._plug = self._plug, None
        if plug is not None:
            plug.host_closed(self)

    def readable(self) -> None:
        """Bytes have come."""
        while self._receiver is not None and self._plug is not None and self._plug.host_waits():
            room = self._receiver.space()
            if not len(room):
                break
            count = self._plug.host_take(room)
            plug = self._plug
            self._receiver.filled(count)
            plug.made_room()
        if self._receiver is not None:
            self._receiver.turn_over()

    def room(self) -> None:
        """The board has read."""
        if self._full:
            self._full = False
            asyncio.get_running_loop().call_soon(self._turn)

    def lose(self, reason: str) -> None:
        """The device has gone."""
        self._plug = None
        if self._loss is None:
            self._loss = link_lost(self._url, reason)
            asyncio.get_running_loop().call_soon(self._tell_loss)

    def _turn(self) -> None:
        if self._receiver is not None:
            self._receiver.turn_over()

    def _tell_loss(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and self._loss is not None:
            receiver.lost(self._loss)


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
