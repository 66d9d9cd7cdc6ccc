"""The contact model: what it states of wear, bounce, divider and load, in numbers."""

import statistics

import pytest

from host_tools.emulator.models import BayContacts, CameraSide, Node
from host_tools.emulator.models.adc import IDEAL
from host_tools.emulator.models.contacts import CHARGER_INPUT_UV_MIN, LIFE_CYCLES, SWITCH_LIMIT_UA

SEEDS = range(60)


def inserted(seed: int, cycles: int = 0, camera: CameraSide | None = None) -> BayContacts:
    bay = BayContacts(seed, cycles, IDEAL)
    bay.insert(100, camera)
    bay.advance(400)
    return bay


def touches_of(bay: BayContacts, start_ms: int, end_ms: int) -> list[bool]:
    levels: list[bool] = []
    for now_ms in range(start_ms, end_ms):
        bay.advance(now_ms)
        levels.append(bay.read_uv("presence") < 2_800_000)
    return levels


def test_an_empty_bay_reads_its_pull_up_and_nothing_else():
    bay = BayContacts(1, traits=IDEAL)
    bay.advance(1000)
    assert bay.read_uv("presence") == pytest.approx(3_300_000, abs=1000)
    assert bay.read_uv("supply") == bay.read_uv("coupling") == 0
    assert bay.contact_ohm() == float("inf")


def test_a_camera_divides_the_pull_up():
    assert inserted(1).read_uv("presence") == pytest.approx(1_650_000, abs=1000)
    assert inserted(1, camera=CameraSide(id_ohm=4_700)).read_uv("presence") == pytest.approx(1_055_000, abs=1000)


@pytest.mark.req("DOCK-01")
def test_the_presence_pin_bounces_and_comes_to_rest():
    bouncing = 0
    for seed in SEEDS:
        bay = BayContacts(seed, traits=IDEAL)
        bay.insert(0)
        levels = touches_of(bay, 1, 300)
        assert levels[-1], f"seed {seed}"
        assert not levels[0], f"seed {seed}"
        bouncing += levels.count(False) > levels.index(True)
    assert bouncing > len(SEEDS) / 4


@pytest.mark.req("DOCK-01")
def test_removal_opens_presence_first_and_power_later():
    for seed in SEEDS:
        bay = inserted(seed)
        bay.set_output("power", True, 400)
        bay.remove(500)
        assert bay.read_uv("presence") > 3_000_000, f"seed {seed}"
        bay.advance(507)
        assert bay.is_powered(), f"seed {seed}"
        bay.set_output("power", False, 507)
        bay.advance(600)
        assert (bay.is_mated(), bay.hot_breaks) == (False, 0), f"seed {seed}"


def test_pulling_under_power_is_counted_as_an_arc():
    bay = inserted(1)
    bay.set_output("power", True, 400)
    bay.remove(500)
    bay.advance(600)
    assert bay.hot_breaks == 1
    assert not bay.is_powered()


@pytest.mark.req("DOCK-02")
def test_wear_raises_resistance_within_the_stated_range():
    new = statistics.fmean(inserted(seed).contact_ohm() for seed in SEEDS)
    worn = statistics.fmean(inserted(seed, LIFE_CYCLES).contact_ohm() for seed in SEEDS)
    assert 0.07 < new < 0.10  # two contacts of about 21 mOhm and 40 mOhm of wiring
    assert worn - new == pytest.approx(0.020, abs=0.008)


@pytest.mark.req("DOCK-02")
def test_the_camera_sees_less_than_the_dock_by_contacts_and_diode():
    bay = inserted(2)
    bay.set_output("power", True, 400)
    bay.set_load(1_000_000)
    assert bay.current_ua() == 1_000_000
    lost_uv = bay.read_uv("supply") - bay.camera_supply_uv()
    assert lost_uv == pytest.approx(1_000_000 * bay.contact_ohm() + 107_000, abs=30_000)
    assert bay.read_uv("current") / 0.05 == pytest.approx(1_000_000, rel=0.03)


@pytest.mark.req("DOCK-02")
def test_a_worn_pin_makes_the_charger_give_way():
    bay = inserted(3)
    bay.set_output("power", True, 400)
    bay.set_load(1_000_000)
    bay.extra_ohm = 1.5
    bay.set_load(1_000_001)
    assert bay.current_ua() < 500_000
    assert bay.camera_supply_uv() >= CHARGER_INPUT_UV_MIN - 100_000


@pytest.mark.req("DOCK-02")
def test_a_short_to_ground_is_held_by_the_switch():
    bay = inserted(4)
    bay.set_output("power", True, 400)
    bay.short(Node.POWER, Node.GROUND, 0.5)
    assert bay.read_uv("current") / 0.05 == pytest.approx(SWITCH_LIMIT_UA, rel=0.03)
    assert bay.read_uv("supply") < 1_000_000


def test_driving_the_power_pin_charges_the_cameras_capacitor():
    bay = inserted(5)
    bay.set_output("drive", True, 400)
    rising = []
    for now_ms in range(400, 900, 50):
        bay.advance(now_ms)
        rising.append(bay.read_uv("supply"))
    assert rising == sorted(rising)
    assert rising[1] < 2_400_000
    assert rising[-1] == pytest.approx(3_300_000 / 1.1, rel=0.02)
    bay.set_output("drive", False, 900)
    bay.advance(10_000)
    assert bay.read_uv("supply") == 0


def test_steps_of_any_size_lead_to_the_same_voltage():
    coarse, fine = inserted(6), inserted(6)
    for bay in (coarse, fine):
        bay.set_output("drive", True, 400)
    coarse.advance(450)
    for now_ms in range(401, 451):
        fine.advance(now_ms)
    assert coarse.read_uv("supply") == fine.read_uv("supply")


def test_two_cameras_do_not_fit_one_bay():
    with pytest.raises(ValueError, match="remove it first"):
        inserted(7).insert(500)


def test_a_new_camera_does_not_draw_what_the_last_one_did():
    bay = inserted(8)
    bay.set_output("power", True, 400)
    bay.set_load(1_000_000)
    bay.remove(500)
    bay.advance(600)
    bay.insert(700)
    assert bay.current_ua() == 0
