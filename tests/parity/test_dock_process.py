"""The dock application as a real MicroPython process, in a Pico's heap, with a controller's session at its cable."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from firmware.dock import states
from host_tools.hardware import find_board
from tests.parity.dock_board import BOARD
from tests.parity.dock_process import HEAP_KIB, DockProcess, over_a_terminal, over_pipes
from tests.patience import LIMIT_S

pytestmark = pytest.mark.usefixtures("patient_links")


@pytest.fixture(params=[over_pipes, over_a_terminal], ids=["pipes", "terminal"])
def cable(request: pytest.FixtureRequest) -> AbstractContextManager[DockProcess]:
    return request.param()


@pytest.mark.req("EMU-07", "LINK-01", "DOCK-01")
def test_a_camera_is_docked_and_powered_by_a_dock_on_micropython(cable: AbstractContextManager[DockProcess]):
    with cable as dock:
        dock.open()
        name, identity = dock.ask("identify")
        assert (name, identity["serial"]) == ("identity", BOARD["serial"])
        assert not dock.world.pins.read("bay1.power")
        dock.insert(1)
        dock.until(lambda: dock.world.pins.read("bay1.power"))
        dock.until(lambda: dock.ask("get_bays")[1]["entries"][0]["state"] == states.DOCKED)
        assert dock.ask("set_lamp", {"bay": 1, "pattern": 5})[0] == "done"
        dock.until(lambda: dock.world.pins.read("bay1.lamp_green"))
        assert dock.ask("get_camera")[0] == "error"


@pytest.mark.parametrize("model", ["pico_dock_1", "pico_dock_8"])
def test_the_heap_of_these_tests_is_what_the_board_file_gives_the_firmware(model: str):
    assert find_board(model).memory.heap_bytes == HEAP_KIB * 1024


@pytest.mark.req("EMU-07")
def test_a_dock_with_eight_bays_full_of_cameras_has_room_in_a_picos_heap():
    """In 256 KiB here: less than 192 on a Pico, see test_on_micropython."""
    with over_a_terminal(bays=8, heap_kib=256) as dock:
        dock.open()
        for bay in range(1, 9):
            dock.insert(bay)
        dock.until(lambda: [entry["state"] for entry in dock.ask("get_bays")[1]["entries"]] == [states.DOCKED] * 8)
        assert all(dock.world.pins.read(f"bay{bay}.power") for bay in range(1, 9))


@pytest.mark.req("EMU-07")
def test_a_dock_whose_cable_is_pulled_ends_in_order():
    with over_pipes() as dock:
        dock.open()
        assert dock.end_by_itself() == 0, dock.said()


@pytest.mark.req("EMU-07")
def test_firmware_that_cannot_open_its_power_switches_crashes_aloud():
    with over_pipes() as dock:
        dock.open()
        dock.lose_world()
        assert dock.process.wait(timeout=LIMIT_S) == 1
        assert "PortFault: the world is gone" in dock.said()
