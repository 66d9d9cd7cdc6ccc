"""A bad cable is bad in the stated way and at the stated rate, and the same way again for the same seed."""

import pytest

from firmware.ports.lossy_stream import RUN_BYTES_MAX, LossyStream
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_stream import stream_pair

SENT = SeededEntropy("sent").random_bytes(200_000)


def through(lossy_seed: int, drop_ppm: int = 0, flip_ppm: int = 0, duplicate_ppm: int = 0) -> tuple[bytes, LossyStream]:
    first, second = stream_pair()
    lossy = LossyStream(second, lossy_seed, drop_ppm, flip_ppm, duplicate_ppm)
    arrived = bytearray()
    buffer = bytearray(777)
    for start in range(0, len(SENT), 5000):
        assert first.write(SENT[start : start + 5000]) == 5000
        while count := lossy.read_into(buffer):
            arrived += buffer[:count]
    return bytes(arrived), lossy


def test_a_rate_of_zero_changes_nothing() -> None:
    arrived, lossy = through(1)
    assert arrived == SENT
    assert (lossy.dropped, lossy.flipped, lossy.duplicated) == (0, 0, 0)


def test_drops_shorten() -> None:
    arrived, lossy = through(2, drop_ppm=1000)
    assert 100 < lossy.dropped < 400
    assert lossy.dropped <= len(SENT) - len(arrived) <= lossy.dropped * RUN_BYTES_MAX


def test_duplicates_lengthen() -> None:
    arrived, lossy = through(3, duplicate_ppm=1000)
    assert 100 < lossy.duplicated < 400
    assert lossy.duplicated <= len(arrived) - len(SENT) <= lossy.duplicated * RUN_BYTES_MAX


def test_flips_change_one_bit_each() -> None:
    arrived, lossy = through(4, flip_ppm=1000)
    assert len(arrived) == len(SENT)
    assert 100 < lossy.flipped < 400
    assert sum((a ^ b).bit_count() for a, b in zip(arrived, SENT, strict=True)) == lossy.flipped


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_repeats_the_faults(seed: int) -> None:
    assert through(seed, 500, 500, 500)[0] == through(seed, 500, 500, 500)[0]
    assert through(seed, 500, 500, 500)[0] != through(seed + 1, 500, 500, 500)[0]
