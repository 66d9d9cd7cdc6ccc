"""I2C, GPIO and readings on Linux: real smbus2 messages and gpiod settings, a bus and lines that answer in memory."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from gpiod.line import Bias, Direction, Value
from smbus2 import i2c_msg

from firmware.platform.linux.adc import LinuxAdc
from firmware.platform.linux.i2c import LinuxI2c
from firmware.platform.linux.pins import LinuxPins
from firmware.ports import adc_suite, i2c_suite, pins_suite
from firmware.ports.errors import PortFault
from firmware.ports.i2c import NoAnswer
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from host_tools.hardware import board_data, find_board

CAMERA: dict[str, Any] = board_data(find_board("pi_zero_2w_camera"))
DOCK: dict[str, Any] = board_data(find_board("pi_dock"))


class KernelBus:
    """What /dev/i2c-N does with the messages of smbus2."""

    def __init__(self, chips: dict[int, RegisterMap]) -> None:
        self.error: OSError | None = None
        self.closed = False
        self._bus = MemoryI2c(chips)

    def i2c_rdwr(self, first: i2c_msg, second: i2c_msg | None = None) -> None:
        if self.error is not None:
            raise self.error
        register, *data = bytes(first)
        try:
            if second is None:
                self._bus.write(first.addr, register, bytes(data))
                return
            answer = self._bus.read(second.addr, register, second.len)
        except NoAnswer:
            raise OSError(errno.EREMOTEIO, "Remote I/O error") from None
        for index, byte in enumerate(answer):
            second.buf[index] = byte

    def close(self) -> None:
        self.closed = True


def new_i2c(address: int, width: int, values: dict[int, int]) -> LinuxI2c:
    return LinuxI2c(1, lambda unit: KernelBus({address: RegisterMap(width, values)}), "/nowhere")


@pytest.mark.parametrize("case", i2c_suite.CASES, ids=lambda case: case.__name__)
def test_i2c(case: Callable[..., None]) -> None:
    case(new_i2c)


def test_a_chip_that_a_driver_owns_is_left_alone(tmp_path: Path) -> None:
    device = tmp_path / "bus/i2c/devices/1-0040"
    device.mkdir(parents=True)
    bus = LinuxI2c(1, lambda unit: KernelBus({0x40: RegisterMap(2, {0: 1})}), tmp_path)
    assert bus.read(0x40, 0, 2) == b"\0\1"
    (tmp_path / "ina2xx").mkdir()
    (device / "driver").symlink_to(tmp_path / "ina2xx")
    with pytest.raises(PortFault, match="the kernel's driver ina2xx owns the chip at 0x40"):
        bus.read(0x40, 0, 2)
    with pytest.raises(PortFault, match="ina2xx"):
        bus.write(0x40, 0, b"\0\0")


def test_what_a_bus_reports_is_told() -> None:
    kernel = KernelBus({0x40: RegisterMap(2, {0: 1})})
    bus = LinuxI2c(3, lambda unit: kernel, "/nowhere")
    for number, word in ((errno.ENXIO, "nothing answers"), (errno.ETIMEDOUT, "nothing answers"), (errno.EAGAIN, "try")):
        kernel.error = OSError(number, "try again")
        with pytest.raises(NoAnswer, match=f"i2c-3.*{word}"):
            bus.read(0x40, 0, 2)
    bus.close()
    assert kernel.closed


def test_a_bus_that_is_not_there_is_named() -> None:
    with pytest.raises(PortFault, match=r"no /dev/i2c-9731; put dtparam=i2c_arm=on"):
        LinuxI2c(9731)


class Lines:
    """What the kernel gives for a request of lines."""

    def __init__(self, config: Mapping[int, Any]) -> None:
        self.config = dict(config)
        self.values = {line: settings.output_value for line, settings in config.items()}
        self.released = False
        self.broken = False

    def get_value(self, line: int) -> Value:
        if self.broken:
            raise OSError(errno.ENODEV, "No such device")
        return self.values[line]

    def set_value(self, line: int, value: Value) -> None:
        if self.broken:
            raise OSError(errno.ENODEV, "No such device")
        assert self.config[line].direction == Direction.OUTPUT
        self.values[line] = value

    def release(self) -> None:
        self.released = True


def pin(gpio: int, function: str, **more: Any) -> dict[str, Any]:
    return {"gpio": gpio, "function": function, "active_low": False, "pull": "none", **more}


def new_pins(button: str, lamp: str) -> LinuxPins:
    board = {"pins": {button: pin(4, "in"), lamp: pin(5, "out")}}
    return LinuxPins(board, request=lambda chip, config: Lines(config))


@pytest.mark.parametrize("case", pins_suite.CASES, ids=lambda case: case.__name__)
def test_pins(case: Callable[..., None]) -> None:
    case(new_pins)


def test_lines_are_asked_for_as_board_toml_has_them() -> None:
    asked: list[tuple[str, Lines]] = []

    def request(chip: str, config: Mapping[int, Any]) -> Lines:
        asked.append((chip, Lines(config)))
        return asked[-1][1]

    pins = LinuxPins(CAMERA, request=request)
    chip, lines = asked[0]
    assert chip == "/dev/gpiochip0"
    used = {each["gpio"] for each in CAMERA["pins"].values() if each["function"] in ("in", "out")}
    assert set(lines.config) == used
    assert 2 not in used  # a bus's line stays the bus's
    button = lines.config[CAMERA["pins"]["button.record"]["gpio"]]
    assert (button.direction, button.bias, button.active_low) == (Direction.INPUT, Bias.PULL_UP, True)
    lamp = lines.config[CAMERA["pins"]["lamp.red"]["gpio"]]
    assert (lamp.direction, lamp.bias, lamp.output_value) == (Direction.OUTPUT, Bias.AS_IS, Value.INACTIVE)
    pins.write("lamp.red", True)
    assert lines.values[CAMERA["pins"]["lamp.red"]["gpio"]] == Value.ACTIVE
    lines.values[CAMERA["pins"]["button.record"]["gpio"]] = Value.ACTIVE
    assert pins.read("button.record")
    lines.broken = True
    with pytest.raises(PortFault, match=r"button\.record cannot be read"):
        pins.read("button.record")
    with pytest.raises(PortFault, match=r"lamp\.red cannot be written"):
        pins.write("lamp.red", False)
    assert pins.read("lamp.red")
    pins.close()
    assert lines.released


def test_a_gpio_chip_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortFault, match=r"there is no .*gpiochip7; `gpiodetect`"):
        LinuxPins(CAMERA, str(tmp_path / "gpiochip7"))
    (tmp_path / "file").write_text("")
    with pytest.raises(PortFault, match="cannot be had"):
        LinuxPins(CAMERA, str(tmp_path / "file"))


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text + "\n")


def owned(root: Path, chip: str, driver: str) -> None:
    (root / "drivers" / driver).mkdir(parents=True, exist_ok=True)
    (root / "bus/i2c/devices" / chip).mkdir(parents=True, exist_ok=True)
    (root / "bus/i2c/devices" / chip / "driver").symlink_to(root / "drivers" / driver)


@pytest.mark.parametrize("case", adc_suite.CASES, ids=lambda case: case.__name__)
def test_adc(case: Callable[..., None], tmp_path: Path) -> None:
    def new_adc(name: str, microvolts: int) -> LinuxAdc:
        board = {
            "channels": {name: {"source": "converter", "input": 2, "gain": 0.5}},
            "chips": {"converter": {"part": "MCP3208", "kind": "adc"}},
            "buses": {},
        }
        put(tmp_path, "bus/iio/devices/iio:device0/name", "mcp3208")
        put(tmp_path, "bus/iio/devices/iio:device0/in_voltage_scale", "0.805664062")
        put(tmp_path, "bus/iio/devices/iio:device0/in_voltage2_raw", str(round(microvolts * 0.5 / 805.664062)))
        return LinuxAdc(board, {}, tmp_path)

    case(new_adc)


def test_the_kernels_readings_are_used_where_it_has_the_chip(tmp_path: Path) -> None:
    owned(tmp_path, "1-0040", "ina2xx")
    put(tmp_path, "bus/i2c/devices/1-0040/hwmon/hwmon3/in1_input", "5021")
    gauge = RegisterMap(2, {2: 51200, 6: 0, 8: 0x0012, 0x0C: 0x971C, 0x1A: 0}, (2, 8))
    adc = LinuxAdc(CAMERA, {"i2c1": MemoryI2c({0x36: gauge})}, tmp_path)
    assert adc.read_uv("supply.input") == 5_021_000
    assert adc.read_uv("battery.cell") == 4_000_000  # no driver: by its registers
    owned(tmp_path, "1-0036", "max17040")
    with pytest.raises(PortFault, match=r"shows no power_supply"):
        adc.read_uv("battery.cell")
    put(tmp_path, "bus/i2c/devices/1-0036/power_supply/battery/voltage_now", "3912000")
    assert adc.read_uv("battery.cell") == 3_912_000
    put(tmp_path, "bus/i2c/devices/1-0040/hwmon/hwmon3/in1_input", "garbage")
    with pytest.raises(PortFault, match="holds no number but 'garbage'"):
        adc.read_uv("supply.input")


def test_every_channel_of_a_pi_can_be_read_by_something(tmp_path: Path) -> None:
    gauge = RegisterMap(2, {2: 0, 6: 0, 8: 0x0012, 0x0C: 0x971C, 0x1A: 0}, (2, 8))
    monitor = RegisterMap(2, {0: 0x4127, 2: 0, 5: 0, 0xFE: 0x5449, 0xFF: 0x2260}, (2, 0xFE, 0xFF))
    for name in CAMERA["channels"]:
        assert LinuxAdc(CAMERA, {"i2c1": MemoryI2c({0x36: gauge, 0x40: monitor})}, tmp_path).read_uv(name) == 0
    put(tmp_path, "bus/iio/devices/iio:device0/name", "mcp3208")
    put(tmp_path, "bus/iio/devices/iio:device0/in_voltage_scale", "1")
    for name, channel in DOCK["channels"].items():
        put(tmp_path, f"bus/iio/devices/iio:device0/in_voltage{channel['input']}_raw", "1000")
        assert LinuxAdc(DOCK, {}, tmp_path).read_uv(name) == round(1_000_000 / channel["gain"])


def test_each_line_of_a_monitor_of_three_has_its_own_reading(tmp_path: Path) -> None:
    board = {
        "channels": {f"bay{number}": {"source": "bays", "input": number, "gain": 1.0} for number in range(3)},
        "chips": {"bays": {"part": "INA3221", "kind": "power_monitor", "bus": "i2c1", "address": 0x42}},
        "buses": {"i2c1": {"unit": 1}},
    }
    owned(tmp_path, "1-0042", "ina3221")
    for number in range(3):
        put(tmp_path, f"bus/i2c/devices/1-0042/hwmon/hwmon0/in{number + 1}_input", str(5000 + number))
    adc = LinuxAdc(board, {}, tmp_path)
    assert [adc.read_uv(f"bay{number}") for number in range(3)] == [5_000_000, 5_001_000, 5_002_000]


def test_a_converter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortFault, match="put dtoverlay=mcp3208"):
        LinuxAdc(DOCK, {}, tmp_path).read_uv("supply.rail")
