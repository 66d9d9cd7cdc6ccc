"""``bwc board …``: the boards, their facts and their pin-out, in a terminal of eighty columns."""

import re
import shutil
from pathlib import Path

import pytest

from host_tools.cli import board_commands
from host_tools.hardware import board_models, find_board
from host_tools.hardware.files import BOARDS_FOLDER
from host_tools.hardware.headers import LAYOUT
from tests.unit.cli.parts import Bwc


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_commands.console, "width", 80)


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", board_models())
def test_a_pinout_shows_every_pin_in_its_place(bwc: Bwc, model: str):
    board = find_board(model)
    lines = bwc("board", "pinout", model).out.splitlines()
    for line, (left, right) in zip(lines[1:], LAYOUT[board.soc.header], strict=False):
        assert re.search(rf" {left} +{right} ", line), line
    for pin in board.pins.soc:
        line = next(line for line in lines if re.search(rf"\bGPIO {pin.gpio}\b", line) and pin.name in line)
        assert ("!" in line) >= (pin.active == "low")
        if pin.physical is not None:
            assert f" {pin.physical} " in line
    assert all(name in " ".join(lines) for name in (each.name for each in board.pins.expander))
    assert "…" not in "".join(lines), "a name was cut short"


@pytest.mark.req("EMU-01")
def test_a_board_shows_its_budgets_functions_slots_and_chips(bwc: Bwc):
    said = " ".join(bwc("board", "show", "pi_zero_2w_camera").out.split())
    for text in (
        "heap budget 196608 KiB",
        "link (acm, 3), offload (ffs, 2): 5 of 7 endpoints",
        "slots a, b, bundles for openbwc-pi-zero-2w-camera",
        "battery 3000 mAh",
        "charger BQ25895 charger i2c1 0x6a",
    ):
        assert text in said
    assert "8 x TPS2553" in bwc("board", "show", "pico_dock_8").out


def test_all_boards_are_listed(bwc: Bwc):
    said = bwc("board", "list").out
    for model in board_models():
        board = find_board(model)
        for text in (model, f"1209:{board.usb.pid:04x}", board.firmware.application):
            assert text in said, "a name was cut short"


def test_a_board_may_be_named_by_file_or_folder(bwc: Bwc, tmp_path: Path):
    home = BOARDS_FOLDER / "pico_dock_1"
    assert bwc("board", "show", str(home)).out == bwc("board", "show", "pico_dock_1").out
    assert bwc("board", "show", str(home / "board.toml")).out == bwc("board", "show", "pico_dock_1").out
    copied = tmp_path / "my_dock"
    shutil.copytree(home, copied)
    bwc("board", "show", str(copied)).must_be_one_line('model: the folder is named "my_dock", so must the model be')


def test_a_board_that_is_not_there_gets_the_nearest_name(bwc: Bwc):
    bwc("board", "pinout", "pico_dok_8").must_be_one_line("there is no board pico_dok_8; did you mean pico_dock_8?")
