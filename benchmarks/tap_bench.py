"""From the tap to the lamp, in process and on virtual time: ``python -m benchmarks.tap_bench [--taps N] [--json]``.

What is real: reader driver and its bytes, controller, system data, link, camera and dock firmware. What is modelled:
the reader's serial line (9600 baud, ten bits a byte) and its searches, the USB line to camera and dock. What is
assumed, because virtual time knows neither disks nor cards: how long a database commits (COMMIT_S) and a card writes
(CARD_WRITE_MS). Processor time is none. A badge is held at a random moment of the reader's round; the clock stops when
the camera's own green lamp is lit, and when the bay's is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from host_tools.custody.blocking import RunBlocking
from host_tools.simulation.desk import DeskWorld
from host_tools.simulation.site import Site

T = TypeVar("T")

TAPS = 200
LIMIT_MS = 300.0  # of the worst, to either lamp
SEED = 7
STEP_US = 500  # how finely the lamp is watched
COMMIT_S = (0.004, 0.020)  # assumed, of SQLite with synchronous=FULL on an SSD; a poor card can take ten times as long
CARD_WRITE_MS = 12.0  # assumed, of one durable replacement on a camera's microSD: two flushes of 6 ms; not measured
AGAIN_S = 2.3  # between two taps of one badge
WEARERS = tuple(f"W-{number}" for number in range(1, 9))
BARS = 40


class CommittingSite(Site):
    """A site whose blocking work takes as long as a database commit."""

    def blocking(self, seed: int) -> RunBlocking:
        """See Site."""
        return Committing(seed)


class Committing:
    """Blocking work done at once, after which a commit's time has passed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"commit {seed}")

    async def __call__(self, function: Callable[[], T], /) -> T:
        result = function()
        await asyncio.sleep(self._random.uniform(*COMMIT_S))
        return result


def measure(taps: int, seed: int) -> dict[str, Any]:
    """Milliseconds of each tap, as they were measured, with the card's time; and what they consist of."""
    world = DeskWorld(cameras=4, wearers=WEARERS, seed=seed, make_site=CommittingSite)
    chance = random.Random(f"taps {seed}")
    camera_ms: list[float] = []
    bay_ms: list[float] = []
    seen_ms: list[float] = []
    try:
        for number in range(taps):
            wearer = WEARERS[number % len(WEARERS)]
            world.until(lambda: len(world.ready()) == 4 and not _holdings(world), 30.0)
            world.run(AGAIN_S / 2 + chance.random())
            mark = len(world.happened)
            began_us = world.now_us()
            world.tap(wearer)
            world.until(lambda: bool(world.told("tap", mark)), step_us=STEP_US)  # noqa: B023
            seen_ms.append((world.now_us() - began_us) / 1000)
            world.until(lambda: any(world.flashes(each) and is_lit(each) for each in _cameras(world)), step_us=STEP_US)
            camera_ms.append((world.now_us() - began_us) / 1000 + CARD_WRITE_MS)
            world.until(lambda: bool(_assigned(world)), step_us=STEP_US)
            bay_ms.append((world.now_us() - began_us) / 1000 + CARD_WRITE_MS)
            (serial,) = world.flashing()
            world.until(lambda: bool(world.told("offered", mark)))  # noqa: B023
            world.take(serial)
            world.until(lambda: bool(world.told("taken", mark)))  # noqa: B023
            world.run(0.3)
            assert world.wearer_on(serial) == wearer
            world.put_back(serial)
    finally:
        world.close()
    assert not world.crashes, world.crashes
    return {"taps": taps, "seed": seed, "reader_ms": seen_ms, "camera_ms": camera_ms, "bay_ms": bay_ms}


def is_lit(camera: Any) -> bool:
    """Whether its green lamp is lit at this moment."""
    ports = camera.sim.ports
    return ports is not None and ports.pins.read("lamp.green") and not ports.pins.read("lamp.red")


def percentile(values: list[float], share: float) -> float:
    """The value that so many are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def summary(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Median, ninety-fifth percentile and worst of each."""
    return {
        name: {
            "median": percentile(found[name], 0.5),
            "p95": percentile(found[name], 0.95),
            "worst": max(found[name]),
        }
        for name in ("reader_ms", "camera_ms", "bay_ms")
    }


def histogram(values: list[float], width_ms: int = 20) -> list[str]:
    """Lines for people."""
    counts: dict[int, int] = {}
    for value in values:
        counts[int(value // width_ms)] = counts.get(int(value // width_ms), 0) + 1
    most = max(counts.values())
    return [
        f"{bucket * width_ms:4d}-{(bucket + 1) * width_ms:4d} ms {'#' * max(1, BARS * counts[bucket] // most)} "
        f"{counts[bucket]}"
        for bucket in range(min(counts), max(counts) + 1)
        if bucket in counts
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 if the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--taps", type=int, default=TAPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    found = measure(chosen.taps, chosen.seed)
    figures = summary(found)
    if chosen.json:
        print(json.dumps({"taps": chosen.taps, "seed": chosen.seed, "limit_ms": LIMIT_MS, **figures}))
    else:
        print(f"{chosen.taps} taps, seed {chosen.seed}, virtual time; {CARD_WRITE_MS} ms of the card assumed")
        for name, word in (("reader_ms", "read by the controller"), ("camera_ms", "camera lit"), ("bay_ms", "bay lit")):
            each = figures[name]
            print(f"{word:24} median {each['median']:6.1f}  95 % {each['p95']:6.1f}  worst {each['worst']:6.1f} ms")
        print("camera lit:", *histogram(found["camera_ms"]), sep="\n  ")
    return 0 if max(figures["camera_ms"]["worst"], figures["bay_ms"]["worst"]) < LIMIT_MS else 1


def _cameras(world: DeskWorld) -> list[Any]:
    return list(world.bench.cameras.values())


def _holdings(world: DeskWorld) -> list[Any]:
    found: list[Any] = world.pickup()["pickup"]["holdings"]
    return found


def _assigned(world: DeskWorld) -> list[int]:
    """Bays whose lamp flashes for somebody and is lit now."""
    found: list[int] = []
    for dock in world.docks:
        app, ports = dock.sim.application, dock.sim.ports
        if app is None or ports is None:
            continue
        found += [lamp_of for lamp_of in dock.contacts if _bay_flashes(app, ports, lamp_of)]
    return found


def _bay_flashes(app: Any, ports: Any, bay: int) -> bool:
    assigned = 7
    return app.lamps[bay - 1].pattern == assigned and ports.pins.read(f"bay{bay}.lamp_green")


if __name__ == "__main__":
    sys.exit(main())
