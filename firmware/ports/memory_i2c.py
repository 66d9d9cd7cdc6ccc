"""An I2C bus in memory with chips that are register maps, and the world's hand on the registers."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.i2c import I2c, no_answer

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

BUS_NAME = "i2c in memory"


class RegisterMap:
    """A chip as a datasheet describes it: registers of ``width_bytes``, most significant byte first.

    ``reset``: register -> value after power on; a register that is not in it reads as zero and takes nothing.
    ``read_only``: registers that ignore what is written. ``self_clearing``: register -> bits that are commands and
    read as zero afterwards. ``power_on_bit``: the (register, bits) whose writing resets the chip.
    """

    def __init__(
        self,
        width_bytes: int,
        reset: "dict[int, int]",
        read_only: "tuple[int, ...]" = (),
        self_clearing: "dict[int, int] | None" = None,
        power_on_bit: "tuple[int, int] | None" = None,
    ) -> None:
        self.writes: "list[tuple[int, int]]" = []
        self._width_bytes = width_bytes
        self._mask = (1 << 8 * width_bytes) - 1
        self._reset = dict(reset)
        self._read_only = read_only
        self._self_clearing = self_clearing or {}
        self._power_on_bit = power_on_bit
        self._values: "dict[int, int]" = {}
        self._latched: "dict[int, int]" = {}
        self.power_on()

    def power_on(self) -> None:
        """What a brown-out does: every register is as after power on."""
        self._values = dict(self._reset)
        self._latched = {}

    def peek(self, register: int) -> int:
        """What is in a register, without reading it on the bus."""
        return self._values.get(register, 0)

    def poke(self, register: int, value: int) -> None:
        """What the chip itself does to a register."""
        self._values[register] = value

    def latch(self, register: int, value: int) -> None:
        """Make the next read of a register give ``value``, once: as a fault that has come and gone."""
        self._latched[register] = value

    def read(self, register: int, count: int) -> bytes:
        """What the bus gets: registers one after another."""
        if count == self._width_bytes and not self._latched:
            return (self.peek(register) & self._mask).to_bytes(count, "big")
        data = bytearray()
        while len(data) < count:
            value = self._latched.pop(register, self.peek(register))
            for place in range(self._width_bytes - 1, -1, -1):
                data.append(value >> 8 * place & 0xFF)
            register += 1
        return bytes(data[:count])

    def write(self, register: int, data: "Buffer") -> None:
        """What the bus brings: registers one after another; part of a register is ignored, as chips do."""
        for start in range(0, len(data) - self._width_bytes + 1, self._width_bytes):
            value = int.from_bytes(bytes(data[start : start + self._width_bytes]), "big")
            self._take(register, value)
            register += 1

    def _take(self, register: int, value: int) -> None:
        self.writes.append((register, value))
        if self._power_on_bit is not None and self._power_on_bit[0] == register and value & self._power_on_bit[1]:
            self.power_on()
        elif register in self._reset and register not in self._read_only:
            self._values[register] = value & ~self._self_clearing.get(register, 0)


class MemoryI2c(I2c):
    """``chips``: address -> RegisterMap."""

    def __init__(self, chips: "dict[int, RegisterMap]") -> None:
        self._chips = dict(chips)

    def read(self, address: int, register: int, count: int) -> bytes:
        """See I2c."""
        return self._chip(address).read(register, count)

    def write(self, address: int, register: int, data: "Buffer") -> None:
        """See I2c."""
        self._chip(address).write(register, data)

    def unplug(self, address: int) -> None:
        """The chip loses its power or its wire."""
        self._chips.pop(address, None)

    def plug(self, address: int, chip: RegisterMap) -> None:
        """A chip is there from now on."""
        self._chips[address] = chip

    def _chip(self, address: int) -> RegisterMap:
        chip = self._chips.get(address)
        if chip is None:
            raise no_answer(BUS_NAME, address)
        return chip
