"""LSM6DSO: acceleration of three axes, batched in the chip's own FIFO. Its gyroscope stays off: nobody asks it.

Source: STMicroelectronics, LSM6DSO data sheet (DS12140) and application note AN5192: register map, sensitivities, tags
of the FIFO, the free-fall event. The chip keeps the last 512 samples, near five seconds at 104 Hz, and remembers that
all three axes were near zero for a while: so whoever waits for a fall asks one register now and then, and fetches what
led to it only when there was something. A burst from the FIFO's output registers goes round in them by itself.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.drivers.registers import Registers8
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from firmware.ports.i2c import I2c

ADDRESS = 0x6A  # with its address pin low
ADDRESS_HIGH = 0x6B

FIFO_BATCH = 0x09
FIFO_CONTROL = 0x0A
WHO_AM_I = 0x0F
ACCELERATION = 0x10
ROTATION = 0x11
CONTROL = 0x12
WAKE_UP_SOURCE = 0x1B
OUT_ROTATION = 0x22
OUT_ACCELERATION = 0x28
FIFO_STATUS = 0x3A
FIFO_STATUS2 = 0x3B
INTERRUPT_LATCH = 0x56
INTERRUPT_ENABLE = 0x58
WAKE_UP_DURATION = 0x5C
FREE_FALL = 0x5D
FIFO_OUT = 0x78

IDENTITY = 0x6C
SOFT_RESET = 0x01
ADDRESS_COUNTS = 0x04  # register numbers count up within a transfer; so after power on
BLOCK_UPDATE = 0x40  # both bytes of a value are of one sample
RATE_104_HZ = 0x4
RATE_SHIFT = 4
RANGE_16_G = 0x1 << 2
FIFO_CONTINUOUS = 0x06
FIFO_OFF = 0x00
LATCHED_UNTIL_READ = 0x41
EVENTS_ON = 0x80
FREE_FALL_SEEN = 0x20
FREE_FALL_MG = (156, 219, 250, 312, 344, 406, 469, 500)  # by the lowest three bits: every axis is below it
DURATION_SHIFT = 3
COUNT_HIGH_MASK = 0x03
TAG_SHIFT = 3
TAG_ROTATION = 0x01
TAG_ACCELERATION = 0x02

RATE_HZ = 104
STEP_UG_16_G = 488
FIFO_WORDS = 512
WORD_BYTES = 7
RESET_READS_MAX = 10  # the chip needs 50 us, which is one transfer of a fast bus

# Wider than any detector would have it (all axes below 0.5 g is implied by a sum below 0.5 g) and shorter: 6 samples.
_FREE_FALL = 6 << DURATION_SHIFT | FREE_FALL_MG.index(500)


class Lsm6dso:
    """A motion sensor on its bus."""

    def __init__(self, bus: "I2c", address: int = ADDRESS) -> None:
        self._registers = Registers8(bus, address, "LSM6DSO")
        self._bus = bus
        self._address = address

    @property
    def label(self) -> str:
        """Part and address, for faults."""
        return self._registers.label

    def start(self) -> None:
        """Measure from now on: 104 Hz, 16 g either way, the newest kept. PortFault if it is another part."""
        registers = self._registers
        part = registers.read(WHO_AM_I)
        if part != IDENTITY:
            raise PortFault("%s: register 0x0f is 0x%02x, so this is another part" % (registers.label, part))
        self._reset()
        registers.write(CONTROL, BLOCK_UPDATE | ADDRESS_COUNTS)
        registers.write(FREE_FALL, _FREE_FALL)
        registers.write(WAKE_UP_DURATION, 0)
        registers.write(INTERRUPT_LATCH, LATCHED_UNTIL_READ)
        registers.write(INTERRUPT_ENABLE, EVENTS_ON)
        registers.write(FIFO_BATCH, RATE_104_HZ)
        registers.write(FIFO_CONTROL, FIFO_CONTINUOUS)
        registers.write(ACCELERATION, RATE_104_HZ << RATE_SHIFT | RANGE_16_G)

    def stop(self) -> None:
        """Sleep: a few microamperes. What is in the FIFO is gone."""
        self._registers.write(ACCELERATION, 0)
        self._registers.write(FIFO_CONTROL, FIFO_OFF)

    def was_weightless(self) -> bool:
        """Whether it has been near free fall since the last question."""
        return bool(self._registers.read(WAKE_UP_SOURCE) & FREE_FALL_SEEN)

    def waiting(self) -> int:
        """How many words are in the FIFO. A full one may have lost older ones."""
        low, high = self._bus.read(self._address, FIFO_STATUS, 2)
        return low | (high & COUNT_HIGH_MASK) << 8

    def read(self, count: int) -> "list[tuple[int, int, int]]":
        """The oldest ``count`` words of the FIFO as accelerations in thousandths of g, x, y, z. What is no acceleration
        is left out. No more than ``waiting`` told."""
        data = self._bus.read(self._address, FIFO_OUT, count * WORD_BYTES)
        found: "list[tuple[int, int, int]]" = []
        for start in range(0, len(data), WORD_BYTES):
            if data[start] >> TAG_SHIFT == TAG_ACCELERATION:
                found.append((_mg(data, start + 1), _mg(data, start + 3), _mg(data, start + 5)))
        return found

    def _reset(self) -> None:
        self._registers.write(CONTROL, SOFT_RESET)
        for _ in range(RESET_READS_MAX):
            if not self._registers.read(CONTROL) & SOFT_RESET:
                return
        raise PortFault("%s: it does not come out of its reset" % self._registers.label)


def _mg(data: bytes, at: int) -> int:
    """A value of the chip, least significant byte first."""
    steps = data[at] | data[at + 1] << 8
    return (steps - 0x10000 if steps & 0x8000 else steps) * STEP_UG_16_G // 1000
