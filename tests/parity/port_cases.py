"""Every in-memory port passes the suite of its port on either interpreter. Portable."""

from binascii import crc32

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
from firmware.ports.memory_stream import stream_pair
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles

STREAM_BYTES = 4096


def new_lossless_pair():
    first, second = stream_pair(STREAM_BYTES)
    return LossyStream(first, 1), LossyStream(second, 2)


def new_radios():
    air = MemoryAir()
    return air.radio(), air.radio(), air.repeat


def new_radios_in_a_bad_place():
    """One message in two is lost, others come twice. (A garbled one is another message.)"""
    air = MemoryAir()
    return air.radio(), LossyRadio(air.radio(), 5, 50, 0, 20), air.repeat


def new_watchdog(timeout_ms):
    clock = ManualClock()
    watchdog = MemoryWatchdog(clock, timeout_ms)
    return watchdog, clock.advance, watchdog.has_reset


def new_sensor():
    clock = ManualClock()
    return MemorySensor(clock, 1), clock.advance


SUITES = (
    ("adc", adc_suite.CASES, lambda name, microvolts: MemoryAdc({name: microvolts})),
    ("clock", clock_suite.CASES, ManualClock),
    ("entropy", entropy_suite.CASES, lambda: SeededEntropy(1)),
    ("files", files_suite.CASES, MemoryFiles),
    ("files, limited", files_suite.CASES, lambda: LimitedFiles(MemoryFiles(), 8 << 20)),
    ("files, power cut", files_suite.CASES, lambda: PowerCutFiles(MemoryFiles())),
    ("files of a size", files_suite.CAPACITY_CASES, MemoryFiles),
    ("files of a limited size", files_suite.CAPACITY_CASES, lambda size: LimitedFiles(MemoryFiles(), size)),
    ("i2c", i2c_suite.CASES, lambda address, width, values: MemoryI2c({address: RegisterMap(width, values)})),
    ("pins", pins_suite.CASES, lambda button, lamp: MemoryPins((button,), (lamp,))),
    ("radio", radio_suite.CASES, new_radios),
    ("radio, lossy", radio_suite.CASES, new_radios_in_a_bad_place),
    ("sensor", sensor_suite.CASES, new_sensor),
    ("stream", stream_suite.CASES, lambda: stream_pair(STREAM_BYTES)),
    ("stream of 3 bytes", stream_suite.CASES, lambda: stream_pair(3)),
    ("stream, lossless", stream_suite.CASES, new_lossless_pair),
    ("watchdog", watchdog_suite.CASES, new_watchdog),
)


def a_lossy_stream_does_the_same_damage():
    first, second = stream_pair(STREAM_BYTES)
    bad = LossyStream(second, 7, drop_ppm=3000, flip_ppm=3000, duplicate_ppm=3000)
    digest = 0
    buffer = bytearray(100)
    for block in range(40):
        first.write(bytes(range(block, block + 90)))
        count = bad.read_into(buffer)
        for value in memoryview(buffer)[:count]:
            digest = (digest * 31 + value) & 0xFFFFFFFF
    assert min(bad.dropped, bad.flipped, bad.duplicated) > 0
    return "%08x %d %d %d" % (digest, bad.dropped, bad.flipped, bad.duplicated)


def a_power_cut_keeps_what_was_synced():
    survivors = []
    for cut_before in range(9):
        medium = MemoryFiles()
        files = PowerCutFiles(medium, cut_before)
        try:
            files.make_folder("a")
            files.sync_folder("")
            file = files.create("a/b", 100)
            file.write_at(0, b"whole")
            file.sync()
            files.sync_folder("a")
            file.write_at(5, b" torn")
            files.rename("a/b", "a/c")
            file.truncate(2)
        except PowerCut:
            survivors.append(contents(medium.crash()))
            survivors.append(contents(medium.crash_mixed(cut_before)))
    assert survivors[-2] == "a/b=whole", survivors
    return str(survivors)


def a_torn_medium_is_torn_the_same_way():
    medium = MemoryFiles()
    for folder in ("a", "b"):
        medium.make_folder(folder)
    medium.sync_folder("")
    file = medium.create("a/one")
    file.write_at(0, b"synced" * 200)
    file.sync()
    medium.sync_folder("a")
    file.write_at(300, b"written" * 300)
    file.truncate(2000)
    medium.create("a/two").write_at(0, b"2")
    medium.rename("a/two", "b/two")
    medium.rename("a/one", "a/three")
    digest = 0
    for seed in range(12):
        after = medium.crash_torn(seed)
        lost = after.lose_block("a/three", 600, 512, seed)
        for folder in ("a", "b"):
            for name in after.list_folder(folder):
                file = after.open(folder + "/" + name)
                buffer = bytearray(file.size_bytes())
                file.read_at(0, buffer)
                digest = crc32(buffer, digest)
                digest = crc32(("%s/%s %d" % (folder, name, lost)).encode(), digest)
    return "%08x" % digest


def contents(files):
    """Everything on a medium of folders one deep."""
    found = []
    for folder in files.list_folder(""):
        for name in files.list_folder(folder):
            path = folder + "/" + name
            buffer = bytearray(20)
            count = files.open(path).read_at(0, buffer)
            found.append("%s=%s" % (path, str(bytes(buffer[:count]), "utf-8")))
    return " ".join(found)


CASES = tuple(
    ("%s: %s" % (name, case.__name__), lambda case=case, new=new: case(new))
    for name, cases, new in SUITES
    for case in cases
) + tuple(
    (function.__name__, function)
    for function in (
        a_lossy_stream_does_the_same_damage,
        a_power_cut_keeps_what_was_synced,
        a_torn_medium_is_torn_the_same_way,
    )
)
