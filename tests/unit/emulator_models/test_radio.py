"""How far a radio carries, and what a bench's boards hear of each other."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import pytest

from firmware.ports import radio_suite
from firmware.ports.radio import REPEAT_MS, Radio
from host_tools.emulator.air import Air, AirRadio
from host_tools.emulator.models.radio import (
    SENSITIVITY_DBM,
    SHADOWING_DB,
    Spot,
    Way,
    distance_m,
    loss_part,
    path_loss_db,
    shadowing_db,
)
from host_tools.simulation.loop import US_PER_S, VirtualLoop


def test_loss_grows_by_22_db_for_ten_times_the_distance():
    assert path_loss_db(1) == pytest.approx(40)
    assert path_loss_db(10) - path_loss_db(1) == pytest.approx(22)
    assert path_loss_db(100, 3.0) == pytest.approx(87)
    assert distance_m((0, 0), (3, 4)) == 5
    assert distance_m((1, 1), (1, 1)) > 0


def test_the_loss_at_the_sensitivity_is_what_bluetooth_defines_it_by():
    assert loss_part(SENSITIVITY_DBM) == pytest.approx(0.308, abs=0.01)
    assert loss_part(SENSITIVITY_DBM + 4) < 1e-4
    assert loss_part(SENSITIVITY_DBM - 4) > 0.999
    curve = [loss_part(power / 10) for power in range(-1_000, -850)]
    assert curve == sorted(curve, reverse=True)


def test_shadows_are_a_pairs_and_the_same_both_ways():
    spots: list[Spot] = [(float(x), 0.0) for x in range(400)]
    drawn = [shadowing_db("7", (0.0, 5.0), spot) for spot in spots]
    assert statistics.stdev(drawn) == pytest.approx(SHADOWING_DB, rel=0.1)
    assert abs(statistics.mean(drawn)) < 0.6
    assert shadowing_db("7", (0, 0), (9, 2)) == shadowing_db("7", (9, 2), (0, 0)) != shadowing_db("8", (0, 0), (9, 2))


@pytest.mark.parametrize(("metres", "least", "most"), [(1, 1.0, 1.0), (100, 1.0, 1.0), (800, 0.1, 0.9), (5_000, 0, 0)])
def test_how_many_pairs_hear_each_other_within_five_seconds(metres: float, least: float, most: float):
    """At 4 dBm, of a hundred seeds."""
    heard = [
        Way(f"{seed}", (0, 0), (metres, 0), 4, random.Random(f"{seed}")).first_of(50) is not None for seed in range(100)
    ]
    assert least <= sum(heard) / 100 <= most


class Room:
    """Radios of a bench on virtual time."""

    def __init__(self, seed: str = "1") -> None:
        self.loop = VirtualLoop(lambda text: pytest.fail(text))
        self.air = Air(seed)
        self.wakes = 0

    def radio(self, spot: Spot) -> AirRadio:
        def wake() -> None:
            self.wakes += 1

        return self.air.radio(lambda: spot, wake)

    def run(self, seconds: float) -> None:
        self.loop.run_until(self.loop.world.now_us + round(seconds * US_PER_S))

    def do(self, act: Callable[[], None]) -> None:
        async def acting() -> None:
            act()

        self.loop.run_until_complete(acting())


class Inside(Radio):
    """A radio whose every call happens on its bench's loop, as a board's do."""

    def __init__(self, room: Room, radio: AirRadio) -> None:
        self._room = room
        self._radio = radio

    def broadcast(self, data: bytes | bytearray | memoryview, power_dbm: int) -> None:
        self._room.do(lambda: self._radio.broadcast(data, power_dbm))

    def power_for(self, wanted_dbm: int) -> int:
        return self._radio.power_for(wanted_dbm)

    def be_silent(self) -> None:
        self._room.do(self._radio.be_silent)

    def listen(self, on: bool) -> None:
        self._room.do(lambda: self._radio.listen(on))

    def receive(self):
        return self._radio.receive()


@pytest.mark.parametrize("case", radio_suite.CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("metres", [0, 90])
def test_the_air_passes_the_suite_of_radios(metres: float, case: Callable[..., None]):
    rooms: list[Room] = []

    def new_pair() -> tuple[Radio, Radio, Callable[[], None]]:
        room = Room()
        rooms.append(room)
        first, second = room.radio((0, 0)), room.radio((metres, 0))
        return Inside(room, first), Inside(room, second), lambda: room.run(REPEAT_MS / 1000)

    case(new_pair)
    for room in rooms:
        room.loop.close()


@pytest.mark.req("EMU-03")
def test_a_room_of_quiet_radios_has_nothing_to_do_and_one_who_speaks_is_heard_once_a_second():
    room = Room()
    radios = [room.radio((float(number), 0)) for number in range(40)]
    for radio in radios:
        room.do(lambda radio=radio: radio.listen(True))
    room.run(3_600)
    assert room.wakes == 0
    room.do(lambda: radios[0].broadcast(b"here", 4))
    room.run(5)
    room.do(radios[0].be_silent)
    assert 39 * 4 <= room.wakes <= 39 * 6
    before = room.wakes
    room.run(60)
    assert room.wakes == before
    strengths = [heard.rssi_dbm for radio in (radios[1], radios[39]) if (heard := radio.receive()) is not None]
    assert strengths[0] > strengths[1] + 15
    room.do(lambda: room.air.remove(radios[5]))
    room.do(lambda: radios[1].broadcast(b"more", 4))
    room.run(2)
    heard_by_the_removed = [heard.data for heard in iter(radios[5].receive, None)]
    assert b"more" not in heard_by_the_removed
    room.do(radios[1].be_silent)
    room.loop.close()
