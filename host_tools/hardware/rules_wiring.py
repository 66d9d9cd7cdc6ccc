"""What chips and processors can do: which GPIOs a bus can have, which addresses a part answers at, which current is
too much.

Law: pure, as ``rules``. A part that is not in ADDRESSES is believed.
"""

from __future__ import annotations

from collections.abc import Iterator

from host_tools.hardware.headers import BUS_GPIOS, PWM_GPIOS, SUPPLIES
from host_tools.hardware.model import Board
from host_tools.hardware.problem import Path, Problem, repeated

# Part -> addresses it can be set to by its pins, from the datasheets.
ADDRESSES: dict[str, range | tuple[int, ...]] = {
    "INA219": range(0x40, 0x50),
    "INA226": range(0x40, 0x50),
    "INA3221": range(0x40, 0x44),
    "MAX17048": (0x36,),
    "BQ25895": (0x6A,),
    "DS3231": (0x68,),
    "LSM6DSO": (0x6A, 0x6B),
}
I2C_HZ_MAX = 1_000_000  # fast mode plus, the fastest that any of our processors and chips does
CHARGE_RATE_MAX = 1.0  # capacities an hour: what common cells stand


def buses(board: Board) -> Iterator[Problem]:
    """Units that the header brings out, on GPIOs that can be theirs, each once."""
    units = BUS_GPIOS[board.soc.header]
    pins = {pin.name: pin for pin in board.pins.soc}
    for index in repeated([(bus.kind, bus.unit) for bus in board.buses]):
        bus = board.buses[index]
        yield Problem(("bus", index, "unit"), f"{bus.kind}{bus.unit} is there twice: the processor has it once")
    owners: dict[str, str] = {}
    for index, bus in enumerate(board.buses):
        gpios = units.get((bus.kind, bus.unit))
        if gpios is None:
            known = ", ".join(f"{kind}{unit}" for kind, unit in sorted(units))
            text = f"there is no {bus.kind}{bus.unit} on the {board.soc.header} header; there are {known}"
            yield Problem(("bus", index, "unit"), text)
            continue
        for place, name in enumerate(bus.pins):
            path: Path = ("bus", index, "pins", place)
            if name in owners:
                yield Problem(path, f"pin {name} is already a line of {owners[name]}")
            owners.setdefault(name, bus.name)
            if name in pins and pins[name].gpio not in gpios:
                text = f"GPIO {pins[name].gpio} cannot be a line of {bus.kind}{bus.unit}; these can:"
                yield Problem(path, f"{text} {', '.join(map(str, sorted(gpios)))}")
        if bus.kind == "i2c" and bus.frequency_hz > I2C_HZ_MAX:
            yield Problem(("bus", index, "frequency_hz"), f"an I2C bus runs at most at {I2C_HZ_MAX} Hz")


def pins(board: Board) -> Iterator[Problem]:
    """Supply pins stay supply pins, pulses come from GPIOs that have a generator, bus lines belong to a bus."""
    in_buses = {name for bus in board.buses for name in bus.pins}
    bus_kinds = {kind for kind, _ in BUS_GPIOS[board.soc.header]}
    for index, pin in enumerate(board.pins.soc):
        path: Path = ("pins", "soc", index)
        supply = SUPPLIES[board.soc.header].get(pin.physical or 0)
        if supply is not None:
            yield Problem((*path, "physical"), f"pin {pin.physical} of the {board.soc.header} header is {supply}")
        if pin.function == "pwm" and pin.gpio not in PWM_GPIOS[board.soc.header]:
            gpios = ", ".join(map(str, sorted(PWM_GPIOS[board.soc.header])))
            yield Problem((*path, "function"), f"GPIO {pin.gpio} has no pulse generator; these have one: {gpios}")
        if pin.function in bus_kinds and pin.name not in in_buses:
            yield Problem((*path, "function"), f"{pin.name} is a line of no {pin.function} bus: add it to one")


def chips(board: Board) -> Iterator[Problem]:
    """Each at an address that its part can have, on a bus that has addresses."""
    kinds = {bus.name: bus.kind for bus in board.buses}
    for index, chip in enumerate(board.peripherals):
        path: Path = ("peripheral", index, "address")
        if chip.address is None:
            continue
        if kinds.get(chip.bus or "", "i2c") != "i2c" or chip.bus is None:
            yield Problem(path, f"{chip.name} is on no I2C bus: leave its address out")
        known = ADDRESSES.get(chip.part)
        if known is not None and chip.address not in known:
            text = ", ".join(f"{address:#04x}" for address in known)
            yield Problem(path, f"a {chip.part} answers at {text}, not at {chip.address:#04x}")


def power(board: Board) -> Iterator[Problem]:
    """A cell is not charged faster than it stands, nor a bay loaded beyond what switches it off."""
    cell = board.battery
    if cell is not None and cell.charge_ua > cell.capacity_mah * 1000 * CHARGE_RATE_MAX:
        text = f"{cell.charge_ua} uA would fill {cell.capacity_mah} mAh in less than an hour: lower it"
        yield Problem(("battery", "charge_ua"), text)
    bay = board.dock
    if bay is not None and bay.charge_ua >= bay.over_current_ua:
        yield Problem(("dock", "over_current_ua"), f"a bay may draw {bay.charge_ua} uA: this would switch it off")
