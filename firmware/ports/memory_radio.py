"""Radios in memory that all hear each other, at a strength that their test chooses."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.radio import Heard, Radio, check_message

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

QUEUE_MAX = 64  # what a listener keeps that nobody asks; later ones are lost


class MemoryAir:
    """What radios share. ``loss_db``: taken from a sender's power on the way to every listener."""

    def __init__(self, loss_db: int = 60) -> None:
        self.loss_db = loss_db
        self.radios: "list[MemoryRadio]" = []

    def radio(self) -> "MemoryRadio":
        """One more."""
        made = MemoryRadio(self)
        self.radios.append(made)
        return made

    def repeat(self) -> None:
        """Everybody who broadcasts is heard once more."""
        for radio in self.radios:
            if radio.message is not None:
                self.carry(radio, radio.message, radio.power_dbm)

    def carry(self, sender: "MemoryRadio | None", data: bytes, power_dbm: int) -> None:
        """Something is sent once; without a sender, by a stranger."""
        for radio in self.radios:
            if radio is not sender:
                radio.hear(Heard(data, power_dbm - self.loss_db))


class MemoryRadio(Radio):
    """``message``: what it repeats, None for nothing."""

    def __init__(self, air: MemoryAir) -> None:
        self.message: "bytes | None" = None
        self.power_dbm = 0
        self.listening = False
        self._air = air
        self._heard: "list[Heard]" = []

    def power_for(self, wanted_dbm: int) -> int:
        """See Radio."""
        return wanted_dbm

    def broadcast(self, data: "Buffer", power_dbm: int) -> None:
        """See Radio."""
        self.message, self.power_dbm = check_message(data, power_dbm), power_dbm
        self._air.carry(self, self.message, power_dbm)

    def be_silent(self) -> None:
        """See Radio."""
        self.message = None

    def listen(self, on: bool) -> None:
        """See Radio."""
        if on != self.listening:
            self.listening = on
            self._heard = []

    def receive(self) -> "Heard | None":
        """See Radio."""
        return self._heard.pop(0) if self._heard else None

    def hear(self, heard: Heard) -> None:
        """Something has arrived."""
        if self.listening and len(self._heard) < QUEUE_MAX:
            self._heard.append(heard)
