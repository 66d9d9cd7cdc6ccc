"""A small seeded fuzzer without coverage: mutates known inputs. The same seed gives the same inputs everywhere.

It finds less than atheris in the same time, and it needs nothing: so it runs in the tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

INPUT_BYTES_MAX: Final = 8192
MUTATIONS_MAX: Final = 6
INTERESTING: Final = (0, 1, 2, 3, 4, 15, 16, 0x7F, 0x80, 0xFE, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0xFFFF)
INTERESTING_LONG: Final = (
    0,
    1,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 20,
    (1 << 20) + 1,
    1 << 22,
    1 << 62,
    (1 << 64) - 1,
)


class Broken(Exception):
    """A target's invariant does not hold for ``data``."""

    def __init__(self, data: bytes, fault: Exception) -> None:
        super().__init__(f"{type(fault).__name__}: {fault}; the input, in hexadecimal: {data.hex()}")
        self.data = data


def inputs(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """The seeds themselves, and then mutations of them without end."""
    yield from seeds
    yield b""
    source = random.Random(seed)
    while True:
        data = bytearray(source.choice(seeds) if seeds and source.random() < 0.95 else source.randbytes(64))
        for _ in range(source.randrange(MUTATIONS_MAX) + 1):
            data = source.choice(MUTATIONS)(source, data, seeds)
        yield bytes(data[:INPUT_BYTES_MAX])


def run(target: Callable[[bytes], None], data: bytes) -> None:
    """Give one input to a target; Broken if anything at all is raised."""
    try:
        target(data)
    except Exception as fault:  # whatever a target raises is what is looked for
        raise Broken(data, fault) from fault


def _flip(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    if data:
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
    return data


def _set(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    if data:
        data[source.randrange(len(data))] = source.choice(INTERESTING) & 0xFF
    return data


def _set_number(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    size = source.choice((2, 4, 8))
    if len(data) >= size:
        at = source.randrange(len(data) - size + 1)
        value = source.choice(INTERESTING if size == 2 else INTERESTING_LONG) & ((1 << 8 * size) - 1)
        data[at : at + size] = value.to_bytes(size, source.choice(("little", "big")))
    return data


def _cut(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    start, end = _slice(source, data)
    return data[:start] + data[end:]


def _end(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    return data[: source.randrange(len(data) + 1)]


def _double(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    start, end = _slice(source, data)
    return data[:end] + data[start:]


def _insert(source: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.randbytes(source.randrange(1, 9)) + data[at:]


def _splice(source: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    other = source.choice(seeds) if seeds else b""
    start, end = _slice(source, bytearray(other))
    at = source.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _join(source: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    return data + (source.choice(seeds)[1:] if seeds else b"")


def _slice(source: random.Random, data: bytearray) -> tuple[int, int]:
    first, second = source.randrange(len(data) + 1), source.randrange(len(data) + 1)
    return min(first, second), max(first, second)


MUTATIONS: Final = (_flip, _flip, _set, _set_number, _cut, _end, _double, _insert, _splice, _join)
