"""An RFID reader of the emulated bench: its bytes behind a port, its place on the USB tree, and the hand with a badge.

Law: what a person sees of a reader and can do to it. The bytes are in ``reader_twn4`` and ``reader_ascii``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from host_tools.emulator.errors import BenchError
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.reader_ascii import REPEAT_MS, EmulatedAsciiReader
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.emulator.usb_layout import UsbIdentity
from host_tools.emulator.usb_ports import Socket

ReaderKind = Literal["twn4", "twn4-binary", "twn4-keyboard", "ascii125k", "ascii125k-long"]
READ_BYTES = 1_024
UID_BYTES_MAX = 10  # of ISO 14443 A
EM4100_BYTES = 5
HOLD_S = 0.6  # as long as people hold a badge to a reader
EM4102, ISO14443A = 0x40, 0x80
GREEN, RED, YELLOW = 2, 1, 4


class _Kind(NamedTuple):
    """What shows itself on the USB tree. ``has_port``: a reader that acts as a keyboard has none."""

    vid: int
    pid: int
    manufacturer: str
    product: str
    has_port: bool


# A TWN4 has no serial number in its USB descriptors as it is delivered; 125 kHz boards sit behind a common chip.
_KINDS: dict[ReaderKind, _Kind] = {
    "twn4": _Kind(0x09D8, 0x0420, "Elatec", "", True),
    "twn4-binary": _Kind(0x09D8, 0x0420, "Elatec", "", True),
    "twn4-keyboard": _Kind(0x09D8, 0x0410, "Elatec", "", False),
    "ascii125k": _Kind(0x10C4, 0xEA60, "Silicon Labs", "CP2102 USB to UART Bridge Controller", True),
    "ascii125k-long": _Kind(0x10C4, 0xEA60, "Silicon Labs", "CP2102 USB to UART Bridge Controller", True),
}


class ReaderWorld:
    """``make_plug``: makes its end of a cable, from what is called when bytes have come; ``now_ms``: of the bench."""

    def __init__(
        self,
        name: str,
        kind: ReaderKind,
        make_plug: Callable[[Callable[[], None]], PtyPlug | MemoryPlug],
        now_ms: Callable[[], int],
    ) -> None:
        self.name = name
        self.kind: ReaderKind = kind
        self.plug = make_plug(self._step)
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._out = b""
        self._timers: set[asyncio.TimerHandle] = set()
        self._hand: asyncio.TimerHandle | None = None  # that takes a badge away
        self._twn4 = EmulatedTwn4(now_ms, binary=kind == "twn4-binary", with_crc=kind == "twn4-binary")
        self._ascii = EmulatedAsciiReader(kind == "ascii125k-long")

    def socket(self) -> Socket:
        """How it is plugged in."""
        about = _KINDS[self.kind]
        identity = UsbIdentity(about.vid, about.pid, about.manufacturer, about.product, "")
        up, down = (self.plug.put_in, self.plug.pull_out) if about.has_port else (_nothing, _nothing)
        return Socket(self.name, identity, 12, self.plug.name if about.has_port else "", up, down)

    def hold(self, uid: str, seconds: float = HOLD_S) -> None:
        """A person holds a badge to it. BenchError for what is no badge's number."""
        try:
            number = bytes.fromhex(uid)
        except ValueError as error:
            raise BenchError(f"{uid!r} is no badge's number: write it in hexadecimal") from error
        low = self._is_ascii() or len(number) == EM4100_BYTES
        if not 0 < len(number) <= UID_BYTES_MAX or (self._is_ascii() and len(number) != EM4100_BYTES):
            raise BenchError(f"{self.name} reads no badge of {len(number)} bytes")
        if self._is_ascii():
            self._ascii.hold(number, self._now_ms())
        else:
            self._twn4.hold(EM4102 if low else ISO14443A, 8 * len(number), number)
        if self._hand is not None:  # of somebody who held one here before
            self._hand.cancel()
        self._hand = self._after(seconds, lambda: self._take_away(number))
        self._step()

    def restart(self) -> None:
        """It loses power for a moment."""
        self._twn4.restart()

    def stop(self) -> None:
        """The bench is taken down."""
        for timer in self._timers:
            timer.cancel()

    def state(self) -> dict[str, Any]:
        """What a person sees and hears of it."""
        lamps = self._twn4.lamps
        return {
            "kind": self.kind,
            "port": self.plug.where if self.plug.is_open() else "",
            "lamps": {"green": bool(lamps & GREEN), "red": bool(lamps & RED), "yellow": bool(lamps & YELLOW)},
            "tones": [hertz for hertz, _ms in self._twn4.tones],
        }

    def _take_away(self, number: bytes) -> None:
        if self._twn4.tag is not None and self._twn4.tag[2] == number:
            self._twn4.take_away()
        self._ascii.take_away()

    def _step(self) -> None:
        if not self.plug.is_open():
            return
        buffer = bytearray(READ_BYTES)
        count = self.plug.read_into(buffer)
        if self._is_ascii():
            said = self._ascii.says(self._now_ms())
            if said:
                self._after(REPEAT_MS / 1000, self._step)
        else:
            said = self._twn4.feed(bytes(buffer[:count]))
        self._out += said
        self._out = self._out[self.plug.write(self._out) :] if self._out else b""
        self.plug.want_write(bool(self._out))

    def _is_ascii(self) -> bool:
        return self.kind in ("ascii125k", "ascii125k-long")

    def _after(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        self._timers = {each for each in self._timers if each.when() > self._loop.time()}
        timer = self._loop.call_later(seconds, act)
        self._timers.add(timer)
        return timer


def _nothing() -> None:
    return
