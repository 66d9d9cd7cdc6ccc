"""The whole dock with a host session at the other end of its cable: what it answers, pushes, shows, and survives."""

from typing import Any

import pytest

from firmware.dock import bay as bay_module
from firmware.drivers import lamps
from firmware.link import schema
from firmware.link.session import HOST, Session
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.errors import PortFault
from firmware.ports.memory_pins import MemoryPins
from tests.unit.dock.portable import BOARD, CAMERA_UV, LOAD_SHUNT_UV, DockBench

SILENCE_MS = 6_000  # longer than the link's own patience


@pytest.fixture
def bench() -> DockBench:
    made = DockBench()
    made.run(10)
    made.open()
    return made


def pattern(word: str) -> int:
    return schema.number_of(schema.LAMP_PATTERNS, word)


def bay_words(entries: list[dict[str, Any]]) -> list[str]:
    return [schema.word_of(schema.BAY_STATES, entry["state"]) for entry in entries]


def pushed_words(bench: DockBench, bay: int) -> list[str]:
    entries = [entry for fields in bench.pushed("bay_changed") for entry in fields["entries"]]
    return bay_words([entry for entry in entries if entry["bay"] == bay])


def refusal(bench: DockBench, name: str, fields: dict[str, Any]) -> tuple[str, str]:
    answer, error = bench.ask(name, fields)
    assert answer == "error", answer
    return {row[0]: row[1] for row in schema.ERROR_CODES}[error["code"]], error["text"]


def test_it_says_who_it_is(bench: DockBench):
    name, identity = bench.ask("identify")
    assert name == "identity"
    assert {key: identity[key] for key in ("model", "serial", "firmware")} == {
        key: BOARD[key] for key in ("model", "serial", "firmware")
    }
    assert identity["kind"] == schema.number_of(schema.BOARD_KINDS, "dock")
    assert len(identity["boot"]) == 8
    assert abs(identity["uptime_ms"] - bench.clock.now_ms()) < 10


def test_it_takes_the_time(bench: DockBench):
    assert bench.ask("set_time", {"unix_ms": 1_750_000_000_000, "uncertainty_ms": 20})[0] == "done"
    wall = bench.ports.clock.wall()
    assert wall.source == WALL_CONTROLLER
    assert abs(wall.unix_ms - 1_750_000_000_000) < 20


@pytest.mark.req("DOCK-01")
def test_an_arrival_and_a_departure_are_pushed_with_their_time(bench: DockBench):
    bench.insert(2)
    bench.run(400)
    before_ms = bench.clock.now_ms()
    bench.remove(2)
    bench.run(50)
    assert pushed_words(bench, 2) == ["settling", "checking", "docked", "free"]
    assert pushed_words(bench, 1) == pushed_words(bench, 3) == []
    gone_ms = bench.pushed("bay_changed")[-1]["at_ms"]
    assert 0 <= gone_ms - before_ms <= 10


@pytest.mark.req("DOCK-02")
def test_the_finished_check_is_pushed_and_can_be_asked_for_again(bench: DockBench):
    bench.insert(1)
    bench.run(400)
    bench.world.load_uv = LOAD_SHUNT_UV
    bench.run(500)
    (pushed,) = bench.pushed("contacts")
    values = {row["quantity"]: row["value"] for row in pushed["measurements"]}
    quantities = {name: number for number, name, _ in schema.QUANTITIES}
    assert values[quantities["charge_current"]] == 900_000
    assert values[quantities["supply_droop"]] == 150_000
    name, again = bench.ask("check_contacts", {"bay": 1})
    assert name == "contacts"
    assert again == pushed


@pytest.mark.req("DOCK-02")
def test_a_check_that_cannot_be_made_now_says_why(bench: DockBench):
    assert refusal(bench, "check_contacts", {"bay": 1}) == ("not_now", "bay 1 is free: dock a camera first")
    bench.insert(1)
    bench.run(20)
    assert refusal(bench, "check_contacts", {"bay": 1})[0] == "not_now"
    code, text = refusal(bench, "check_contacts", {"bay": 4})
    assert (code, text) == ("not_found", "no bay 4: this dock has bays 1 to 3")
    assert refusal(bench, "check_contacts", {"bay": 0})[0] == "not_found"


@pytest.mark.req("DOCK-02")
def test_an_over_current_is_pushed_as_a_fault_with_its_value(bench: DockBench):
    bench.insert(1)
    bench.run(400)
    bench.world.load_uv = 80_000
    bench.run(50)
    assert pushed_words(bench, 1)[-1] == "fault"
    assert not bench.world.pins.read("bay1.power")
    assert bench.lamp(1) == lamps.RED
    rows = {row["quantity"]: row for row in bench.pushed("contacts")[-1]["measurements"]}
    current = rows[schema.QUANTITIES[2][0]]
    assert (current["value"], schema.word_of(schema.VERDICTS, current["verdict"])) == (1_600_000, "fail")


@pytest.mark.req("DOCK-05")
def test_lamps_show_the_bays_own_state_and_the_controllers_wish_above_it(bench: DockBench):
    assert bench.lamp(1) in (lamps.GREEN, lamps.DARK)
    bench.insert(1)
    bench.run(400)
    assert bench.lamp(1) == lamps.AMBER
    assert bench.ask("set_lamp", {"bay": 1, "pattern": pattern("ready")})[0] == "done"
    assert bench.lamp(1) == lamps.GREEN
    assert bench.ask("get_bays")[1]["entries"][0]["lamp"] == pattern("ready")
    bench.remove(1)
    bench.run(50)
    assert bench.ask("get_bays")[1]["entries"][0]["lamp"] == pattern("free")
    assert refusal(bench, "set_lamp", {"bay": 1, "pattern": 15})[0] == "unsupported"


@pytest.mark.req("DOCK-05")
def test_a_bay_in_a_fault_is_red_whatever_the_controller_wishes(bench: DockBench):
    bench.insert(1)
    bench.run(400)
    bench.world.load_uv = 80_000
    bench.run(50)
    assert pushed_words(bench, 1)[-1] == "fault"
    assert bench.ask("set_lamp", {"bay": 1, "pattern": pattern("ready")})[0] == "done"
    bench.run(50)
    assert bench.lamp(1) == lamps.RED


@pytest.mark.req("DOCK-05")
def test_an_assigned_bay_flashes(bench: DockBench):
    bench.insert(1)
    bench.run(400)
    bench.ask("set_lamp", {"bay": 1, "pattern": pattern("assigned")})
    seen: list[int] = []
    for _ in range(400):
        bench.run(1)
        seen.append(bench.lamp(1))
    assert 180 <= seen.count(lamps.GREEN) <= 220
    assert seen.count(lamps.GREEN) + seen.count(lamps.DARK) == 400


@pytest.mark.req("DOCK-05", "DOCK-07")
@pytest.mark.parametrize("loss", ["unplugged", "silent", "another one"])
def test_without_its_controller_a_dock_shows_its_own_state_and_charges_what_was_switched_off(
    bench: DockBench, loss: str
):
    for bay in (1, 2):
        bench.insert(bay)
    bench.run(400)
    bench.ask("set_lamp", {"bay": 1, "pattern": pattern("ready")})
    bench.ask("set_bay_power", {"bay": 2, "powered": False})
    assert not bench.world.pins.read("bay2.power")
    if loss == "unplugged":
        bench.host_end.unplug()
        bench.run(300)
    elif loss == "another one":  # it started anew before it was missed
        bench.host = Session(HOST, 100, payload_max=512, slack_bytes=512)
        bench.open()
        bench.run(300)
    else:
        for _ in range(SILENCE_MS):
            bench.clock.advance(1)
            bench.world.follow()
            bench.app.step(bench.clock.now_ms())
    assert bench.lamp(1) == lamps.AMBER
    assert bench.world.pins.read("bay1.power")
    assert bench.world.pins.read("bay2.power")


@pytest.mark.req("DOCK-07")
def test_a_controller_that_comes_back_finds_the_bays_as_they_are(bench: DockBench):
    bench.insert(1)
    bench.run(400)
    bench.host_end.unplug()
    bench.insert(3)
    bench.run(400)
    bench.host_end.plug()
    bench.run(10)
    bench.open()
    bays = bench.ask("get_bays")[1]["entries"]
    assert bay_words(bays) == ["docked", "free", "docked"]
    assert [entry["powered"] for entry in bays] == [True, False, True]


@pytest.mark.req("DOCK-06")
def test_power_of_a_bay_can_be_cycled(bench: DockBench):
    assert refusal(bench, "set_bay_power", {"bay": 1, "powered": True})[0] == "not_now"
    bench.insert(1)
    bench.run(400)
    assert bench.ask("set_bay_power", {"bay": 1, "powered": False})[0] == "done"
    bench.run(50)
    assert bench.ask("set_bay_power", {"bay": 1, "powered": False})[0] == "done"
    assert bench.ask("set_bay_power", {"bay": 1, "powered": True})[0] == "done"
    bench.run(400)
    assert pushed_words(bench, 1)[-3:] == ["off", "checking", "docked"]


def test_a_message_for_cameras_is_refused(bench: DockBench):
    assert refusal(bench, "get_camera", {})[0] == "unsupported"


class StuckPins(MemoryPins):
    """Outputs that cannot be written once ``stuck``."""

    stuck = False

    def write(self, name: str, level: bool) -> None:
        if self.stuck and name.endswith(".power"):
            raise PortFault(f"pin {name} does not follow")
        super().write(name, level)


@pytest.mark.req("DOCK-07")
def test_a_step_that_cannot_open_a_power_switch_does_not_feed_the_watchdog():
    names = tuple(f"bay{bay}.{word}" for bay in (1, 2, 3) for word in ("power", "drive", "lamp_green", "lamp_red"))
    pins = StuckPins((), names)
    bench = DockBench(pins=pins)
    bench.insert(1)
    bench.run(400)
    fed = bench.ports.watchdog.feeds
    assert fed > 0
    pins.stuck = True
    bench.remove(1)
    with pytest.raises(PortFault, match=r"bay1\.power"):
        bench.run(50)
    assert bench.ports.watchdog.feeds - fed < 10


def test_stepping_only_at_its_own_deadlines_is_enough():
    bench = DockBench()
    bench.world.adc.drive("bay1.presence", CAMERA_UV)
    steps = 0
    while bench.clock.now_ms() < bay_module.LOADED_LIMIT_MS + 1000:
        deadline_ms = bench.app.next_deadline_ms()
        assert deadline_ms is not None
        bench.clock.advance(max(1, deadline_ms - bench.clock.now_ms()))
        bench.world.follow()
        bench.app.step(bench.clock.now_ms())
        steps += 1
    assert bench.app.bays[0].measured is False
    assert bench.app.bays[0].is_powered()
    assert steps < 2000
