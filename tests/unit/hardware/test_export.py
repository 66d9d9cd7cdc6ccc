"""Board data for firmware: plain values that MicroPython source can hold, and what ``compose`` asks for."""

import ast
from typing import Any

import pytest

from host_tools.hardware import board_data, board_models, find_board

PLAIN = (str, int, float, bool, type(None))


def assert_plain(value: Any, path: str = "board") -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            assert isinstance(key, str)
            assert_plain(each, f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            assert_plain(each, f"{path}[{index}]")
    else:
        assert type(value) in PLAIN, path


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", board_models())
def test_it_is_source_text(model: str):
    data = board_data(find_board(model), serial="S1", firmware="0.1.0")
    assert_plain(data)
    assert ast.literal_eval(repr(data)) == data
    assert (data["model"], data["serial"], data["firmware"]) == (model, "S1", "0.1.0")


@pytest.mark.req("EMU-01")
def test_a_dock_gets_bays_and_electrical_facts():
    data = board_data(find_board("pico_dock_8"))
    assert data["bays"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {"presence_open_uv", "over_current_ua", "shunt_uohm"} <= set(data["dock"])
    assert data["channels"]["bay8.current"] == {"source": "mux_b", "input": 15, "gain": 20.0}
    assert data["expander"]["bay1.power"] == {"chip": "outputs", "bit": 0, "active_low": False}
    assert data["pins"]["outputs.enable"]["active_low"]
    assert data["serial"] == ""


def test_a_camera_gets_buttons_and_video():
    data = board_data(find_board("pi_zero_2w_camera"))
    assert data["buttons"]["record"] == {"pin": "button.record", "hold_ms": 3000, "double_ms": 400}
    assert data["video"]["default"] == "1080p"
    assert data["storage"]["card"]["evidence"] is True
    assert "bays" not in data
