"""Heat at the block of contacts, and averages of supply and current for a comparison with the camera's side."""

import pytest

from firmware.dock import bay as bay_module
from firmware.dock import contacts
from tests.unit.dock.rig import BayRig


@pytest.mark.req("DOCK-02", "DOCK-04")
@pytest.mark.parametrize("seed", range(5))
def test_a_block_that_gets_too_hot_is_switched_off_and_tried_again_when_cool(seed: int):
    rig = BayRig(seed)
    rig.dock()
    rig.run(3_000)
    rig.contacts.hot_w = 1.5  # 63 K more at the block, in the end
    while rig.state() != "fault" and rig.now_ms < 40_000:
        rig.run(100)
    assert rig.state() == "fault", rig.story()
    assert rig.verdict_of(contacts.BLOCK_TEMPERATURE) == "fail"
    assert 57.5 < rig.contacts.block_c() < 64.5, "60 degrees, 2.5 of uncertainty, a second of looking"
    assert not rig.contacts.is_powered()
    rig.contacts.hot_w = 0.0
    rig.run(60_000)
    assert rig.state() == "docked", rig.story()


@pytest.mark.req("DOCK-02")
def test_a_warm_block_is_told_and_goes_on():
    rig = BayRig(1)
    rig.dock()
    rig.run(3_000)
    rig.bay.measured = False
    rig.contacts.hot_w = 0.72
    rig.run(90_000)
    assert rig.verdict_of(contacts.BLOCK_TEMPERATURE) == "marginal", rig.contacts.block_c()
    assert rig.state() == "docked"
    assert rig.bay.measured, "the controller is not told"


@pytest.mark.req("DOCK-04")
def test_a_block_that_is_given_less_when_warm_does_not_go_to_and_fro():
    """Told warm, the controller halves the current; told better, it gives all. That would be every other second."""
    rig = BayRig(1)
    rig.dock()
    rig.run(3_000)
    rig.bay.measured = False
    told_ms: list[int] = []
    for _ in range(600):
        rig.contacts.hot_w = 0.3 if len(told_ms) % 2 else 0.7
        rig.run(1_000)
        if rig.bay.measured:
            rig.bay.measured = False
            rig.bay.measurements()
            told_ms.append(rig.now_ms)
    assert told_ms, "it gets warm"
    assert len(told_ms) < 600 // 10, f"told {len(told_ms)} times in ten minutes"


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("seed", range(10))
def test_the_temperature_is_within_its_stated_uncertainty(seed: int):
    rig = BayRig(seed)
    rig.dock()
    rig.contacts.hot_w = 0.05 * seed
    rig.run(60_000)
    rig.bay.measure_now()
    assert rig.value_of(contacts.BLOCK_TEMPERATURE) == pytest.approx(1000 * rig.contacts.block_c(), abs=2_500)


def test_a_hot_block_gets_no_power_at_a_docking_either():
    rig = BayRig(2)
    rig.contacts.hot_w = 3.0
    rig.run(60_000)
    rig.insert()
    rig.run(2_000)
    assert rig.state() == "fault"
    assert "docked" not in rig.visited


def test_a_dock_without_a_thermistor_says_so_and_charges():
    rig = BayRig(3)
    rig.adc.missing = "temperature"
    rig.dock()
    rig.run(5_000)
    assert rig.verdict_of(contacts.BLOCK_TEMPERATURE) == "not_measured"
    assert rig.state() == "docked"


@pytest.mark.req("DOCK-02")
def test_a_window_averages_what_flows_meanwhile():
    rig = BayRig(4)
    rig.dock()
    rig.run(3_000)
    assert rig.bay.begin_window(7, 200, rig.now_ms)
    assert not rig.bay.begin_window(8, 200, rig.now_ms), "one at a time"
    rig.run(190)
    assert rig.bay.windows == []
    rig.run(30)
    (told,) = rig.bay.windows
    assert (told["bay"], told["run"]) == (1, 7)
    assert told["samples"] >= 200 // bay_module.WINDOW_SAMPLE_MS - 2
    assert told["current_ua"] == pytest.approx(rig.contacts.current_ua(), abs=40_000)
    assert 0 < told["supply_deviation_uv"] < 10_000


@pytest.mark.req("DOCK-02")
def test_a_window_whose_camera_goes_ends_at_once():
    rig = BayRig(5)
    rig.dock()
    rig.run(3_000)
    assert rig.bay.begin_window(9, 1_000, rig.now_ms)
    rig.remove()
    rig.run(100)
    (told,) = rig.bay.windows
    assert told["run"] == 9
    assert not rig.bay.begin_window(10, 200, rig.now_ms), "nothing flows in an empty bay"
