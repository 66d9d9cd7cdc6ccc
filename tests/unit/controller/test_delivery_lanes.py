"""Several recordings on their way at once: as many as there are lanes, each whole, none left behind."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest

from host_tools.controller.delivery_lanes import LANES_MAX, Lanes
from host_tools.destinations.http_status import ContainerRefused
from host_tools.destinations.interface import DestinationUnavailable, Metadata, Receipt, Source
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.people import Announcing, Device, Wearer
from tests.patience import LIMIT_S
from tests.unit.controller.test_delivery import Held, run
from tests.unit.custody.recordings import sample

AWAY = DestinationUnavailable("destination: the network is down: mend it")
MINUTE_MS = 60_000
SEEDS = 40


class Gated(MemoryDestination):
    """Objects wait at a gate; ``is_full``: as many as wanted do; ``most``: how many ever did at once."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.gate, self.is_full = asyncio.Event(), asyncio.Event()
        self._wanted = wanted
        self.waiting = self.most = 0

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting == self._wanted:
            self.is_full.set()
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        return await super().put_object(container, name, source, length_bytes, metadata)


@dataclass(frozen=True)
class Named:
    """All that lanes know of a recording."""

    recording: bytes


class Line:
    """Sends what is listed; notes what began and what ended; ``breaks``: raise AWAY."""

    def __init__(self, names: str, lanes_max: int = LANES_MAX) -> None:
        self.held = [Named(bytes([ord(name)])) for name in names]
        self.breaks = ""
        self.steps: list[str] = []
        self.gates = {name: asyncio.Event() for name in "abcdefgh"}
        self.news = asyncio.Event()
        self.lanes = Lanes(self.look, self.send, self.news, lanes_max)

    async def look(self) -> list[Named]:
        return [row for row in self.held if f"-{row.recording.decode()}" not in self.steps]

    async def send(self, row: Named) -> None:
        name = row.recording.decode()
        self.steps.append(f"+{name}")
        await self.gates[name].wait()
        if name in self.breaks:
            raise AWAY
        self.steps.append(f"-{name}")
        self.lanes.arrived()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.mark.req("CTRL-09")
def test_as_many_are_on_their_way_as_there_are_lanes_and_no_more() -> None:
    samples = [sample(seed, started_unix_ms=1_767_225_600_000 + MINUTE_MS * seed) for seed in range(1, 7)]

    async def scenario(held: Held) -> None:
        store = Gated(3)
        async with held.delivering(store, lanes_max=3):
            async with asyncio.timeout(LIMIT_S):
                await store.is_full.wait()
            assert held.index.count_by_state() == {"delivering": 3, "held": 3}
            store.gate.set()
            await held.until(lambda: held.words().count("delivered") == 6)
        assert store.most == 3
        assert held.states() == ["delivered"] * 6

    run(samples, scenario)


@pytest.mark.req("CTRL-09")
def test_recordings_of_one_wearer_camera_and_second_get_names_of_their_own_side_by_side() -> None:
    samples = [sample(seed, started_unix_ms=1_767_225_600_000) for seed in range(1, 9)]
    samples = [each for each in samples if each.manifest.wearer_id == samples[0].manifest.wearer_id]

    async def scenario(held: Held) -> None:
        async with held.delivering(MemoryDestination(), lanes_max=8):
            await held.until(lambda: held.words().count("delivered") == len(samples))
        assert not {"trouble", "custody_fault", "set_aside"} & set(held.words()), "none had to be tried twice"
        assert len({held.index.get(each.recording).container for each in samples}) == len(samples) > 3

    run(samples, scenario)


def test_what_arrives_meanwhile_does_not_wait_for_a_long_one() -> None:
    async def scenario() -> None:
        line = Line("ab", lanes_max=2)
        running = asyncio.ensure_future(line.lanes.run(await line.look()))
        line.gates["b"].set()
        await line.settle()
        assert line.steps == ["+a", "+b", "-b"]
        line.held.append(Named(b"c"))
        line.gates["c"].set()
        line.news.set()
        await line.settle()
        assert line.steps[3:] == ["+c", "-c"]
        line.gates["a"].set()
        await running
        assert line.steps[-1] == "-a"
        assert line.news.is_set(), "what the news are beside recordings is for the next round"

    asyncio.run(scenario())


def test_when_it_is_away_what_is_on_its_way_ends_by_itself_and_nothing_more_is_begun() -> None:
    async def scenario() -> None:
        line = Line("abcdef", lanes_max=3)
        line.breaks = "b"
        running = asyncio.ensure_future(line.lanes.run(await line.look()))
        line.gates["b"].set()
        await line.settle()
        assert not running.done(), "two are still on their way"
        line.gates["a"].set()
        line.gates["c"].set()
        with pytest.raises(DestinationUnavailable):
            await running
        assert line.steps == ["+a", "+b", "+c", "-a", "-c"]

    asyncio.run(scenario())


def test_after_it_was_away_one_goes_alone_until_it_has_arrived() -> None:
    async def scenario() -> None:
        line = Line("abcdef", lanes_max=3)
        line.breaks = "abc"
        for gate in line.gates.values():
            gate.set()
        with pytest.raises(DestinationUnavailable):
            await line.lanes.run(await line.look())
        line.breaks = ""
        line.steps.clear()
        for gate in line.gates.values():
            gate.clear()
        running = asyncio.ensure_future(line.lanes.run(await line.look()))
        await line.settle()
        assert line.steps == ["+a"]
        line.gates["a"].set()
        await line.settle()
        assert line.steps == ["+a", "-a", "+b", "+c"]
        for gate in line.gates.values():
            gate.set()
        await running

    asyncio.run(scenario())


def test_whoever_stops_delivery_leaves_nothing_running() -> None:
    async def scenario() -> None:
        line = Line("abc")
        running = asyncio.ensure_future(line.lanes.run(await line.look()))
        await line.settle()
        assert line.steps == ["+a", "+b", "+c"]
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


class Strict(MemoryDestination):
    """Of another maker: takes no container of whoever is off. Every answer takes its time."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        await passing(self._chance)
        for container, key in (("Users", "UserID"), ("Devices", "BWCSerialNumber")):
            box = await self.read_container(container)
            who = box.objects.get(metadata.get(key, "")) if box is not None else None
            if who is not None and who.metadata.get("Active") == "False":
                raise ContainerRefused(f"container {name}: {key} is not active")
        await super().ensure_container(name, metadata)
        await passing(self._chance)

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        await passing(self._chance)
        receipt = await super().put_object(container, name, source, length_bytes, metadata)
        await passing(self._chance)
        return receipt


@pytest.mark.req("DEST-03")
def test_nobody_is_switched_off_while_another_recording_of_his_is_let_in() -> None:
    async def scenario(seed: int) -> None:
        chance = random.Random(seed)
        wearer = Wearer("W-1", "Zoë", "4711", is_active=False)
        device = Device("CAM-1", "CAM-1", "zero", is_active=False)
        store = Strict(chance)
        announcing = Announcing(store, lambda _: wearer, lambda _: device)

        async def one(number: int) -> None:
            name = f"W-1_CAM-1_2026010{number}T000000Z"
            await passing(chance)
            await announcing.ensure_container(name, {"UserID": "W-1", "BWCSerialNumber": "CAM-1"})
            await passing(chance)
            await announcing.complete(name)

        await asyncio.gather(*(one(number) for number in range(1, 9)))
        for container, name in (("Users", "W-1"), ("Devices", "CAM-1")):
            box = await store.read_container(container)
            assert box is not None
            assert box.objects[name].metadata["Active"] == "False", "the licence is free again"

    for seed in range(SEEDS):
        print(f"seed {seed}")
        asyncio.run(scenario(seed))


async def passing(chance: random.Random) -> None:
    """Some turns of the others."""
    for _ in range(chance.randrange(12)):
        await asyncio.sleep(0)
