"""The Pico's platform over a stand-in of MicroPython's ``machine``: not a Pico, but every line of it runs.

Portable; runs under MicroPython alone. The stand-in remembers what is asked of it and has levels, voltages and chips.
"""

import sys
import time

from firmware.ports import adc_suite, i2c_suite, pins_suite, stream_suite
from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault
from firmware.ports.i2c import NoAnswer
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from firmware.ports.memory_stream import stream_pair

PINS = {}  # GPIO -> the pin that was made of it last
VOLTS = {}  # GPIO -> what is there, or what tells it
SENT = []  # over SPI
CHIPS = {}  # on I2C


class Pin:
    OUT = 1
    IN = 0
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, gpio, mode=-1, pull=-1, *, value=None):
        self.gpio = gpio
        self.asked = (mode, pull, value)
        self.level = value or 0
        PINS[gpio] = self

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level


class ADC:
    def __init__(self, pin):
        self._gpio = pin.gpio

    def read_u16(self):
        source = VOLTS[self._gpio]
        volts = source() if callable(source) else source
        return round(volts / 3.3 * 65535)


class SPI:
    def __init__(self, unit, *, baudrate, sck, mosi):
        self.asked = (unit, baudrate, sck.gpio, mosi.gpio)

    def write(self, data):
        SENT.append(bytes(data))
        return len(data)


class I2C:
    def __init__(self, unit, *, sda, scl, freq):
        self.asked = (unit, sda.gpio, scl.gpio, freq)
        self._bus = MemoryI2c(CHIPS)

    def readfrom_mem(self, address, register, count):
        return self._answer(self._bus.read, address, register, count)

    def writeto_mem(self, address, register, data):
        self._answer(self._bus.write, address, register, data)

    def _answer(self, operation, *arguments):
        try:
            return operation(*arguments)
        except NoAnswer:
            silent = True
        assert silent
        raise OSError(5)


class WDT:
    def __init__(self, *, timeout):
        self.timeout = timeout
        self.fed = 0

    def feed(self):
        self.fed += 1


class CdcPort:
    """A CDCInterface with timeout 0, as micropython-lib has it: None where there is nothing."""

    def __init__(self, stream):
        self._stream = stream
        self.dtr = True
        self.opened = True

    def is_open(self):
        return self.opened

    def readinto(self, buffer):
        return self._stream.read_into(buffer) or None

    def write(self, data):
        return self._stream.write(data)


class Machine:
    """The module."""


for part in (Pin, ADC, SPI, I2C, WDT):
    setattr(Machine, part.__name__, part)
Machine.unique_id = lambda: b"\xe6\x61\x4c\x31\x1b\x7a\x2f\x21"
sys.modules["machine"] = Machine

from boards.pico_dock_1.board_data import BOARD as DOCK_1  # noqa: E402  the stand-in must be there first
from boards.pico_dock_8.board_data import BOARD as DOCK_8  # noqa: E402
from firmware.dock import compose  # noqa: E402
from firmware.platform.rp2 import board  # noqa: E402
from firmware.platform.rp2.adc import open_adc  # noqa: E402
from firmware.platform.rp2.i2c import RpI2c  # noqa: E402
from firmware.platform.rp2.pins import RpPins, open_pins  # noqa: E402
from firmware.platform.rp2.usb_link import CdcStream, open_link  # noqa: E402


def pin(gpio, function, active_low=False, pull="none"):
    return {"gpio": gpio, "function": function, "active_low": active_low, "pull": pull}


def new_pins(button, lamp):
    return RpPins({"pins": {button: pin(1, "in"), lamp: pin(2, "out")}})


def new_inverted_pins(button, lamp):
    return RpPins({"pins": {button: pin(1, "in", True), lamp: pin(2, "out", True)}})


def new_adc(name, microvolts):
    VOLTS[26] = microvolts / 2000000
    channels = {name: {"source": "adc0", "input": 0, "gain": 0.5}}
    data = {"pins": {"adc0": pin(26, "adc")}, "channels": channels, "chips": {}}
    return open_adc(data, RpPins(data))


def new_i2c(address, width, values):
    CHIPS.clear()
    CHIPS[address] = RegisterMap(width, values)
    data = {
        "pins": {"sda": pin(4, "i2c"), "scl": pin(5, "i2c")},
        "buses": {"i2c0": {"unit": 0, "pins": ["sda", "scl"], "frequency_hz": 400000}},
    }
    return RpI2c(data, "i2c0")


def new_cdc_pair():
    first, second = stream_pair(4096)
    return CdcStream(CdcPort(first)), second


def polarity_and_pull_are_the_boards():
    pins = RpPins({"pins": {"a": pin(1, "in", True, "up"), "b": pin(2, "in", False, "down"), "c": pin(3, "out", True)}})
    assert PINS[1].asked[:2] == (Pin.IN, Pin.PULL_UP)
    assert PINS[2].asked[:2] == (Pin.IN, Pin.PULL_DOWN)
    assert PINS[3].asked == (Pin.OUT, -1, 1)
    assert (pins.read("a"), pins.read("b"), pins.read("c")) == (True, False, False)
    pins.write("c", True)
    assert PINS[3].level == 0


def a_dock_of_eight_drives_its_chain():
    SENT.clear()
    pins = open_pins(DOCK_8)
    assert list(SENT) == [bytes(4)]
    assert PINS[DOCK_8["pins"]["outputs.enable"]["gpio"]].level == 0  # active low: on
    pins.write("bay8.lamp_red", True)
    pins.write("bay1.power", True)
    assert SENT[1:] == [b"\x80\0\0\0", b"\x80\0\0\x01"]


def a_dock_of_one_drives_its_own_pins():
    pins = open_pins(DOCK_1)
    pins.write("bay1.power", True)
    assert PINS[DOCK_1["pins"]["bay1.power"]["gpio"]].level == 1


def every_reading_comes_through_its_multiplexer():
    for data in (DOCK_1, DOCK_8):
        pins = open_pins(data)
        VOLTS[26] = VOLTS[27] = selected(pins, sorted(name for name in data["pins"] if name.startswith("mux.s")))
        VOLTS[28] = 2.5 if data is DOCK_1 else VOLTS[26]
        adc = open_adc(data, pins)
        for name in sorted(data["channels"]):
            channel = data["channels"][name]
            there = 2.5 if channel["source"] == "adc2" else 0.1 * (channel["input"] + 1)
            assert abs(adc.read_uv(name) - there * 1e6 / channel["gain"]) < 200, name


def selected(pins, lines):
    """A tenth of a volt more at each input, by the levels of the select lines."""
    return lambda: 0.1 * (1 + sum(pins.read(name) << place for place, name in enumerate(lines)))


def nobody_at_the_port_takes_nothing():
    first, second = stream_pair()
    port = CdcPort(first)
    stream = CdcStream(port)
    port.dtr = False
    assert not stream.is_open()
    assert stream.write(b"lost") == 0
    port.dtr = True
    assert stream.write(b"kept") == 4
    buffer = bytearray(10)
    assert second.read_into(buffer) == 4


def a_missing_package_is_named():
    assert "usb-device-cdc" in expect_fault(PortFault, open_link, DOCK_1)


def a_dock_steps_naps_and_is_fed():
    first, _ = stream_pair()
    opened = board.open_link
    board.open_link = lambda data: CdcStream(CdcPort(first))
    try:
        data = dict(DOCK_1)
        data.update({"serial": "S", "firmware": "0"})
        VOLTS[26] = 3.3
        VOLTS[28] = 2.5
        ports = board.Ports(data)
    finally:
        board.open_link = opened
    application = compose(ports, data)
    begin = time.ticks_ms()
    for _ in range(20):
        board.turn(application, ports)
    assert time.ticks_diff(time.ticks_ms(), begin) < 1000
    assert ports.watchdog._watchdog.timeout == 8000
    assert ports.watchdog._watchdog.fed == 20
    assert "8388" in expect_fault(ValueError, board.RpWatchdog, 10000)


CASES = tuple(
    ("%s: %s" % (name, case.__name__), lambda case=case, new=new: case(new))
    for name, cases, new in (
        ("pins", pins_suite.CASES, new_pins),
        ("pins, active low", pins_suite.CASES, new_inverted_pins),
        ("adc", adc_suite.CASES, new_adc),
        ("i2c", i2c_suite.CASES, new_i2c),
        ("cdc", stream_suite.CASES, new_cdc_pair),
    )
    for case in cases
) + tuple(
    (function.__name__, function)
    for function in (
        polarity_and_pull_are_the_boards,
        a_dock_of_eight_drives_its_chain,
        a_dock_of_one_drives_its_own_pins,
        every_reading_comes_through_its_multiplexer,
        nobody_at_the_port_takes_nothing,
        a_missing_package_is_named,
        a_dock_steps_naps_and_is_fed,
    )
)
