"""A dock's pins and converter over the models, by the names of board.toml."""

import pytest

from firmware.ports.errors import PortFault
from host_tools.emulator.models import BayContacts, DockAdc, DockPins
from host_tools.hardware import find_board


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", ["pico_dock_8", "pico_dock_1", "pi_dock"])
def test_every_bay_name_of_the_board_is_there(model: str):
    board = find_board(model)
    bays = {number: BayContacts(number) for number in board.bays}
    adc, pins = DockAdc(bays, lambda: 0), DockPins(bays, lambda: 0)
    for channel in board.analogue.channels:
        if channel.name.startswith("bay"):
            assert adc.read_uv(channel.name) >= 0
    for pin in (*board.pins.soc, *board.pins.expander):
        if pin.name.startswith("bay"):
            pins.write(pin.name, True)
            assert pins.read(pin.name)


def test_outputs_act_on_their_own_bay():
    bays = {1: BayContacts(1), 2: BayContacts(2)}
    now = {"ms": 0}
    pins = DockPins(bays, lambda: now["ms"])
    bays[2].insert(0)
    now["ms"] = 100
    pins.write("bay1.power", True)
    assert not bays[2].is_powered()
    pins.write("bay2.power", True)
    assert bays[2].is_powered()


@pytest.mark.parametrize("name", ["bay3.power", "bay1.horn", "horn", "bayx.power", "bay1.presence", "bay1"])
def test_unknown_pins_are_named(name: str):
    pins = DockPins({1: BayContacts(1)}, lambda: 0)
    with pytest.raises(PortFault, match=name):
        pins.write(name, True)
    with pytest.raises(PortFault, match=name):
        pins.read(name)


@pytest.mark.parametrize("name", ["bay3.presence", "bay1.power", "horn"])
def test_unknown_readings_are_named(name: str):
    with pytest.raises(PortFault, match=name):
        DockAdc({1: BayContacts(1)}, lambda: 0).read_uv(name)
