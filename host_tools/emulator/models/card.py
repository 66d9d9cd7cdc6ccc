"""An SD card between the firmware and whatever holds its files: latency, wear, torn sectors, bit rot, no room.

Latency (what a synchronous file operation costs the processor that waits for it):

    write  bytes / 12 MB/s;    read  0.3 ms + bytes / 40 MB/s
    sync   2 ms, and once in 64 syncs a housekeeping pause, log-normal about 60 ms (sigma 0.7), at most 250 ms

Source: SD Physical Layer 3.01, 4.13 (speed class 10: 10 MB/s, a busy time of at most 250 ms); pauses as flashbench and
A1-class cards show them. Error: makes differ by a factor of three; only the order of magnitude is meant.

Wear: fraction = written bytes * amplification / (capacity * cycles), amplification 4 (small appends), 3000 cycles (TLC
cards are given 500 to 3000). Worn out, operations fail with a probability of 10 * (fraction - 1).

Torn sectors: with the fault ``torn`` the card says that it has synced and has not: at the next power cut what its last
CACHE_WRITES writes brought is kept, zeroed or random, sector by sector (512 bytes), as MCUboot's and SQLite's
simulators do it. Error: real cards may also lose whole erase blocks that were written long before; ``tests/crash`` has
those.
"""

from __future__ import annotations

import random
from collections import deque

from firmware.ports.errors import IoFault, NoSpace, ReadOnly
from firmware.ports.files import File, Files

WRITE_BYTES_PER_MS = 12_000
READ_BYTES_PER_MS = 40_000
READ_MS = 0.3
SYNC_MS = 2.0
PAUSE_EVERY_SYNCS = 64
PAUSE_LOG_MS, PAUSE_SIGMA, PAUSE_MS_MAX = 4.09, 0.7, 250.0  # e^4.09 is 60
SLOW_FACTOR = 200.0  # a dying card: 0.4 s a sync
AMPLIFICATION = 4.0
CYCLES = 3_000
SECTOR_BYTES = 512
CACHE_WRITES = 6
ROT_EVERY_SECTORS = 64  # with bit rot, so many sectors on average have one wrong bit
FAILS_ONE_IN = 5  # operations of an intermittent card
KINDS = ("off", "stuck", "wrong", "slow", "intermittent", "torn", "bitflip", "garbage")


class Card(Files):
    """``capacity_bytes``: for wear. ``busy_ms``: see ``take_busy_ms``."""

    def __init__(self, files: Files, capacity_bytes: int, seed: str) -> None:
        self.faults: set[str] = set()
        self.written_bytes = 0
        self.files = files
        self._capacity_bytes = capacity_bytes
        self._seed = seed
        self._random = random.Random(f"card {seed}")
        self._busy_ms = 0.0
        self._cache: deque[tuple[str, int, int]] = deque(maxlen=CACHE_WRITES)  # path, offset, length written last

    def set_fault(self, kind: str) -> None:
        """From now on. KINDS."""
        self.faults.add(kind)

    def clear_fault(self, kind: str) -> None:
        """No more."""
        self.faults.discard(kind)

    def take_busy_ms(self) -> float:
        """How long the operations since the last call keep the processor waiting."""
        busy_ms, self._busy_ms = self._busy_ms, 0.0
        return busy_ms

    def wear(self) -> float:
        """Fraction of its life that is used up; above 1 it fails."""
        return self.written_bytes * AMPLIFICATION / (self._capacity_bytes * CYCLES)

    def power_cut(self) -> None:
        """The board has lost its power: with the fault ``torn``, what was written last is torn now."""
        for path, offset, length in self._cache if "torn" in self.faults else ():
            if self.files.exists(path):
                self._tear(path, offset, length)
        self._cache.clear()

    # -- the port

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        self.changing("create", path)
        return _CardFile(self, path, self.files.create(path, reserve_bytes))

    def open(self, path: str, writable: bool = False) -> File:
        self.reading("open", path, 0)
        return _CardFile(self, path, self.files.open(path, writable))

    def rename(self, old_path: str, new_path: str) -> None:
        self.changing("rename", old_path, frees=True)
        self.files.rename(old_path, new_path)
        moved = [(new_path if path == old_path else path, at, size) for path, at, size in self._cache]
        self._cache.clear()
        self._cache.extend(moved)

    def remove(self, path: str) -> None:
        self.changing("remove", path, frees=True)
        self.files.remove(path)

    def make_folder(self, path: str) -> None:
        self.changing("make_folder", path)
        self.files.make_folder(path)

    def remove_folder(self, path: str) -> None:
        self.changing("remove_folder", path, frees=True)
        self.files.remove_folder(path)

    def list_folder(self, path: str) -> list[str]:
        self.reading("list_folder", path, 0)
        return self.files.list_folder(path)

    def exists(self, path: str) -> bool:
        self.reading("exists", path, 0)
        return self.files.exists(path)

    def sync_folder(self, path: str) -> None:
        self.changing("sync_folder", path, frees=True)
        self.cost_sync()
        self.files.sync_folder(path)

    def total_bytes(self) -> int:
        self._check("total_bytes", "the card")
        return self.files.total_bytes()

    def free_bytes(self) -> int:
        self._check("free_bytes", "the card")
        return 0 if "wrong" in self.faults else self.files.free_bytes()

    # -- for its open files

    def changing(self, operation: str, path: str, frees: bool = False) -> None:
        """Before a change. IoFault, ReadOnly, NoSpace as the card's faults have it."""
        self._check(operation, path)
        if "stuck" in self.faults:
            raise ReadOnly(f"{path}: {operation}: the card has locked itself against writing")
        if "wrong" in self.faults and not frees:
            raise NoSpace(f"{path}: {operation}: the card is full")

    def reading(self, operation: str, path: str, count_bytes: int) -> None:
        """Before a read."""
        self._check(operation, path)
        self._busy(READ_MS + count_bytes / READ_BYTES_PER_MS)

    def wrote(self, path: str, offset: int, count_bytes: int) -> None:
        """After a write."""
        self.written_bytes += count_bytes
        self._busy(count_bytes / WRITE_BYTES_PER_MS)
        self._cache.append((path, offset, count_bytes))

    def cost_sync(self) -> None:
        """A sync takes its time."""
        pause_ms = 0.0
        if self._random.randrange(PAUSE_EVERY_SYNCS) == 0:
            pause_ms = min(self._random.lognormvariate(PAUSE_LOG_MS, PAUSE_SIGMA), PAUSE_MS_MAX)
        self._busy(SYNC_MS, pause_ms)

    def spoil(self, path: str, offset: int, data: memoryview) -> None:
        """What a worn cell makes of what is read: the same each time."""
        if "garbage" in self.faults or "bitflip" in self.faults:
            for start in range(0, len(data), SECTOR_BYTES):
                self._spoil_sector(path, (offset + start) // SECTOR_BYTES, data[start : start + SECTOR_BYTES])

    def _spoil_sector(self, path: str, sector: int, data: memoryview) -> None:
        chance = random.Random(f"{self._seed} {path} {sector}")
        if "garbage" in self.faults:
            data[:] = chance.randbytes(len(data))
        elif chance.randrange(ROT_EVERY_SECTORS) == 0 and len(data):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)

    def _check(self, operation: str, path: str) -> None:
        if "off" in self.faults:
            raise IoFault(f"{path}: {operation}: no card answers")
        if "intermittent" in self.faults and self._random.randrange(FAILS_ONE_IN) == 0:
            raise IoFault(f"{path}: {operation}: the card did not answer in time")
        worn = self.wear()
        if worn > 1 and self._random.random() < 10 * (worn - 1):
            raise IoFault(f"{path}: {operation}: the card is worn out")

    def _busy(self, cost_ms: float, pause_ms: float = 0.0) -> None:
        self._busy_ms += pause_ms + (cost_ms * SLOW_FACTOR if "slow" in self.faults else cost_ms)

    def _tear(self, path: str, offset: int, length: int) -> None:
        file = self.files.open(path, writable=True)
        for start in range(offset, offset + length, SECTOR_BYTES):
            count = min(SECTOR_BYTES, offset + length - start)
            fate = self._random.randrange(3)
            if fate:
                file.write_at(start, bytes(count) if fate == 1 else self._random.randbytes(count))
        file.sync()
        file.close()


class _CardFile(File):
    """An open file of a card."""

    def __init__(self, card: Card, path: str, file: File) -> None:
        self._card = card
        self._path = path
        self._file = file

    def read_at(self, offset_bytes: int, buffer: bytearray | memoryview) -> int:
        self._card.reading("read", self._path, len(buffer))
        count = self._file.read_at(offset_bytes, buffer)
        if self._card.faults:
            self._card.spoil(self._path, offset_bytes, memoryview(buffer)[:count])
        return count

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        self._card.changing("write", self._path)
        self._file.write_at(offset_bytes, data)
        self._card.wrote(self._path, offset_bytes, len(data))

    def size_bytes(self) -> int:
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        self._card.changing("truncate", self._path, frees=True)
        self._file.truncate(size_bytes)

    def sync(self) -> None:
        self._card.changing("sync", self._path, frees=True)
        self._card.cost_sync()
        self._file.sync()

    def close(self) -> None:
        self._file.close()
