"""How well the links do: one that is slow for its kind is a problem with a remedy, for as long as it lasts.

Law: looks at what the links themselves have counted; asks no board anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from host_tools.controller.docks import Dock, link_issue
from host_tools.controller.happenings import Happenings
from host_tools.protocol.connection import Connection

HEALTH_S = 2.0  # between two looks


async def watch_links(
    cameras: Callable[[], Mapping[str, Connection]],
    docks: Callable[[], Mapping[str, Dock]],
    problems: dict[str, str],
    happenings: Happenings,
) -> None:
    """Until cancelled. ``cameras``, ``docks``: the open ones by serial; ``problems``: where it is told."""
    slow: dict[str, str] = {}
    while True:
        await asyncio.sleep(HEALTH_S)
        found = slow_links(cameras(), docks())
        for serial in set(slow) | set(found):
            key = f"link of {serial}"
            if serial not in found:
                problems.pop(key, None)
                continue
            if serial not in slow:
                happenings.tell("slow_link", board=serial, text=found[serial])
            problems[key] = link_issue(docks().get(serial), serial, found[serial])
        slow = found


def slow_links(cameras: Mapping[str, Connection], docks: Mapping[str, Dock]) -> dict[str, str]:
    """Why each of the slow ones is called so, by serial."""
    links = dict(cameras) | {serial: dock.connection for serial, dock in docks.items()}
    found = {serial: reason for serial, link in links.items() if (reason := link.health().slow)}
    return found | {serial: dock.slow for serial, dock in docks.items() if dock.slow and serial not in found}
