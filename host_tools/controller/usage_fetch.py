"""Reads a docked camera's usage log into the system's: only what is new of it, and twice does no harm.

Law: what a camera says of its use is for a report and gives nobody a right.
"""

from __future__ import annotations

from typing import Any

from firmware.link import schema
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import RunBlocking
from host_tools.hardware.said import printable
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.system.errors import SystemFault
from host_tools.system.store import Store, UsageRow
from host_tools.system.system import System

PAGES_MAX = 64  # of one docking: twice what a camera keeps
LOG_BYTES = 8
UNIX_MS_AHEAD_MAX = 86_400_000  # a camera whose clock is further ahead has no time at all


async def read_usage(
    connection: Connection, camera: str, system: System | None, run_blocking: RunBlocking, happenings: Happenings
) -> None:
    """What a camera was used for, told when it is read; a database that does not take it now gets it at the next dock.
    Where there is no domain nobody asks. LinkLost."""
    if system is None:
        return
    try:
        lines = await fetch_usage(connection, camera, system.store, happenings.wall_ms(), run_blocking)
    except SystemFault as fault:
        happenings.tell("usage_not_read", camera=camera, text=str(fault))
    else:
        happenings.tell("usage_read", camera=camera, lines=lines)


async def fetch_usage(
    connection: Connection, camera: str, store: Store, now_unix_ms: int, run_blocking: RunBlocking
) -> int:
    """What a camera was used for since it was docked last; answers how many lines. A camera whose firmware keeps no
    log has none. LinkLost, SystemFault."""
    log, after = await run_blocking(lambda: store.usage_end(camera))
    rows: list[UsageRow] = []
    for _ in range(PAGES_MAX):
        try:
            page = await connection.ask("get_usage", {"log": bytes.fromhex(log) or bytes(LOG_BYTES), "after": after})
        except RequestRefused:
            break
        log = page["log"].hex()
        rows += [_row(camera, log, entry, now_unix_ms) for entry in page["entries"]]
        if not page["more"] or not page["entries"]:
            break
        after = page["entries"][-1]["sequence"]
    if rows:
        await run_blocking(lambda: store.add_usage(rows))
    return len(rows)


def _row(camera: str, log: str, entry: dict[str, Any], now_unix_ms: int) -> UsageRow:
    unix_ms = entry["unix_ms"] if 0 < entry["unix_ms"] <= now_unix_ms + UNIX_MS_AHEAD_MAX else 0
    return UsageRow(
        camera,
        log,
        entry["sequence"],
        unix_ms,
        unix_ms or now_unix_ms,
        schema.word_of(schema.USAGE_EVENTS, entry["event"]),
        entry["value"],
        printable(entry["cause"]),
        printable(entry["wearer"]),
    )
