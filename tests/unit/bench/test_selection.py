"""What a scenario needs held against what a bench has."""

from __future__ import annotations

import pytest

from host_tools.bench.features import BENCH_FEATURES, BOARD_FEATURES, FEATURE, problem_with
from host_tools.bench.selection import Kind, NeedError, Offer, Unit, board_features, parsed, unmet
from host_tools.hardware import find_board

WORN = board_features(find_board("pi_zero_2w_camera"), True)
UNWORN = board_features(find_board("pi_zero_2w_camera"), False, ["x-cracked"])
UNITS = (
    Unit("dock-1", "D1", "pico_dock_8", "dock", board_features(find_board("pico_dock_8"), False), (1, 2, 3, 4)),
    Unit("camera-1", "C1", "pi_zero_2w_camera", "camera", WORN),
    Unit("camera-2", "C2", "pi_zero_2w_camera", "camera", WORN),
    Unit("camera-3", "C3", "pi_zero_2w_camera", "camera", UNWORN),
)
LAB = Offer("lab", False, frozenset({"press", "look", "x-oven"}), UNITS)


@pytest.mark.parametrize(
    ("needs", "reasons"),
    [
        ([], []),
        (["press", "look", "cameras:3", "docks", "worn:2", "unworn", "x-oven", "x-cracked", "bays-8", "storage:3"], []),
        (["slow-link"], ["bench lab has no slow-link (the line to a board can be made slow)"]),
        (["cameras:4"], ["bench lab has 3 cameras, 4 needed"]),
        (["docks:2"], ["bench lab has 1 docks, 2 needed"]),
        (["worn:3"], ["bench lab has 2 boards with worn, 3 needed"]),
        (["x-laser", "truth"], ["bench lab has no x-laser", f"bench lab has no truth ({BENCH_FEATURES['truth']})"]),
    ],
)
def test_every_need_that_is_not_met_is_a_reason(needs: list[str], reasons: list[str]):
    assert unmet(needs, LAB) == reasons


@pytest.mark.parametrize("wrong", ["slowlink", "cameras:", "cameras:0", "cameras:two", ""])
def test_a_slip_of_the_pen_is_no_need(wrong: str):
    with pytest.raises(NeedError, match="needs"):
        unmet([wrong], LAB)


def test_a_slip_of_the_pen_is_answered_with_the_word_that_was_meant():
    with pytest.raises(NeedError, match="did you mean slow-link"):
        parsed("slowlink")
    assert problem_with("x-anything") == ""


def test_a_scenario_runs_on_every_real_board_that_matches_and_on_one_emulated_board_of_each_sort():
    def names(needs: list[str], every: bool, kind: Kind = "camera") -> list[str]:
        return [unit.name for unit in LAB.matching(kind, needs, every)]

    assert names([], every=True) == ["camera-1", "camera-2", "camera-3"]
    assert names([], every=False) == ["camera-1", "camera-3"]
    assert names(["worn", "press", "cameras:2"], every=True) == ["camera-1", "camera-2"]
    assert names(["x-cracked"], every=True) == ["camera-3"]
    assert names(["x-oven"], every=True) == ["camera-1", "camera-2", "camera-3"]
    assert names(["worn", "bays-8"], every=True, kind="dock") == ["dock-1"]


def test_words_are_words():
    assert all(FEATURE.fullmatch(word) for word in {**BENCH_FEATURES, **BOARD_FEATURES})
    assert not BENCH_FEATURES.keys() & BOARD_FEATURES.keys()
