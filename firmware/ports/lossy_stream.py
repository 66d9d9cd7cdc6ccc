"""A bad cable: a wrapper around any stream that loses, garbles and repeats bytes, the same ones for the same seed."""

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.stream import Stream

RUN_BYTES_MAX = 24  # a fault hits 1 to this many bytes: from one bit to a whole frame header
READ_BYTES_MAX = 4096  # taken from the stream below at once; bounds what a repetition makes wait

PPM = 1000000
_DROP = 0
_FLIP = 1
_DUPLICATE = 2


class LossyStream(Stream):
    """Damages what is read; what is written goes as it is, so wrap the other end too for faults both ways.

    Rates are faults per million bytes read; a fault falls on a run of 1 to RUN_BYTES_MAX bytes. ``dropped``,
    ``flipped`` and ``duplicated`` count the faults so far.
    """

    def __init__(self, stream: Stream, seed: int, drop_ppm: int = 0, flip_ppm: int = 0, duplicate_ppm: int = 0) -> None:
        self.dropped = 0
        self.flipped = 0
        self.duplicated = 0
        self._stream = stream
        self._entropy = SeededEntropy(seed)
        self._ppms = (drop_ppm, flip_ppm, duplicate_ppm)
        self._waiting = bytearray()
        self._scratch = bytearray(READ_BYTES_MAX)
        self._gap_bytes = self._draw_gap()

    def is_open(self) -> bool:
        """See Stream."""
        return self._stream.is_open()

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream."""
        while not self._waiting:
            count = self._stream.read_into(self._scratch)
            if count == 0:
                return 0
            self._damage(memoryview(self._scratch)[:count])
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = memoryview(self._waiting)[:count]
        self._waiting = self._waiting[count:]
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """See Stream."""
        return self._stream.write(data)

    def _damage(self, data: memoryview) -> None:
        """Append ``data`` with the faults that are due in it."""
        while self._gap_bytes < len(data):
            self._waiting += data[: self._gap_bytes]
            run = data[self._gap_bytes : self._gap_bytes + 1 + self._entropy.below(RUN_BYTES_MAX)]
            data = data[self._gap_bytes + len(run) :]
            self._fault(run)
            self._gap_bytes = self._draw_gap()
        self._waiting += data
        self._gap_bytes -= len(data)

    def _fault(self, run: memoryview) -> None:
        kind = self._draw_kind()
        if kind == _DROP:
            self.dropped += 1
        elif kind == _FLIP:
            self.flipped += 1
            garbled = bytearray(run)
            garbled[self._entropy.below(len(garbled))] ^= 1 << self._entropy.below(8)
            self._waiting += garbled
        else:
            self.duplicated += 1
            self._waiting += run
            self._waiting += run

    def _draw_gap(self) -> int:
        """Good bytes before the next fault: evenly between 0 and twice the mean."""
        ppm = sum(self._ppms)
        if ppm == 0:
            return 1 << 62
        return self._entropy.below(2 * PPM // ppm + 1)

    def _draw_kind(self) -> int:
        drawn = self._entropy.below(sum(self._ppms))
        if drawn < self._ppms[_DROP]:
            return _DROP
        return _FLIP if drawn < self._ppms[_DROP] + self._ppms[_FLIP] else _DUPLICATE
