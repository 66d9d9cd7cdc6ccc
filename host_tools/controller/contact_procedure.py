"""The two-load measurement as a procedure: which loads, how long to wait, how often, and when a reading counts.

Law: knows neither link nor clock; whoever has both sides at hand (a controller over two links, a sweep over models)
gives them as ``Sides``. A load is set for a time; after it the camera takes again what it may, whatever becomes of us.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from host_tools.controller.contact_resistance import AtLoad, Path, Resistance, Sensors, mean_of, resistance

LIGHT_UA = 300_000  # at least 100 mA, so that the contacts' films are broken down; more, and a diode matters less
HEAVY_UA_MAX = 1_000_000
HEAVY_UA_MIN = 600_000
LIMIT_STEP_UA = 50_000  # of a charger's input limit
BELOW_UA = 50_000  # what is drawn now, less this, is drawn steadily when it is the limit
SETTLE_MS = 250  # charger and monitor follow a new limit within 100 ms; and a tick of whoever emulates them
LIMIT_SPARE_MS = 1_500  # a limit outlasts settling and window by this, for slow links
ATTEMPTS = 3  # at readings that did not count


class Form(NamedTuple):
    """``window_ms`` of a reading, ``repeats`` of light and heavy load."""

    window_ms: int
    repeats: int


QUICK = Form(200, 1)  # at every docking: under a second and a half
FULL = Form(400, 3)  # when somebody asks


class Sides(Protocol):
    """A bay and the camera in it."""

    async def drawn_ua(self) -> int:
        """What the camera takes now."""
        ...

    async def limit(self, limit_ua: int, duration_ms: int) -> None:
        """Let it take no more than that, for so long."""
        ...

    async def pause(self, duration_ms: int) -> None:
        """Let time pass."""
        ...

    async def measure(self, window_ms: int) -> AtLoad | str:
        """Both sides over the same stretch of time, or why that reading does not count."""
        ...


async def two_loads(sides: Sides, form: Form, path: Path, sensors: Sensors) -> Resistance | str:
    """The pair's resistance, or why it was not measured."""
    drawn_ua = await sides.drawn_ua()
    heavy_ua = min((drawn_ua - BELOW_UA) // LIMIT_STEP_UA * LIMIT_STEP_UA, HEAVY_UA_MAX)
    if heavy_ua < HEAVY_UA_MIN:
        return f"the camera draws {drawn_ua / 1000:.0f} mA: its battery takes too little now; ask while it charges"
    found: list[Resistance] = []
    for _ in range(form.repeats):
        light = await _at(sides, LIGHT_UA, form.window_ms)
        heavy = light if isinstance(light, str) else await _at(sides, heavy_ua, form.window_ms)
        if isinstance(light, str) or isinstance(heavy, str):
            return light if isinstance(light, str) else str(heavy)
        one = resistance(light, heavy, path, sensors)
        if isinstance(one, str):
            return one
        found.append(one)
    return mean_of(found)


async def _at(sides: Sides, limit_ua: int, window_ms: int) -> AtLoad | str:
    reading: AtLoad | str = ""
    for _ in range(ATTEMPTS):
        await sides.limit(limit_ua, SETTLE_MS + window_ms + LIMIT_SPARE_MS)
        await sides.pause(SETTLE_MS)
        reading = await sides.measure(window_ms)
        if not isinstance(reading, str):
            return reading
    return reading
