"""The suites and the in-memory ports under MicroPython: the same cases pass, and a seed gives the same bytes."""

from pathlib import Path

from firmware.ports.lossy_stream import LossyStream
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_stream import stream_pair
from tests.house import micropython
from tests.house.tree import ROOT

RUN_SUITES = """
from firmware.ports import adc_suite, clock_suite, entropy_suite, files_suite, i2c_suite
from firmware.ports import pins_suite, sensor_suite, stream_suite, watchdog_suite
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.lossy_stream import LossyStream
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from firmware.ports.memory_pins import MemoryPins
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.memory_stream import stream_pair
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.ports.power_cut_files import PowerCutFiles


def new_lossy_pair():
    first, second = stream_pair()
    return LossyStream(first, 1), LossyStream(second, 2)


def new_watchdog(timeout_ms):
    clock = ManualClock()
    watchdog = MemoryWatchdog(clock, timeout_ms)
    return watchdog, clock.advance, watchdog.has_reset


def new_sensor():
    clock = ManualClock()
    return MemorySensor(clock, 1), clock.advance


def new_limited(capacity_bytes=8 << 20):
    return LimitedFiles(MemoryFiles(), capacity_bytes)


for cases, factory in (
    (files_suite.CASES, MemoryFiles),
    (files_suite.CASES, new_limited),
    (files_suite.CASES, lambda: PowerCutFiles(MemoryFiles())),
    (files_suite.CAPACITY_CASES, MemoryFiles),
    (files_suite.CAPACITY_CASES, new_limited),
    (clock_suite.CASES, ManualClock),
    (entropy_suite.CASES, lambda: SeededEntropy(1)),
    (stream_suite.CASES, stream_pair),
    (stream_suite.CASES, new_lossy_pair),
    (pins_suite.CASES, lambda button, lamp: MemoryPins((button,), (lamp,))),
    (adc_suite.CASES, lambda name, microvolts: MemoryAdc({name: microvolts})),
    (i2c_suite.CASES, lambda address, width, values: MemoryI2c({address: RegisterMap(width, values)})),
    (watchdog_suite.CASES, new_watchdog),
    (sensor_suite.CASES, new_sensor),
):
    for case in cases:
        case(factory)
        print(case.__name__)
"""

CRASHES = """
from firmware.ports.files_suite import get, put
from firmware.ports.memory_files import MemoryFiles

files = MemoryFiles()
for name in ("a", "b", "c", "d"):
    put(files, name, b"old")
    file = files.open(name, True)
    file.sync()
    files.sync_folder("")
    file.write_at(0, b"new")
for seed in range(8):
    print([get(files.crash_mixed(seed), name) for name in ("a", "b", "c", "d")])
print(get(files.crash(), "a"), get(files.crash(True), "a"))
"""

GARBLE = """
from firmware.ports.lossy_stream import LossyStream
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_stream import stream_pair

first, second = stream_pair()
lossy = LossyStream(second, 7, 2000, 2000, 2000)
first.write(SeededEntropy("sent").random_bytes(5000))
buffer = bytearray(10000)
count = lossy.read_into(buffer)
count += lossy.read_into(memoryview(buffer)[count:])
print(bytes(buffer[:count]))
"""


def test_every_case_passes(tmp_path: Path) -> None:
    assert len(micropython.run(RUN_SUITES, [], tmp_path, ROOT).split()) > 80


def test_a_crash_keeps_what_was_synced(tmp_path: Path) -> None:
    lines = micropython.run(CRASHES, [], tmp_path, ROOT).splitlines()
    assert len({*lines[:8]}) > 3
    assert lines[8] == "b'old' b'new'"


def test_faults_of_a_seed_are_the_same_as_here(tmp_path: Path) -> None:
    first, second = stream_pair()
    lossy = LossyStream(second, 7, 2000, 2000, 2000)
    first.write(SeededEntropy("sent").random_bytes(5000))
    buffer = bytearray(10000)
    count = lossy.read_into(buffer)
    count += lossy.read_into(memoryview(buffer)[count:])
    assert lossy.dropped + lossy.flipped + lossy.duplicated > 10
    assert micropython.run(GARBLE, [], tmp_path, ROOT).strip() == repr(bytes(buffer[:count]))
