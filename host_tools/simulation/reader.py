"""RFID readers on a desk, on virtual time: the emulated TWN4 of the bench behind a serial line of ten bits a byte.

Law: the reader speaks its real bytes (``emulator.reader_twn4``); the line takes its time both ways, and the reader its
own for a search. Times of a search are assumptions until a reader of flesh and blood has been measured; they are named.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from host_tools.controller.readers import Found, ReaderFinder
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.simulation.loop import VirtualLoop
from host_tools.transports.pipe import Buffer, Kind, Receiver
from host_tools.transports.registry import Registry

SCHEME = "simreader"
BITS_PER_BYTE = 10  # start, eight, stop
BAUD_RATE = 9_600  # of a TWN4 on its serial port; over USB it is faster
SEARCH_EMPTY_US = 100_000  # all technologies are tried in turn, and none answers
SEARCH_FOUND_US = (20_000, 80_000)  # depending on whose turn it was
COMMAND_US = 1_000
SEARCH = b"0500"  # how a search begins, in the form that readers are delivered with
US_PER_S = 1_000_000
ISO14443A = 0x80


class SimReader:
    """One reader, and the hand that holds badges to it."""

    def __init__(self, loop: VirtualLoop, name: str, place: str = "", seed: int = 0) -> None:
        self.url = f"twn4://{SCHEME}%3A%2F%2F{name}?form=ascii"
        self.port = f"{SCHEME}://{name}"
        self.place = place
        self.emulated = EmulatedTwn4(lambda: loop.bench.now_us // 1_000)
        self.loop = loop
        self.chance = random.Random(f"reader {seed} {name}")

    def hold(self, uid: bytes, seconds: float = 0.5) -> None:
        """Somebody holds a badge to it for so long."""
        self.emulated.hold(ISO14443A, 8 * len(uid), uid)
        held = self.emulated.tag

        def away() -> None:
            if self.emulated.tag is held:
                self.emulated.take_away()

        self.loop.bench.after(round(seconds * US_PER_S), away)


class SimReaders(ReaderFinder):
    """All of them, as a controller finds them."""

    def __init__(self, readers: Sequence[SimReader]) -> None:
        super().__init__((), None, Path())
        self.readers = {reader.port: reader for reader in readers}

    def look(self) -> list[Found]:
        return [Found(reader.url, reader.place, "", "") for reader in self.readers.values()]

    def add_to(self, ports: Registry) -> None:
        """Have their ports opened."""
        ports.add(SCHEME, self._open)

    async def _open(self, url: str) -> UartPipe:
        return UartPipe(self.readers[url])


class UartPipe:
    """A Pipe to one reader."""

    def __init__(self, reader: SimReader) -> None:
        self._reader = reader
        self._receiver: Receiver | None = None
        self._sent_us = 0  # when the line to the reader is free again

    @property
    def url(self) -> str:
        return self._reader.port

    @property
    def kind(self) -> Kind:
        return "uart"

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return BAUD_RATE / BITS_PER_BYTE

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def write(self, buffers: Sequence[Buffer]) -> int:
        data = b"".join(bytes(each) for each in buffers)
        if self._receiver is not None:
            now_us = self._reader.loop.bench.now_us
            self._sent_us = max(self._sent_us, now_us) + _line_us(data)
            self._reader.loop.bench.at(self._sent_us, lambda: self._arrive(data))
        return len(data)

    def resume(self) -> None:
        return

    def close(self) -> None:
        self._receiver = None

    def _arrive(self, data: bytes) -> None:
        """The reader looks when it has the command; what comes into its field later, the next search finds."""
        answer = self._reader.emulated.feed(data)
        if not data.startswith(SEARCH):
            own_us = COMMAND_US
        elif self._reader.emulated.tag is None:
            own_us = SEARCH_EMPTY_US
        else:
            own_us = self._reader.chance.randint(*SEARCH_FOUND_US)
        self._reader.loop.bench.after(own_us + _line_us(answer), lambda: self._give(answer))

    def _give(self, answer: bytes) -> None:
        while self._receiver is not None and answer:
            room = self._receiver.space()
            count = min(len(room), len(answer))
            if not count:
                return
            room[:count] = answer[:count]
            self._receiver.filled(count)
            answer = answer[count:]
        if self._receiver is not None:
            self._receiver.turn_over()


def _line_us(data: bytes) -> int:
    return len(data) * BITS_PER_BYTE * US_PER_S // BAUD_RATE
