"""The bay's firmware against the physical models: bounce, shorts, over-current, removal at the worst moment."""

import pytest

from firmware.dock import bay as bay_module
from firmware.dock import contacts, states
from firmware.link.schema import QUANTITIES
from host_tools.emulator.models import CameraSide, Node, Short
from tests.unit.dock.rig import PRE_POWER, BayRig


@pytest.mark.req("DOCK-01", "DOCK-02")
@pytest.mark.parametrize("seed", range(30))
def test_a_good_camera_is_powered_within_half_a_second_and_passes(seed: int):
    rig = BayRig(seed)
    rig.run(100)
    rig.insert()
    rig.run(500)
    assert rig.visited == ["free", "settling", "checking", "docked"], rig.story()
    rig.run(2000)
    for _, quantity, _ in QUANTITIES:
        assert rig.verdict_of(quantity) in ("pass", "marginal"), f"{quantity}: {rig.story()}"
    assert rig.value_of(contacts.CHARGE_CURRENT) == pytest.approx(rig.contacts.current_ua(), abs=40_000)
    assert rig.value_of(contacts.SUPPLY_DROOP) == pytest.approx(0.16 * rig.contacts.current_ua(), abs=30_000)


@pytest.mark.req("DOCK-01")
def test_worn_pins_bounce_more_and_are_still_debounced():
    new = [BayRig(seed) for seed in range(40)]
    worn = [BayRig(seed, cycles=100_000) for seed in range(40)]
    for rig in new + worn:
        rig.dock()
        assert rig.visited.count("docked") == 1, rig.story()
    assert sum(rig.bay.bounces() for rig in worn) > 2 * sum(rig.bay.bounces() for rig in new)


@pytest.mark.req("DOCK-01")
@pytest.mark.parametrize("seed", range(30))
def test_power_is_off_before_the_power_pins_part(seed: int):
    rig = BayRig(seed)
    rig.dock()
    rig.run(1000 + seed)
    rig.remove()
    rig.run(8)
    assert not rig.bay.is_powered(), rig.story()
    rig.run(100)
    assert rig.contacts.hot_breaks == 0
    assert rig.state() == "free"


@pytest.mark.req("DOCK-01")
@pytest.mark.parametrize("after_ms", range(0, 320, 10))
def test_a_camera_pulled_at_any_moment_of_its_arrival_leaves_a_free_unpowered_bay(after_ms: int):
    rig = BayRig(seed=after_ms)
    rig.run(50)
    rig.insert()
    rig.run(after_ms)
    rig.remove()
    rig.run(200)
    assert rig.state() == "free", rig.story()
    assert rig.contacts.hot_breaks == 0
    assert not rig.pins.read("bay1.power")
    assert not rig.pins.read("bay1.drive")
    rig.dock()


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(
    ("first", "second"),
    [(Node.POWER, Node.DATA), (Node.POWER, Node.PRESENCE), (Node.POWER, Node.GROUND), (Node.PRESENCE, Node.GROUND)],
)
@pytest.mark.parametrize("where", ["bay", "camera"])
def test_a_short_is_found_before_power_is_applied(first: Node, second: Node, where: str):
    rig = BayRig(seed=3)
    short = Short(first, second, 1.0)
    if where == "bay":
        rig.contacts.short(first, second, short.ohm)
    rig.insert(CameraSide(shorts=(short,) if where == "camera" else ()))
    rig.run(1000)
    assert rig.state() == "fault", rig.story()
    assert "docked" not in rig.visited
    assert "fail" in [rig.verdict_of(quantity) for quantity in PRE_POWER]
    assert not rig.bay.is_powered()


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(("ohm", "verdict"), [(1e9, "pass"), (5e6, "marginal"), (2e5, "fail")])
def test_dirt_between_pins_is_graded(ohm: float, verdict: str):
    rig = BayRig(seed=4)
    rig.contacts.short(Node.POWER, Node.DATA, ohm)
    rig.insert()
    rig.run(500)
    assert rig.verdict_of(contacts.PIN_COUPLING) == verdict, rig.value_of(contacts.PIN_COUPLING)


@pytest.mark.req("DOCK-02")
def test_a_short_that_appears_under_power_trips_within_20_ms_and_stays_off():
    rig = BayRig(seed=5)
    rig.dock()
    rig.run(2000)
    rig.contacts.short(Node.POWER, Node.GROUND, 1.0)
    rig.run(20)
    assert rig.state() == "fault"
    assert rig.verdict_of(contacts.CHARGE_CURRENT) == "fail"
    rig.run(60_000)
    assert rig.state() == "fault"
    assert rig.contacts.current_ua() == 0


@pytest.mark.req("DOCK-02", "DOCK-07")
def test_a_cleaned_fault_recovers_on_a_recheck_or_a_new_docking():
    rig = BayRig(seed=6)
    rig.contacts.short(Node.POWER, Node.DATA, 10.0)
    rig.insert()
    rig.run(500)
    assert rig.state() == "fault"
    assert rig.bay.happen(states.RECHECK, rig.now_ms)
    rig.run(500)
    assert rig.state() == "fault"
    rig.contacts.clear_shorts()
    assert rig.bay.happen(states.RECHECK, rig.now_ms)
    rig.run(500)
    assert rig.state() == "docked"
    rig.remove()
    rig.run(100)
    rig.dock()


@pytest.mark.req("DOCK-07")
def test_a_converter_that_fails_and_comes_back_powers_the_camera_again():
    rig = BayRig(seed=7)
    rig.dock()
    rig.adc.broken = True
    rig.run(100)
    assert rig.state() == "fault"
    assert not rig.bay.is_powered()
    rig.adc.broken = False
    rig.run(500)
    assert rig.state() == "docked", rig.story()


@pytest.mark.req("DOCK-02", "DOCK-05")
def test_a_contact_that_never_comes_to_rest_is_a_fault_and_no_empty_bay():
    rig = BayRig(seed=9)
    rig.adc.flickers = True
    rig.insert()
    rig.run(4_000)
    assert rig.state() == "settling", rig.story()
    rig.run(1_500)
    assert rig.state() == "fault", rig.story()
    assert (rig.bay.measured, rig.verdict_of(contacts.BOUNCES)) == (True, "marginal")
    rig.adc.flickers = False
    rig.run(1_500)
    assert rig.state() == "docked", rig.story()
    rig.remove()
    rig.run(500)
    assert rig.state() == "free", rig.story()


@pytest.mark.req("DOCK-07")
def test_a_converter_that_stays_broken_is_not_tried_again_and_again():
    rig = BayRig(seed=7)
    rig.adc.missing = "coupling"
    rig.insert()
    rig.run(60_000)
    assert rig.visited.count("checking") < 10, rig.story()
    rig.adc.missing = "nothing"
    rig.run(70_000)
    assert rig.state() == "docked", rig.story()
    rig.remove()
    rig.run(100)
    rig.adc.missing = "coupling"
    rig.insert()
    rig.run(500)
    assert rig.visited[-6:].count("checking") == 2, "another camera is tried again at once"


def test_a_converter_that_fails_over_an_empty_bay_leaves_it_free_again():
    rig = BayRig(seed=8)
    rig.run(100)
    rig.adc.broken = True
    rig.run(100)
    assert rig.state() == "fault"
    rig.adc.broken = False
    rig.run(100)
    assert rig.state() == "free"


@pytest.mark.req("DOCK-07")
def test_a_dock_that_lost_its_power_charges_the_camera_again_by_itself():
    rig = BayRig(seed=13)
    rig.dock()
    rig.contacts.set_output("power", False, rig.now_ms)
    rig.run(5000)
    rig.restart()
    assert not rig.pins.read("bay1.power")
    rig.run(1500)
    assert rig.state() == "docked", rig.story()
    assert rig.contacts.current_ua() > 500_000


def test_a_full_camera_ends_the_check_without_a_droop():
    rig = BayRig(seed=9, percent=99.5)
    rig.dock()
    rig.run(bay_module.LOADED_LIMIT_MS + 100)
    assert rig.bay.measured
    assert rig.verdict_of(contacts.SUPPLY_VOLTAGE) == "pass"
    assert rig.verdict_of(contacts.SUPPLY_DROOP) == "not_measured"


def test_a_power_cycle_needs_a_new_check():
    rig = BayRig(seed=10)
    rig.dock()
    assert rig.bay.happen(states.SWITCHED_OFF, rig.now_ms)
    assert rig.state() == "off"
    rig.run(1000)
    assert rig.state() == "off"
    assert rig.bay.happen(states.SWITCHED_ON, rig.now_ms)
    assert not rig.bay.is_powered()
    rig.run(500)
    assert rig.visited[-3:] == ["off", "checking", "docked"]


def test_the_same_seed_tells_the_same_story():
    def story(seed: int) -> tuple[list[str], list[dict[str, int]]]:
        rig = BayRig(seed)
        rig.dock()
        rig.run(3000)
        return rig.visited, rig.bay.check.measurements()

    assert story(11) == story(11)
    assert story(11) != story(12)
