"""Register drivers against chips as their datasheets describe them, on either interpreter. Portable.

The values of the INA219 and INA226 are the worked examples of their datasheets: 10 A through 2 mOhm at 11.98 V.
"""

from firmware.drivers import bq25895, ina3221
from firmware.drivers.bq25895 import Bq25895
from firmware.drivers.chip_adc import ChipAdc
from firmware.drivers.ina2xx import INA219, INA226, InaMonitor
from firmware.drivers.ina3221 import Ina3221
from firmware.drivers.lsm6dso import Lsm6dso
from firmware.drivers.max17048 import Max17048
from firmware.drivers.mux_adc import FULL_SCALE, MuxAdc
from firmware.drivers.shift_pins import ShiftPins
from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault
from firmware.ports.i2c import NoAnswer
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from firmware.ports.memory_pins import MemoryPins

MILLIOHM_2 = 2000
MILLIAMPERE = 1000


def new_ina219():
    return RegisterMap(2, {0: 0x399F, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, (1, 2, 3, 4), power_on_bit=(0, 0x8000))


def new_ina226():
    reset = {0: 0x4127, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 0xFE: 0x5449, 0xFF: 0x2260}
    return RegisterMap(2, reset, (1, 2, 3, 4, 0xFE, 0xFF), power_on_bit=(0, 0x8000))


def new_ina3221():
    reset = dict.fromkeys(range(16), 0)
    reset.update({0: 0x7127, 0xFE: 0x5449, 0xFF: 0x3220})
    return RegisterMap(2, reset, (1, 2, 3, 4, 5, 6, 0xFE, 0xFF), power_on_bit=(0, 0x8000))


def new_max17048():
    reset = {2: 0, 4: 0, 6: 0, 8: 0x0012, 0x0A: 0x8030, 0x0C: 0x971C, 0x14: 0x00FF, 0x16: 0, 0x18: 0x9600, 0x1A: 0x0100}
    reset[0xFE] = 0
    return RegisterMap(2, reset, (2, 4, 8, 0x16), {6: 0x4000})


def new_bq25895():
    reset = dict.fromkeys(range(21), 0)
    reset.update({0: 0x48, 1: 0x06, 2: 0x11, 3: 0x1A, 4: 0x20, 5: 0x13, 6: 0x5E, 7: 0x9D, 8: 0x03, 9: 0x44})
    reset.update({0x0A: 0x73, 0x0B: 0x02, 0x0D: 0x12, 0x14: 0x39})
    read_only = (0x0B, 0x0C, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13)
    return RegisterMap(1, reset, read_only, {2: 0x80, 3: 0x40}, (0x14, 0x80))


class Lsm6dsoMap(RegisterMap):
    """Reading its FIFO goes round in the output registers; reading a source of events clears it."""

    def __init__(self):
        reset = {0x09: 0, 0x0A: 0, 0x0F: 0x6C, 0x10: 0, 0x11: 0, 0x12: 0x04, 0x56: 0, 0x58: 0, 0x5C: 0, 0x5D: 0}
        super().__init__(1, reset, (0x0F,), power_on_bit=(0x12, 0x01))
        self.fifo = b""

    def read(self, register, count):
        if register == 0x78:
            taken, self.fifo = self.fifo[:count], self.fifo[count:]
            return taken
        return super().read(register, count)


def the_datasheets_example_is_measured():
    for part, chip, calibration, shunt, bus, current, power in (
        (INA219, new_ina219(), 0x5000, 0x07D0, 0x5D98, 0x2710, 0x1766),
        (INA226, new_ina226(), 0x0A00, 0x1F40, 0x2570, 0x2710, 0x12B8),
    ):
        monitor = InaMonitor(part, MemoryI2c({0x40: chip}), 0x40, MILLIOHM_2, MILLIAMPERE)
        monitor.start()
        assert chip.peek(5) == calibration, chip.peek(5)
        for register, value in ((1, shunt), (2, bus), (3, power), (4, current)):
            chip.poke(register, value)
        assert monitor.read_shunt_nv() == 20000000
        assert monitor.read_bus_uv() == 11980000
        assert monitor.read_current_ua() == 10000000
        assert monitor.read_power_uw() == 119800000


def a_current_flows_either_way():
    chip = new_ina226()
    monitor = InaMonitor(INA226, MemoryI2c({0x41: chip}), 0x41)
    monitor.start()
    chip.poke(4, 0xFFFF)
    chip.poke(1, 0x8000)
    assert monitor.read_current_ua() == -100
    assert monitor.read_shunt_nv() == -81920000


def a_brown_out_is_no_zero_current():
    """The calibration is gone, so CURRENT is 0; the answer comes from the shunt, and the chip is set up again."""
    for part, chip, shunt in ((INA219, new_ina219(), 5000), (INA226, new_ina226(), 20000)):
        monitor = InaMonitor(part, MemoryI2c({0x40: chip}), 0x40)
        monitor.start()
        calibrated = chip.peek(5)
        assert monitor.read_current_ua() == 0
        config = chip.peek(0)
        chip.power_on()
        for register, value in ((1, shunt), (2, 10000 if part is INA219 else 4000)):
            chip.poke(register, value)
        bus = BrownedOut(chip, {1: shunt})
        monitor = InaMonitor(part, bus, 0x40)
        assert monitor.read_current_ua() == 500000
        assert (chip.peek(5), chip.peek(0)) == (calibrated, config)


class BrownedOut(MemoryI2c):
    """A reset over the bus does not stop the current through the shunt."""

    def __init__(self, chip, measured):
        super().__init__({0x40: chip})
        self._chip_there = chip
        self._measured = measured

    def write(self, address, register, data):
        super().write(address, register, data)
        for number in sorted(self._measured):
            self._chip_there.poke(number, self._measured[number])


def an_overflow_is_a_fault():
    chip = new_ina219()
    monitor = InaMonitor(INA219, MemoryI2c({0x40: chip}), 0x40)
    monitor.start()
    chip.poke(2, 5000 // 4 << 3 | 1)
    chip.poke(4, 3)
    assert "out of range" in expect_fault(PortFault, monitor.read_current_ua)
    assert monitor.read_bus_uv() == 5000000


def another_part_at_the_address_is_told():
    chip = new_ina226()
    chip.poke(0xFF, 0x2271)
    assert "0x2271" in expect_fault(PortFault, InaMonitor(INA226, MemoryI2c({0x40: chip}), 0x40).start)
    chip.poke(0xFF, 0x2261)
    InaMonitor(INA226, MemoryI2c({0x40: chip}), 0x40).start()
    assert "another part" in expect_fault(PortFault, Ina3221(MemoryI2c({0x40: chip}), 0x40).start)
    wrong = new_bq25895()
    wrong.poke(0x14, 0x06)
    assert "another part" in expect_fault(PortFault, Bq25895(MemoryI2c({0x6A: wrong})).start, 1000000, 1000000, 4096000)
    gauge = new_max17048()
    gauge.poke(8, 0x0003)
    assert "another part" in expect_fault(PortFault, Max17048(MemoryI2c({0x36: gauge})).start)
    assert "0x44" in expect_fault(NoAnswer, InaMonitor(INA226, MemoryI2c({0x40: chip}), 0x44).start)


def a_step_that_cannot_be_calibrated_is_refused():
    bus = MemoryI2c({})
    assert "calibration" in expect_fault(ValueError, InaMonitor, INA219, bus, 0x40, 100, 1)
    assert "calibration" in expect_fault(ValueError, InaMonitor, INA226, bus, 0x40, 10000000, 100000)


def three_lines_are_measured_apart():
    chip = new_ina3221()
    monitor = Ina3221(MemoryI2c({0x42: chip}), 0x42, 50000)
    monitor.start()
    assert chip.peek(0) == 0x7527
    for channel, current_ua, bus_uv in ((1, 500000, 5104000), (2, -8000, 3304000), (3, 1600000, -8000)):
        chip.poke(2 * channel - 1, (current_ua // 1000 * 50 // 40 << 3) & 0xFFFF)
        chip.poke(2 * channel, (bus_uv // 8000 << 3) & 0xFFFF)
        assert monitor.read_current_ua(channel) == current_ua
        assert monitor.read_bus_uv(channel) == bus_uv
    assert "channels 1 to 3" in expect_fault(ValueError, monitor.read_bus_uv, 4)
    assert "channels 1 to 3" in expect_fault(ValueError, monitor.read_bus_uv, 0)


def a_limit_is_kept_by_the_chip():
    chip = new_ina3221()
    monitor = Ina3221(MemoryI2c({0x40: chip}), 0x40, 50000)
    monitor.start()
    monitor.limit_current(2, 1400000)
    assert chip.peek(9) == 1750 << 3
    chip.poke(0x0F, 1 << 8)
    assert monitor.over_current() == (False, True, False)
    chip.poke(0x0F, 1 << 9 | 1 << 7)
    assert monitor.over_current() == (True, False, True)
    assert "beyond" in expect_fault(ValueError, monitor.limit_current, 1, 4000000)
    assert ina3221.SHUNT_STEPS_MAX * ina3221.SHUNT_NV == 163800000  # the datasheet's full scale, 163.8 mV


def a_gauge_tells_charge_and_its_change():
    chip = new_max17048()
    gauge = Max17048(MemoryI2c({0x36: chip}))
    assert gauge.start(10)
    assert chip.peek(0x0C) == 0x9700 | 22
    assert not gauge.start(10)
    chip.poke(2, 51200)  # 4.0 V
    chip.poke(4, 0x4B80)  # 75.5 %
    assert (gauge.read_cell_uv(), gauge.read_charge_permille()) == (4000000, 755)
    chip.poke(4, 0x6480)
    assert gauge.read_charge_permille() == 1000
    chip.poke(0x16, 0xFFF6)
    assert gauge.read_rate_ppm_per_hour() == -20800  # ten steps of 0.208 % an hour
    chip.poke(0x0C, chip.peek(0x0C) | 0x20)
    assert gauge.is_low()
    gauge.acknowledge()
    assert not gauge.is_low()
    gauge.guess_again()
    assert chip.writes[-1] == (6, 0x4000)
    assert "1 to 32" in expect_fault(ValueError, gauge.start, 33)


def a_charger_gets_the_boards_limits():
    chip = new_bq25895()
    charger = Bq25895(MemoryI2c({0x6A: chip}))
    charger.start(1200000, 1000000, 4096000)
    assert chip.peek(0x00) == 0x40 | 22  # 100 mA + 22 * 50 mA, the ILIM pin stays in force
    assert chip.peek(0x04) == 15  # 960 mA: rounded down
    assert chip.peek(0x06) == 16 << 2 | 0x02  # 3.840 V + 16 * 16 mV; the other bits as they were
    assert chip.peek(0x07) == 0x9D
    charger.start(500000, 64000, 3840000, watchdog=False)
    assert (chip.peek(0x00), chip.peek(0x04), chip.peek(0x07)) == (0x48, 1, 0x8D)
    charger.limit_input(100000)
    assert chip.peek(0x00) == 0x40
    writes = len(chip.writes)
    for arguments in ((50000, 0, 3840000), (100000, 6000000, 3840000), (100000, 0, 4700000), (3300000, 0, 4096000)):
        assert "keeps" in expect_fault(ValueError, charger.start, *arguments)
    assert len(chip.writes) == writes  # nothing half set up


def a_charger_is_fed_and_switched():
    chip = new_bq25895()
    charger = Bq25895(MemoryI2c({0x6A: chip}))
    charger.feed()
    assert (3, 0x5A) in chip.writes
    assert chip.peek(3) == 0x1A
    charger.enable(False)
    assert chip.peek(3) == 0x0A
    charger.enable(True)
    assert chip.peek(3) == 0x1A


def a_charger_tells_what_it_does():
    chip = new_bq25895()
    charger = Bq25895(MemoryI2c({0x6A: chip}))
    assert (charger.state(), charger.has_power(), charger.read_input_uv()) == (bq25895.NOT_CHARGING, False, 0)
    chip.poke(0x0B, 0x16)
    assert (charger.state(), charger.has_power()) == (bq25895.FAST_CHARGE, True)
    chip.poke(0x0B, 0x1E)
    assert charger.state() == bq25895.DONE
    for register, value in ((0x0E, 0x80 | 85), (0x0F, 90), (0x11, 0x80 | 24), (0x12, 19), (0x13, 0x40)):
        chip.poke(register, value)
    assert charger.read_battery_uv() == 4004000
    assert charger.read_system_uv() == 4104000
    assert charger.read_input_uv() == 5000000
    assert charger.read_charge_ua() == 950000
    assert charger.is_input_limited()
    chip.latch(0x0C, 0x80)
    chip.poke(0x0C, 0x22)
    before, now = charger.faults()
    assert (before.watchdog, before.charge, before.temperature) == (True, "", "")
    assert (now.watchdog, now.charge, now.temperature) == (False, "overheated", "hot")


def channels_are_read_by_their_names():
    board = {
        "channels": {
            "battery.cell": {"source": "gauge", "input": 0, "gain": 1.0},
            "supply.input": {"source": "monitor", "input": 0, "gain": 0.5},
            "bay3.supply": {"source": "bays", "input": 2, "gain": 1.0},
            "charger.input": {"source": "charger", "input": 1, "gain": 1.0},
            "rail": {"source": "adc2", "input": 0, "gain": 1.0},
        },
        "chips": {
            "gauge": {"part": "MAX17048", "bus": "i2c1", "address": 0x36},
            "monitor": {"part": "INA226", "bus": "i2c1", "address": 0x40},
            "bays": {"part": "INA3221", "bus": "i2c1", "address": 0x41},
            "charger": {"part": "BQ25895", "bus": "i2c1", "address": 0x6A},
        },
    }
    gauge, monitor, bays, charger = new_max17048(), new_ina226(), new_ina3221(), new_bq25895()
    bus = MemoryI2c({0x36: gauge, 0x40: monitor, 0x41: bays, 0x6A: charger})
    adc = ChipAdc({"i2c1": bus}, board)
    assert adc.names() == ("battery.cell", "bay3.supply", "charger.input", "supply.input")
    gauge.poke(2, 51200)
    monitor.poke(2, 2000)
    assert adc.read_uv("supply.input") == 0  # setting it up has put it back
    monitor.poke(2, 2000)
    assert adc.read_uv("supply.input") == 5000000
    adc.read_uv("bay3.supply")
    bays.poke(6, 625 << 3)
    charger.poke(0x11, 0x80 | 24)
    assert adc.read_uv("battery.cell") == 4000000
    assert adc.read_uv("bay3.supply") == 5000000
    assert adc.read_uv("charger.input") == 5000000
    assert "rail" in expect_fault(PortFault, adc.read_uv, "rail")
    bus.unplug(0x40)
    assert "0x40" in expect_fault(NoAnswer, adc.read_uv, "supply.input")
    monitor.power_on()
    bus.plug(0x40, monitor)
    adc.read_uv("supply.input")
    assert monitor.peek(0) == 0x4527  # it came back with its defaults and was set up again


def a_motion_sensor_is_set_up_and_put_to_sleep():
    chip = Lsm6dsoMap()
    sensor = Lsm6dso(MemoryI2c({0x6B: chip}), 0x6B)
    sensor.start()
    assert chip.writes[0] == (0x12, 0x01)  # a soft reset, before anything else
    expected = ((0x10, 0x44), (0x11, 0), (0x12, 0x44), (0x09, 0x04), (0x0A, 0x06), (0x56, 0x41), (0x58, 0x80))
    for register, value in expected:
        assert chip.peek(register) == value, (register, chip.peek(register))
    assert chip.peek(0x5D) == 6 << 3 | 7
    assert chip.writes[-1][0] == 0x10  # it measures when all the rest is said
    sensor.stop()
    assert (chip.peek(0x10), chip.peek(0x0A)) == (0, 0)
    chip.poke(0x0F, 0x6A)  # an LSM6DSL
    assert "0x6a, so this is another part" in expect_fault(PortFault, sensor.start)
    assert "0x6a" in expect_fault(NoAnswer, Lsm6dso(MemoryI2c({})).start)


def a_reset_that_does_not_end_is_told():
    chip = Lsm6dsoMap()
    chip.latch(0x12, 0x01)
    Lsm6dso(MemoryI2c({0x6A: chip})).start()
    stuck = RegisterMap(1, {0x0F: 0x6C, 0x12: 0x04})
    assert "reset" in expect_fault(PortFault, Lsm6dso(MemoryI2c({0x6A: stuck})).start)


def motion_is_fetched_from_the_fifo():
    """Steps of 0.488 mg at 16 g; tags 1 and 2 are rotation and acceleration."""
    chip = Lsm6dsoMap()
    sensor = Lsm6dso(MemoryI2c({0x6A: chip}))
    chip.latch(0x3A, 0x01)
    chip.latch(0x3B, 0x82)
    assert sensor.waiting() == 513
    chip.latch(0x3B, 0xF8)
    assert sensor.waiting() == 0
    level = b"\x11\x00\x00\x01\x08\xff\xf7"  # 0, 2049 and -2049 steps
    rotation = b"\x0b\x01\x02\x03\x04\x05\x06"
    ends = b"\x15\xff\x7f\x00\x80\xff\xff"
    chip.fifo = level + rotation + ends
    assert sensor.read(3) == [(0, 999, -1000), (15990, -15991, -1)]
    chip.latch(0x1B, 0x20)
    assert sensor.was_weightless()
    assert not sensor.was_weightless()
    chip.latch(0x1B, 0x0F)  # it woke up by something else
    assert not sensor.was_weightless()


def inputs_behind_multiplexers_are_selected():
    board = {
        "channels": {
            "bay1.supply": {"source": "mux_b", "input": 5, "gain": 0.5},
            "bay2.supply": {"source": "mux_b", "input": 6, "gain": 0.5},
            "rail": {"source": "adc2", "input": 0, "gain": 0.5},
            "cell": {"source": "gauge", "input": 0, "gain": 1.0},
        },
        "chips": {
            "mux_b": {"kind": "mux", "pins": ["s0", "s1", "s2"], "output": "adc1"},
            "gauge": {"kind": "gauge"},
        },
    }
    pins = MemoryPins((), ("s0", "s1", "s2"))
    waits = []
    volts = {5: 2.5, 6: 1.25}

    def convert(name):
        if name == "adc2":
            return FULL_SCALE
        number = sum(pins.read("s%d" % place) << place for place in range(3))
        return round(volts[number] / 3.3 * FULL_SCALE)

    adc = MuxAdc(board, pins, convert, waits.append)
    assert abs(adc.read_uv("bay1.supply") - 5000000) < 200
    assert abs(adc.read_uv("bay2.supply") - 2500000) < 200
    assert len(waits) == 2
    assert abs(adc.read_uv("bay2.supply") - 2500000) < 200
    assert len(waits) == 2  # nothing changed, nothing to wait for
    assert adc.read_uv("rail") == 6600000
    assert "horn" in expect_fault(PortFault, adc.read_uv, "horn")
    assert "gauge" in expect_fault(PortFault, adc.read_uv, "cell")


def outputs_in_a_chain_are_sent_together():
    board = {
        "expander": {
            "a": {"chip": "outputs", "bit": 0, "active_low": False},
            "b": {"chip": "outputs", "bit": 9, "active_low": False},
            "c": {"chip": "outputs", "bit": 15, "active_low": True},
        },
        "chips": {"outputs": {"kind": "shift_register", "outputs": 16, "pins": ["latch", "enable"]}},
    }
    sent = []
    soc = MemoryPins(("button",), ("latch", "enable", "led"))
    pins = ShiftPins(board, soc, lambda data: sent.append((bytes(data), soc.read("enable"))))
    assert sent == [(b"\x80\x00", False)]  # all off, and only then enabled
    assert soc.read("enable")
    pins.write("b", True)
    pins.write("b", True)
    pins.write("a", True)
    pins.write("c", True)
    assert [data for data, _ in sent[1:]] == [b"\x82\x00", b"\x82\x01", b"\x02\x01"]
    assert (pins.read("a"), pins.read("c"), soc.read("latch")) == (True, True, False)
    pins.write("led", True)
    assert pins.read("led")
    assert "horn" in expect_fault(PortFault, pins.write, "horn", True)


CASES = tuple(
    (function.__name__, function)
    for function in (
        the_datasheets_example_is_measured,
        a_current_flows_either_way,
        a_brown_out_is_no_zero_current,
        an_overflow_is_a_fault,
        another_part_at_the_address_is_told,
        a_step_that_cannot_be_calibrated_is_refused,
        three_lines_are_measured_apart,
        a_limit_is_kept_by_the_chip,
        a_gauge_tells_charge_and_its_change,
        a_charger_gets_the_boards_limits,
        a_charger_is_fed_and_switched,
        a_charger_tells_what_it_does,
        a_motion_sensor_is_set_up_and_put_to_sleep,
        a_reset_that_does_not_end_is_told,
        motion_is_fetched_from_the_fifo,
        channels_are_read_by_their_names,
        inputs_behind_multiplexers_are_selected,
        outputs_in_a_chain_are_sent_together,
    )
)
