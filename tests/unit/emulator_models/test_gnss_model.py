"""A satellite receiver: its first fix, its error and its sentences, held to formula and standard."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pynmeagps import NMEAReader

from firmware.drivers.nmea import DEGREE
from host_tools.emulator.errors import BenchError
from host_tools.emulator.gnss_port import GnssLine, WornReceiver, bus_baud
from host_tools.emulator.models.gnss import (
    CORRELATION_S,
    EARTH_M_PER_DEGREE,
    ERROR_M_PER_HDOP,
    ORBITS_HOLD_S,
    START_S,
    WRONG_M,
    GnssReceiver,
    Said,
    Spot,
    angle,
)
from host_tools.emulator.models.uart import FIFO_BYTES
from host_tools.emulator.walk import DEFAULT_WALK, Step, read_walk, spot
from host_tools.evidence.places import distance_m
from host_tools.hardware import find_board
from tests.unit.drivers.test_nmea import Reader

NOON = 1_767_268_800_000
HERE = Spot(51.4778, -0.0015, True)


class World:
    """A receiver under a sky that the test opens and shuts."""

    def __init__(self, seed: int = 1, start: str = "hot", here: Spot = HERE) -> None:
        print(f"seed {seed}")
        self.here = here
        self.now_s = 0.0
        self.receiver = GnssReceiver(f"{seed}", lambda at_s: self.here, NOON, start)
        self.receiver.power_on(0.0)

    def run(self, seconds: float) -> list[Said]:
        """What it says meanwhile; it is listened to every few seconds."""
        found: list[Said] = []
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 5)
            found += self.receiver.say(self.now_s)
        return found

    def fix_after_s(self, limit_s: float = 100) -> float:
        """Until its next fix."""
        began_s = self.now_s
        return next(each.unix_ms for each in self.run(limit_s) if each.fix is not None) / 1000 - NOON / 1000 - began_s


def parsed(line: bytes) -> Any:
    """By a package that is none of ours."""
    return NMEAReader.parse(line)


def metres(fix: tuple[float, float], here: Spot) -> tuple[float, float]:
    """How far off, north and east."""
    east = EARTH_M_PER_DEGREE * math.cos(math.radians(here.latitude))
    return (fix[0] - here.latitude) * EARTH_M_PER_DEGREE, (fix[1] - here.longitude) * east


@pytest.mark.req("EMU-02")
@pytest.mark.parametrize("start", ["cold", "warm", "hot"])
def test_the_first_fix_comes_when_its_start_says(start: str):
    low_s, high_s = START_S[start]
    for seed in range(20):
        assert low_s <= World(seed, start).fix_after_s() <= high_s + 2, "and the second that it falls into"


@pytest.mark.req("EMU-02")
def test_it_is_hot_after_a_house_and_warm_after_a_night_indoors():
    world = World(3, "cold")
    world.run(100)
    for indoors_s, start in ((300.0, "hot"), (ORBITS_HOLD_S + 600, "warm")):
        world.here = HERE._replace(sky=False)
        assert all(each.fix is None for each in world.run(indoors_s))
        world.here = HERE
        low_s, high_s = START_S[start]
        assert low_s <= world.fix_after_s() <= high_s + 2


@pytest.mark.req("EMU-02")
def test_the_error_has_its_size_and_its_memory():
    world = World(5)
    offs = [metres(each.fix, HERE) for each in world.run(25_000) if each.fix is not None]
    for one in zip(*offs, strict=True):
        sigma_m = statistics.pstdev(one)
        assert sigma_m == pytest.approx(0.81 * ERROR_M_PER_HDOP, rel=0.15)
        assert abs(statistics.mean(one)) < 0.3 * sigma_m
        for lag_s in (10, 60):
            products = [first * later for first, later in zip(one, one[lag_s:], strict=False)]
            kept = statistics.mean(products) / sigma_m**2
            assert kept == pytest.approx(math.exp(-lag_s / CORRELATION_S), abs=0.12)


@pytest.mark.req("EMU-02", "CAM-09")
def test_the_accuracy_that_the_camera_notes_holds_nineteen_times_of_twenty():
    world, reader = World(6), Reader()
    within = total = 0
    for said in world.run(8_000):
        fix = reader.hear(said.data)
        if fix is not None:
            north_m, east_m = metres((fix.latitude / DEGREE, fix.longitude / DEGREE), HERE)
            within += math.hypot(north_m, east_m) <= fix.accuracy_dm / 10
            total += 1
    assert 0.92 < within / total < 0.99


@pytest.mark.req("EMU-02", "CAM-09")
@pytest.mark.parametrize(
    "here",
    [HERE, Spot(-33.8688, 151.2093, True), Spot(0.0, -179.99999, True), Spot(78.2232, 15.6267, True)],
    ids=["Greenwich", "Sydney", "date line", "Longyearbyen"],
)
def test_what_it_says_is_nmea_as_somebody_else_reads_it(here: Spot):
    world, reader = World(7, here=here), Reader()
    count = 0
    for said in world.run(120):
        fix = reader.hear(said.data)
        lines = said.data.splitlines(keepends=True)
        assert all(line.endswith(b"\r\n") and len(line) <= 82 for line in lines)
        rmc, gga = (parsed(line) for line in lines)
        assert (rmc.msgID, gga.msgID) == ("RMC", "GGA")
        if said.fix is None:
            assert (rmc.status, gga.quality, fix) == ("V", 0, None)
            continue
        assert fix is not None
        assert (rmc.status, gga.quality, gga.numSV) == ("A", 1, fix.satellites)
        assert fix.unix_ms == said.unix_ms
        assert f"{rmc.date:%d%m%y} {rmc.time:%H%M%S}" in ("010126 " + said.data[7:13].decode(),)
        for told in (rmc, gga):
            assert told.lat == pytest.approx(fix.latitude / DEGREE, abs=2e-7)
            assert told.lon == pytest.approx(fix.longitude / DEGREE, abs=2e-7)
        assert said.fix[0] == pytest.approx(fix.latitude / DEGREE, abs=2e-7)
        assert said.fix[1] == pytest.approx(fix.longitude / DEGREE, abs=2e-7)
        count += 1
    assert count > 100


@pytest.mark.parametrize(
    ("degrees", "digits", "sides", "text"),
    [
        (51.99999999, 2, "NS", "5200.00000,N"),  # no minute is sixty
        (-0.0015083, 3, "EW", "00000.09050,W"),
        (179.99999996, 3, "EW", "18000.00000,E"),
        (0.0, 2, "NS", "0000.00000,N"),
    ],
)
def test_angles_are_written_by_the_standard(degrees: float, digits: int, sides: str, text: str):
    assert angle(degrees, digits, sides) == text


@pytest.mark.req("EMU-04")
def test_faults_do_what_they_say():
    world = World(8)
    world.run(10)
    world.receiver.faults.add("off")
    assert world.run(20) == []
    world.receiver.faults = {"stuck"}
    assert len({each.data for each in world.run(20)}) == 1
    world.receiver.faults = {"garbage"}
    noise = b"".join(each.data for each in world.run(20))
    assert len(noise) > 1_000
    assert Reader().hear(noise) is None
    world.receiver.faults = {"slow"}
    assert len(world.run(100)) == 10
    world.receiver.faults = {"wrong"}
    fix = world.run(5)[-1].fix
    assert fix is not None
    assert distance_m(fix, HERE[:2]) == pytest.approx(WRONG_M * math.sqrt(2), rel=0.05)
    world.receiver.faults = {"intermittent"}
    fixes = [each.fix is not None for each in world.run(120)]
    assert 0.2 < sum(fixes) / len(fixes) < 0.8
    world.receiver.faults = set()
    world.run(10)
    assert all(each.fix is not None for each in world.run(20)), "healed"


def test_the_same_seed_says_the_same():
    assert World(9).run(60) == World(9).run(60) != World(10).run(60)


# -- the line


class Line:
    """A receiver's line at 9600 baud."""

    def __init__(self) -> None:
        self.now_s = 0.0
        receiver = GnssReceiver("4", lambda at_s: HERE, NOON)
        self.line = GnssLine(receiver, 9_600, lambda: self.now_s)
        self.line.power_on()

    def read(self, at_s: float, most: int = 1 << 16) -> bytes:
        self.now_s = at_s
        buffer = bytearray(most)
        return bytes(buffer[: self.line.read_into(buffer)])


@pytest.mark.req("EMU-02")
def test_a_byte_takes_ten_bits():
    line = Line()
    line.read(10.9)
    begin_s, whole = 11.0 + 0.08, b""
    arrived: list[int] = []
    for at_ms in range(0, 400, 10):
        whole += line.read(begin_s + at_ms / 1000)
        arrived.append(len(whole))
    assert whole.count(b"\r\n") == 2
    took_s = 0.01 * next(number for number, count in enumerate(arrived) if count == len(whole))
    assert took_s == pytest.approx(len(whole) * 10 / 9_600, abs=0.011)
    assert all(abs(count - min(len(whole), 9.6 * number)) <= 10 for number, count in enumerate(arrived))


@pytest.mark.req("EMU-02")
def test_what_nobody_reads_runs_over_and_a_cut_sentence_is_garbage():
    line = Line()
    waited = line.read(60.0)
    assert len(waited) == FIFO_BYTES
    reader = Reader()
    first = reader.hear(waited)
    assert first is not None
    assert first.unix_ms < NOON + 40_000, "the oldest is kept, as a terminal's driver does"
    newest = reader.hear(line.read(62.5))
    assert newest is not None
    assert newest.unix_ms >= NOON + 61_000
    assert reader.garbage <= 1


def test_a_day_that_nobody_listened_costs_no_day_to_catch_up():
    line = Line()
    line.read(86_400.0)
    assert len(line.line.heard) <= 61


# -- the walk


@pytest.mark.req("EMU-02")
def test_the_walk_is_walked_to_and_fro_and_has_a_roof():
    seen = [spot(DEFAULT_WALK, float(at_s)) for at_s in range(1_200)]
    for one, other in pairwise(seen):
        assert distance_m(one[:2], other[:2]) < 2.0, "nobody jumps"
    assert seen[0][:2] == pytest.approx(DEFAULT_WALK[0][1:])
    assert distance_m(seen[539][:2], DEFAULT_WALK[-1][1:]) < 2.0
    assert distance_m(seen[1_078][:2], DEFAULT_WALK[0][1:]) < 2.0, "and back"
    assert sum(not each.sky for each in seen[:540]) == pytest.approx(90, abs=2)
    assert {each.longitude > 0 for each in seen} == {True, False}, "over the meridian"


def test_a_walk_of_one_step_stands():
    assert spot((Step(0.0, 1.0, 2.0),), 77.0) == Spot(1.0, 2.0, True)


GPX = """<gpx><trk><trkseg>
<trkpt lat="55.6" lon="13.0"><time>2026-01-01T12:00:00Z</time></trkpt>
<trkpt lat="55.601" lon="13.0"><time>2026-01-01T12:01:00Z</time></trkpt>
</trkseg></trk></gpx>"""


def test_a_walk_comes_from_a_gpx_file(tmp_path: Path):
    path = tmp_path / "round.gpx"
    path.write_text(GPX, encoding="utf-8")
    walk = read_walk(path)
    assert spot(walk, 30.0)[:2] == pytest.approx((55.6005, 13.0))
    path.write_text(GPX.replace("trkpt", "point"), encoding="utf-8")
    with pytest.raises(BenchError, match=r"round.gpx: a track without points"):
        read_walk(path)
    path.write_text("no track", encoding="utf-8")
    with pytest.raises(BenchError, match=r"round.gpx: this is no track"):
        read_walk(path)
    with pytest.raises(BenchError, match="cannot be read"):
        read_walk(tmp_path / "none.gpx")


def test_in_its_bay_it_sees_no_satellite_and_each_walk_begins_at_its_start():
    now_ms = [0]
    worn = WornReceiver("2", DEFAULT_WALK, "hot", 9_600, NOON, lambda: now_ms[0])
    worn.boot()
    worn.follow(docked=True)

    def pass_s(seconds: int) -> list[Said]:
        before = len(worn.line.heard)
        for _ in range(seconds):
            now_ms[0] += 1_000
            worn.line.look()
        return list(worn.line.heard)[before:]

    assert all(each.fix is None for each in pass_s(30))
    for _ in range(2):
        worn.follow(docked=False)
        first = next(each.fix for each in pass_s(10) if each.fix is not None)
        assert distance_m(first, DEFAULT_WALK[0][1:]) < 25
        pass_s(100)
        assert distance_m(worn.said_places()[-1][1:], DEFAULT_WALK[0][1:]) > 80
        worn.follow(docked=True)
        assert all(each.fix is None for each in pass_s(5))


def test_which_boards_have_a_receiver_is_in_their_files():
    assert [bus_baud(find_board(model)) for model in ("pi_zero_2w_camera", "pi_cm4_camera", "pi_dock")] == [
        9_600,
        9_600,
        0,
    ]
