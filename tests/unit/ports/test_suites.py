"""Every in-memory port passes the suite of its port."""

from collections.abc import Callable
from typing import Any

import pytest

from firmware.ports import (
    adc_suite,
    clock_suite,
    entropy_suite,
    files_suite,
    i2c_suite,
    pins_suite,
    radio_suite,
    sensor_suite,
    stream_suite,
    watchdog_suite,
)
from firmware.ports.clock import Clock
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.lossy_radio import LossyRadio
from firmware.ports.lossy_stream import LossyStream
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from firmware.ports.memory_pins import MemoryPins
from firmware.ports.memory_radio import MemoryAir
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.memory_stream import MemoryStream, stream_pair
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.ports.power_cut_files import PowerCutFiles
from firmware.ports.radio import Radio
from firmware.ports.stream import Stream
from firmware.ports.subtree_files import SubtreeFiles

Case = Callable[..., None]

FILES = {
    "memory": MemoryFiles,
    "limited": lambda: LimitedFiles(MemoryFiles(), 8 << 20),
    "power-cut": lambda: PowerCutFiles(MemoryFiles()),
    "subtree": lambda: subtree(MemoryFiles()),
}
FILES_OF = {
    "memory": MemoryFiles,
    "limited": lambda capacity_bytes: LimitedFiles(MemoryFiles(), capacity_bytes),
}


def subtree(files: MemoryFiles) -> SubtreeFiles:
    files.make_folder("below")
    return SubtreeFiles(files, "below")


def named(cases: tuple[Case, ...]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.__name__ for case in cases])


@pytest.mark.parametrize("kind", FILES)
@named(files_suite.CASES)
def test_files(kind: str, case: Case) -> None:
    case(FILES[kind])


@pytest.mark.parametrize("kind", FILES_OF)
@named(files_suite.CAPACITY_CASES)
def test_files_of_limited_size(kind: str, case: Case) -> None:
    case(FILES_OF[kind])


@named(clock_suite.CASES)
def test_clock(case: Case) -> None:
    case(ManualClock)


@named(entropy_suite.CASES)
def test_entropy(case: Case) -> None:
    case(lambda: SeededEntropy(1))


@pytest.mark.parametrize("capacity_bytes", [3, 100, 65536])
@named(stream_suite.CASES)
def test_stream(case: Case, capacity_bytes: int) -> None:
    def new_pair() -> tuple[MemoryStream, MemoryStream]:
        return stream_pair(capacity_bytes)

    case(new_pair)


@named(stream_suite.CASES)
def test_lossy_stream_without_losses(case: Case) -> None:
    def new_pair() -> tuple[Stream, Stream]:
        first, second = stream_pair()
        return LossyStream(first, 1), LossyStream(second, 2)

    case(new_pair)


@named(pins_suite.CASES)
def test_pins(case: Case) -> None:
    case(lambda button, lamp: MemoryPins((button,), (lamp,)))


@named(adc_suite.CASES)
def test_adc(case: Case) -> None:
    case(lambda name, microvolts: MemoryAdc({name: microvolts}))


@named(i2c_suite.CASES)
def test_i2c(case: Case) -> None:
    case(lambda address, width, values: MemoryI2c({address: RegisterMap(width, values)}))


@pytest.mark.parametrize("drop_percent", [0, 50])
@named(radio_suite.CASES)
def test_radio(drop_percent: int, case: Case) -> None:
    def new_pair() -> tuple[Radio, Radio, Callable[[], None]]:
        air = MemoryAir()
        return air.radio(), LossyRadio(air.radio(), 5, drop_percent, 0, 20), air.repeat

    case(new_pair)


@named(radio_suite.CASES)
def test_radio_in_memory(case: Case) -> None:
    def new_pair() -> tuple[Radio, Radio, Callable[[], None]]:
        air = MemoryAir()
        return air.radio(), air.radio(), air.repeat

    case(new_pair)


def test_a_bad_place_loses_garbles_and_repeats_as_often_as_it_is_told() -> None:
    air = MemoryAir()
    sender, place = air.radio(), LossyRadio(air.radio(), 3, 30, 40, 50)
    place.listen(True)
    found: list[bytes] = []
    for _ in range(1_000):
        sender.broadcast(b"message", 0)
        while (heard := place.receive()) is not None:
            found.append(heard.data)
    assert 950 < len(found) < 1_150, "seven tenths arrive, half of them twice"
    assert 0.35 < sum(data != b"message" for data in found) / len(found) < 0.45


@named(watchdog_suite.CASES)
def test_watchdog(case: Case) -> None:
    def new_watchdog(timeout_ms: int) -> tuple[MemoryWatchdog, Callable[[int], None], Callable[[], bool]]:
        clock = ManualClock()
        watchdog = MemoryWatchdog(clock, timeout_ms)
        return watchdog, clock.advance, watchdog.has_reset

    case(new_watchdog)


@named(sensor_suite.CASES)
def test_sensor(case: Case) -> None:
    def new_sensor() -> tuple[MemorySensor, Callable[[int], None]]:
        clock = ManualClock()
        return MemorySensor(clock, 1), clock.advance

    case(new_sensor)


def test_wall_time_passes_with_monotonic_time() -> None:
    clock: Clock = ManualClock(5000)
    clock.set_wall(1_750_000_000_000, 2, 40)
    assert isinstance(clock, ManualClock)
    clock.advance(1500)
    assert clock.now_ms() == 6500
    assert clock.wall() == (1_750_000_001_500, 2, 40)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)
