"""What must agree between two places of a board file: pins, chips, converter inputs, endpoints, bays, slots.

Law: pure; a rule takes a Board whose shape is right and yields problems with the path of the key to change.
"""

from __future__ import annotations

from collections.abc import Iterator

from host_tools.hardware import rules_update, rules_wiring
from host_tools.hardware.errors import nearest
from host_tools.hardware.headers import ADC_GPIOS, HEADERS, SOCS
from host_tools.hardware.model import Board, Channel, SocPin
from host_tools.hardware.problem import Path, Problem, repeated

BAY_CHANNELS = ("presence", "supply", "current", "coupling", "temperature")
BAY_OUTPUTS = ("power", "drive", "lamp_green", "lamp_red")
ACM_MAX = 4  # serial functions a Linux gadget can have


def problems(board: Board) -> Iterator[Problem]:
    """Everything that does not fit together."""
    for rule in RULES:
        yield from rule(board)


def _pin_names(board: Board) -> list[str]:
    return [pin.name for pin in board.pins.soc]


def _soc(board: Board) -> Iterator[Problem]:
    soc = board.soc
    if soc.name not in SOCS:
        yield Problem(("soc", "name"), f"no processor {soc.name} is known; {nearest(soc.name, SOCS, 'known')}")
        return
    header, cores, python = SOCS[soc.name]
    for key, said, known in (
        ("header", soc.header, header), ("cores", soc.cores, cores), ("python", soc.python, python),
    ):  # fmt: skip
        if said != known:
            yield Problem(("soc", key), f"{key} of a {soc.name}: {known}, not {said}")


def _soc_pins(board: Board) -> Iterator[Problem]:
    header = HEADERS[board.soc.header]
    first: dict[int, SocPin] = {}
    for index, pin in enumerate(board.pins.soc):
        path: Path = ("pins", "soc", index, "gpio")
        if pin.gpio in first:
            yield Problem(path, f"GPIO {pin.gpio} is used twice, for {first[pin.gpio].name} and {pin.name}: move one")
        first.setdefault(pin.gpio, pin)
        on_header = header.get(pin.gpio)
        if pin.physical is not None and pin.physical != on_header:
            place = f"on pin {on_header}" if on_header else "not brought out"
            yield Problem((*path[:-1], "physical"), f"GPIO {pin.gpio} is {place} of the {board.soc.header} header")
        if pin.function == "adc" and pin.gpio not in ADC_GPIOS[board.soc.header]:
            yield Problem((*path[:-1], "function"), f"GPIO {pin.gpio} of {board.soc.name} is no converter input")


def _names(board: Board) -> Iterator[Problem]:
    places: list[tuple[str, Path]] = []
    places += [(pin.name, ("pins", "soc", index, "name")) for index, pin in enumerate(board.pins.soc)]
    places += [(pin.name, ("pins", "expander", index, "name")) for index, pin in enumerate(board.pins.expander)]
    places += [
        (channel.name, ("analogue", "channels", index, "name")) for index, channel in enumerate(board.analogue.channels)
    ]
    for index in repeated([name for name, _ in places]):
        yield Problem(places[index][1], f"the name {places[index][0]} is given twice: rename one of them")
    for key, names in (
        ("peripheral", [chip.name for chip in board.peripherals]),
        ("bus", [bus.name for bus in board.buses]),
        ("storage", [medium.name for medium in board.storages]),
        ("button", [button.name for button in board.buttons]),
    ):
        for index in repeated(names):
            yield Problem((key, index, "name"), f"the {key} {names[index]} is there twice: rename one of them")


def _expander(board: Board) -> Iterator[Problem]:
    chips = {chip.name: chip for chip in board.peripherals if chip.kind == "shift_register"}
    lines = [(pin.chip, pin.bit) for pin in board.pins.expander]
    for index, pin in enumerate(board.pins.expander):
        path: Path = ("pins", "expander", index)
        chip = chips.get(pin.chip)
        if chip is None:
            yield Problem(
                (*path, "chip"), f"there is no shift register {pin.chip}; {nearest(pin.chip, chips, 'shift registers')}"
            )
        elif pin.bit >= (chip.outputs or 0):
            yield Problem((*path, "bit"), f"{pin.chip} has outputs 0 to {(chip.outputs or 0) - 1}, not {pin.bit}")
    for index in repeated(lines):
        chip_name, bit = lines[index]
        first, second = board.pins.expander[lines.index(lines[index])].name, board.pins.expander[index].name
        text = f"output {bit} of {chip_name} is used twice, for {first} and {second}: move one"
        yield Problem(("pins", "expander", index, "bit"), text)


def _peripherals(board: Board) -> Iterator[Problem]:
    pins = _pin_names(board)
    buses = {bus.name: bus for bus in board.buses}
    for index, chip in enumerate(board.peripherals):
        path: Path = ("peripheral", index)
        for place, name in enumerate(chip.pins):
            if name not in pins:
                yield Problem((*path, "pins", place), f"there is no pin {name}; {nearest(name, pins, 'pins')}")
        if chip.bus is not None and chip.bus not in buses:
            yield Problem((*path, "bus"), f"there is no bus {chip.bus}; {nearest(chip.bus, buses, 'buses')}")
        elif chip.bus is not None and buses[chip.bus].kind == "i2c" and chip.address is None:
            yield Problem((*path, "name"), f"{chip.name} is on the I2C bus {chip.bus}: give its address")
    addresses = [None if chip.address is None else (chip.bus, chip.address) for chip in board.peripherals]
    for index in repeated(addresses):
        chip = board.peripherals[index]
        yield Problem(("peripheral", index, "address"), f"address {chip.address:#04x} of {chip.bus} is taken twice")


def _buses(board: Board) -> Iterator[Problem]:
    pins = {pin.name: pin for pin in board.pins.soc}
    for index, bus in enumerate(board.buses):
        for place, name in enumerate(bus.pins):
            path: Path = ("bus", index, "pins", place)
            if name not in pins:
                yield Problem(path, f"there is no pin {name}; {nearest(name, pins, 'pins')}")
            elif pins[name].function != bus.kind:
                yield Problem(path, f"pin {name} has the function {pins[name].function}, the bus needs {bus.kind}")


def _channels(board: Board) -> Iterator[Problem]:
    inputs = _inputs(board)
    taken = [(channel.source, channel.input) for channel in board.analogue.channels]
    for index, channel in enumerate(board.analogue.channels):
        yield from _channel(channel, ("analogue", "channels", index), inputs)
    for index in repeated(taken):
        source, number = taken[index]
        path: Path = ("analogue", "channels", index, "input")
        yield Problem(path, f"input {number} of {source} is read under two names: each needs an input of its own")
    outputs = [chip.output for chip in board.peripherals]
    for index in repeated(outputs):
        yield Problem(("peripheral", index, "output"), f"{outputs[index]} already takes another multiplexer's output")
    for index, channel in enumerate(board.analogue.channels):
        if channel.source in outputs:
            path = ("analogue", "channels", index, "source")
            yield Problem(path, f"{channel.source} is taken by a multiplexer: read {channel.name} through it")
    for index, chip in enumerate(board.peripherals):
        if chip.kind == "mux" and (chip.output is None or chip.inputs is None):
            yield Problem(("peripheral", index, "name"), f"the multiplexer {chip.name} needs inputs and output")
        elif chip.output is not None and inputs.get(chip.output) != 1:
            adc_pins = [pin.name for pin in board.pins.soc if pin.function == "adc"]
            remedy = nearest(chip.output, adc_pins, "converter pins")
            yield Problem(("peripheral", index, "output"), f"there is no converter pin {chip.output}; {remedy}")


def _inputs(board: Board) -> dict[str, int]:
    """Source of readings -> how many inputs it has."""
    sources = {pin.name: 1 for pin in board.pins.soc if pin.function == "adc"}
    sources |= {chip.name: chip.inputs for chip in board.peripherals if chip.inputs is not None}
    return sources


def _channel(channel: Channel, path: Path, inputs: dict[str, int]) -> Iterator[Problem]:
    count = inputs.get(channel.source)
    if count is None:
        remedy = nearest(channel.source, inputs, "sources of readings")
        yield Problem((*path, "source"), f"there is no converter {channel.source}; {remedy}")
    elif channel.input >= count:
        yield Problem((*path, "input"), f"{channel.source} has inputs 0 to {count - 1}, not {channel.input}")


def _usb(board: Board) -> Iterator[Problem]:
    needed = sum(function.endpoints for function in board.usb.functions)
    if needed > board.usb.endpoints_max:
        names = " + ".join(f"{function.name} {function.endpoints}" for function in board.usb.functions)
        text = f"{names} = {needed} endpoints, {board.soc.name} has {board.usb.endpoints_max}: drop a function"
        yield Problem(("usb", "functions"), text)
    serials = [index for index, function in enumerate(board.usb.functions) if function.kind == "acm"]
    if len(serials) > ACM_MAX:
        yield Problem(("usb", "functions", serials[ACM_MAX]), f"a board has at most {ACM_MAX} serial functions")
    for index in repeated([function.name for function in board.usb.functions]):
        yield Problem(("usb", "functions", index, "name"), "two functions have this name: rename one of them")


def _budgets(board: Board) -> Iterator[Problem]:
    memory = board.memory
    if memory.heap_bytes > memory.ram_bytes:
        text = f"the budget is more than the {memory.ram_bytes} bytes there are: lower it"
        yield Problem(("memory", "heap_bytes"), text)
    if 0 < memory.flash_bytes < memory.firmware_bytes_max:
        text = f"the budget is more than the {memory.flash_bytes} bytes there are: lower it"
        yield Problem(("memory", "firmware_bytes_max"), text)


def _dock(board: Board) -> Iterator[Problem]:
    if board.kind != "dock":
        return
    if board.firmware.application != "firmware.dock":
        yield Problem(("firmware", "application"), 'a dock runs "firmware.dock"')
    if board.firmware.suite is not None:
        yield Problem(("firmware", "suite"), "a dock records nothing: leave the suite out")
    if board.hub is None or board.dock is None:
        yield Problem((), "a dock needs the tables [hub] and [dock]: add what is missing")
        return
    for index in repeated([bay.bay for bay in board.hub.bays]):
        yield Problem(("hub", "bays", index, "bay"), f"bay {board.hub.bays[index].bay} is there twice")
    for index in repeated([board.hub.controller_port, *(bay.port for bay in board.hub.bays)]):
        port = board.hub.bays[index - 1].port
        yield Problem(("hub", "bays", index - 1, "port"), f"hub port {port} is taken twice")
    if board.bays != tuple(range(1, len(board.bays) + 1)):
        yield Problem(("hub", "bays"), f"bays are numbered from 1 without a gap, not {list(board.bays)}")
    channels = [channel.name for channel in board.analogue.channels]
    outputs = _pin_names(board) + [pin.name for pin in board.pins.expander]
    for bay in board.bays:
        for name in [f"bay{bay}.{word}" for word in BAY_CHANNELS]:
            if name not in channels:
                yield Problem(("analogue", "channels"), f"the dock firmware reads {name}: add it to the channels")
        for name in [f"bay{bay}.{word}" for word in BAY_OUTPUTS]:
            if name not in outputs:
                yield Problem(("pins",), f"the dock firmware drives {name}: add it to the pins")


def _camera(board: Board) -> Iterator[Problem]:
    if board.kind != "camera":
        return
    if board.firmware.application != "firmware.camera":
        yield Problem(("firmware", "application"), 'a camera runs "firmware.camera"')
    if board.firmware.suite is None:
        yield Problem(("firmware",), 'a camera needs suite = "aes-256-gcm"')
    if board.video is None or board.battery is None or not board.storages:
        yield Problem(
            (), "a camera needs the tables [video], [battery] and at least one [[storage]]: add what is missing"
        )
    if board.video is not None:
        modes = [mode.name for mode in board.video.modes]
        if board.video.default not in modes:
            remedy = nearest(board.video.default, modes, "modes")
            yield Problem(("video", "default"), f'there is no video mode "{board.video.default}"; {remedy}')
        for index in repeated(modes):
            yield Problem(("video", "modes", index, "name"), f'the mode "{modes[index]}" is there twice')
    inputs = [pin.name for pin in board.pins.soc if pin.function == "in"]
    for index, button in enumerate(board.buttons):
        if button.pin not in inputs:
            remedy = nearest(button.pin, inputs, "input pins")
            yield Problem(("button", index, "pin"), f"there is no input pin {button.pin}; {remedy}")


RULES = (
    _soc,
    _soc_pins,
    _names,
    _expander,
    _peripherals,
    _buses,
    rules_wiring.pins,
    rules_wiring.buses,
    rules_wiring.chips,
    rules_wiring.power,
    _channels,
    _usb,
    _budgets,
    rules_update.partitions,
    rules_update.slots,
    _dock,
    _camera,
)
