"""The drawing of a header, and the source text that firmware gets."""

import ast
import xml.etree.ElementTree as ElementTree

import pytest

from host_tools.hardware import board_data, board_data_source, board_models, find_board
from host_tools.hardware.headers import BUS_GPIOS, HEADERS, LAYOUT, SUPPLIES
from host_tools.hardware.pinout import COLOURS, elsewhere, header_rows, pinout_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_has_forty_pins_each_one_thing(header: str):
    gpios, supplies = set(HEADERS[header].values()), set(SUPPLIES[header])
    assert gpios | supplies == set(range(1, 41))
    assert not gpios & supplies
    assert sorted(number for row in LAYOUT[header] for number in row) == list(range(1, 41))
    assert {gpio for gpios in BUS_GPIOS[header].values() for gpio in gpios} <= set(range(30))


def test_known_pins_are_where_the_makers_say():
    assert [SUPPLIES["pico"][number] for number in (40, 39, 36, 3)] == ["VBUS", "VSYS", "3V3", "GND"]
    assert [SUPPLIES["pi40"][number] for number in (1, 2, 6)] == ["3V3", "5V", "GND"]
    assert (HEADERS["pico"][26], HEADERS["pi40"][17], HEADERS["pi40"][21]) == (31, 11, 40)
    assert LAYOUT["pico"][0] == (1, 40)
    assert LAYOUT["pi40"][0] == (1, 2)


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", board_models())
def test_the_drawing_has_every_pin_with_its_number_colour_and_name(model: str):
    board = find_board(model)
    drawing = ElementTree.fromstring(pinout_svg(model))
    text = " ".join("".join(each.itertext()) for each in drawing.iter(f"{SVG}text"))
    pins = [pin for row in header_rows(board) for pin in row]
    shapes = [*drawing.iter(f"{SVG}circle"), *drawing.iter(f"{SVG}rect")]
    legend = len(COLOURS)
    assert len(shapes) == 40 + legend + 2  # the paper and the board
    for pin in pins:
        if pin.name:
            assert pin.name in text
            colour = COLOURS[pin.what]
            assert any(shape.get("fill") == colour for shape in shapes)
    for line in elsewhere(board):
        assert all(part.strip() in text for part in line.split(", "))
    heights = [float(each.get("y", 0)) for each in drawing.iter(f"{SVG}text")]
    assert max(heights) < float(drawing.get("viewBox", "").split()[3])


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", board_models())
def test_the_source_is_the_data(model: str):
    tree = ast.parse(board_data_source(model))
    assignment = tree.body[-1]
    assert isinstance(assignment, ast.Assign)
    assert ast.literal_eval(assignment.value) == board_data(find_board(model))
    assert max(map(len, board_data_source(model).splitlines())) <= 120
