"""An RFID reader of the emulated bench: its bytes behind a port, its place on the USB tree, and the hand with a badge.

Law: what a person sees of a reader and can do to it. The bytes are in ``reader_twn4`` and ``reader_ascii``, what can be
wrong with it in ``reader_faults``, with its cable in ``line``. It lives of its port: what leaves the bus starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from host_tools.emulator.errors import BenchError
from host_tools.emulator.line import FaultyLine
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.reader_ascii import REPEAT_MS, EmulatedAsciiReader
from host_tools.emulator.reader_faults import ReaderFaults
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.emulator.usb_layout import UsbIdentity
from host_tools.emulator.usb_ports import Socket

ReaderKind = Literal["twn4", "twn4-binary", "twn4-keyboard", "ascii125k", "ascii125k-long"]
READ_BYTES = 1_024
UID_BYTES_MAX = 10  # of ISO 14443 A
EM4100_BYTES = 5
SEARCH_S = 0.04  # for which a TWN4 looks for a badge, and says nothing else: the least that real ones take (to 0.14 s)
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
        seed: int,
    ) -> None:
        self.name = name
        self.kind: ReaderKind = kind
        self.has_port = _KINDS[kind].has_port
        self.plug = make_plug(self._step)
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self.line = FaultyLine(self.plug, f"{seed}", self._loop.time, self._wake_in)
        self.faults = ReaderFaults(f"{seed}")
        self._out = b""
        self._busy_until_s = 0.0  # looking for a badge
        self._timers: set[asyncio.TimerHandle] = set()
        self._chat: asyncio.TimerHandle | None = None  # when it says something by itself
        self._line_timer: asyncio.TimerHandle | None = None
        self._hand: asyncio.TimerHandle | None = None  # that takes a badge away
        self._forgotten = False  # the hand is gone, and the badge stays in the field
        binary = kind == "twn4-binary"
        self._twn4 = EmulatedTwn4(now_ms, binary, with_crc=binary, feels=self.faults.feels)
        self._ascii = EmulatedAsciiReader(kind == "ascii125k-long", self.faults.feels)

    def socket(self) -> Socket:
        """How it is plugged in."""
        about = _KINDS[self.kind]
        identity = UsbIdentity(about.vid, about.pid, about.manufacturer, about.product, "")
        return Socket(self.name, identity, 12, self.plug.name if about.has_port else "", self._come, self._leave)

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
        self._forgotten = False
        self._hand = self._after(seconds, self._take_away)
        self._step()

    def is_bridged(self) -> bool:
        """Whether its UART is behind a USB bridge, and not a USB port of its own."""
        return self._is_ascii()

    def wake(self) -> None:
        """Bytes have come by another way than the terminal, or can go there."""
        self._step()

    def set_fault(self, kind: str) -> None:
        """See reader_faults.KINDS."""
        self.faults.on.add(kind)
        self._step()

    def clear_fault(self, kind: str) -> None:
        """No more. A badge that only the fault had kept in the field is gone."""
        self.faults.on.discard(kind)
        if kind == "stuck" and self._forgotten:
            self._take_away()
        self._step()

    def stop(self) -> None:
        """The bench is taken down."""
        for timer in (*self._timers, self._chat, self._line_timer):
            if timer is not None:
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

    def _come(self) -> None:
        self._twn4.restart()
        if self.has_port:
            self.plug.put_in()

    def _leave(self) -> None:
        self._out = b""
        self._twn4.restart()
        self.plug.pull_out()
        self.line.forget()

    def _take_away(self) -> None:
        self._forgotten = "stuck" in self.faults.on
        if not self._forgotten:
            self._twn4.take_away()
            self._ascii.take_away()

    def _step(self) -> None:
        if not self.line.is_open():
            return
        buffer = bytearray(READ_BYTES)
        count = self.line.read_into(buffer)
        searches, now_s = self._twn4.searches, self._loop.time()
        said = self._chatter() if self._is_ascii() else self._twn4.feed(bytes(buffer[:count]))
        self._busy_until_s = max(self._busy_until_s, now_s) + SEARCH_S * (self._twn4.searches - searches)
        late_s = self._busy_until_s - now_s + self.faults.delay_s()
        if late_s and said:
            self._after(late_s, lambda: self._say(said))
        else:
            self._say(said)

    def _chatter(self) -> bytes:
        """What it says by itself. Out of its mind it does not stop, badge or not."""
        raves = "garbage" in self.faults.on
        said = self._ascii.says(self._now_ms())
        if self._chat is not None or not (raves or self._ascii.has_more()):
            return said
        self._chat = self._loop.call_later(REPEAT_MS / 1000, self._chat_on)
        return said or (self.faults.noise() if raves else b"")

    def _chat_on(self) -> None:
        self._chat = None
        self._step()

    def _say(self, said: bytes) -> None:
        if not self.line.is_open():
            return
        self._out += self.faults.spoils(said)
        self._out = self._out[self.line.write(self._out) :] if self._out else b""
        self.line.want_write(bool(self._out))

    def _is_ascii(self) -> bool:
        return self.kind in ("ascii125k", "ascii125k-long")

    def _wake_in(self, delay_s: float) -> None:
        if self._line_timer is not None:
            self._line_timer.cancel()
        self._line_timer = self._loop.call_later(delay_s, self._step)

    def _after(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        self._timers = {each for each in self._timers if each.when() > self._loop.time()}
        timer = self._loop.call_later(seconds, act)
        self._timers.add(timer)
        return timer
