"""Power over the link: averaged readings of a supply with proof of when they were taken, and a camera's charger.

Law: one reading at a time. A board says ``done`` when it has begun and sends the figures when it has ended; so its
stretch of time began between our asking and its ``done``. That needs no clock but ours.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from firmware.link import schema
from host_tools.protocol.connection import Connection

ANSWER_LIMIT_S = 3.0  # beyond the window itself: a board that is alive answers in milliseconds
RUNS = 0x10000


class NoReading(Exception):
    """The board has told nothing in time. One line."""


@dataclass(frozen=True)
class Told:
    """``fields`` of ``power_measured``; it began not before ``asked_s`` and not after ``begun_s``, by the loop's
    clock."""

    fields: dict[str, Any]
    asked_s: float
    begun_s: float


class PowerLine:
    """The readings of one board. ``take`` gets its messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: dict[tuple[int, int], asyncio.Future[dict[str, Any]]] = {}
        self._run = 0

    async def measure(self, bay: int, window_ms: int) -> Told:
        """Average for so long from now on; ``bay`` 0 for a camera. RequestRefused, LinkLost, NoReading."""
        loop = asyncio.get_running_loop()
        self._run = (self._run + 1) % RUNS
        told: asyncio.Future[dict[str, Any]] = loop.create_future()
        key = bay, self._run
        self._waiting[key] = told
        try:
            asked_s = loop.time()
            await self._connection.ask("measure_power", {"bay": bay, "run": self._run, "window_ms": window_ms})
            begun_s = loop.time()
            async with asyncio.timeout(window_ms / 1000 + ANSWER_LIMIT_S):
                return Told(await told, asked_s, begun_s)
        except TimeoutError:
            raise NoReading(f"{self._connection.url}: the board has not told what it measured") from None
        finally:
            self._waiting.pop(key, None)

    def take(self, fields: dict[str, Any]) -> None:
        """The fields of ``power_measured``."""
        told = self._waiting.get((fields["bay"], fields["run"]))
        if told is not None and not told.done():
            told.set_result(fields)


class CameraPower(PowerLine):
    """A camera's; ``status``: its fields of ``power`` as last asked, with the state as a word; empty before."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.status: dict[str, Any] = {}

    async def limit(self, limit_ua: int, duration_ms: int) -> None:
        """Let it take no more than that from its dock, for so long. RequestRefused, LinkLost."""
        await self._connection.ask("limit_input", {"limit_ua": limit_ua, "duration_ms": duration_ms})

    async def refresh(self) -> dict[str, Any]:
        """Ask how it is charged. RequestRefused, LinkLost."""
        fields = await self._connection.ask("get_power")
        self.status = {**fields, "charging": schema.word_of(schema.CHARGING_STATES, fields["charging"])}
        return self.status

    async def allow(self, allowed_ua: int, smart: bool) -> None:
        """What it may take until it is taken out, and whether it is kept short of full. RequestRefused, LinkLost."""
        await self._connection.ask("set_charging", {"allowed_ua": allowed_ua, "smart": smart})


def overlap(first: Told, second: Told, window_ms: int) -> float:
    """The part of both windows that was surely the same time, 0 to 1."""
    apart_s = max(first.begun_s, second.begun_s) - min(first.asked_s, second.asked_s)
    return max(0.0, 1 - apart_s * 1000 / window_ms)
