"""Telemetry: what is going on, kept up to date at an MQTT broker as retained topics.

Law: for each topic the newest value waits and no other, so that a broker which is away or slow costs memory for one row
a topic, and never holds up the controller. What a broker has of ours and we do not know any more is taken back.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from host_tools.controller.telemetry_link import STATUS, Link, TelemetryFault
from host_tools.controller.telemetry_rows import VERSION, Row, level
from host_tools.controller.telemetry_settings import TelemetrySettings
from host_tools.custody.blocking import RunBlocking

LOOK_S = 5.0  # between two looks: enough for a screen and a chart
RETRY_S_MIN, RETRY_S_MAX = 2.0, 60.0  # between two tries to connect
RETAINED_S = 10.0  # for what a broker has retained to come
SAID_S_MAX = 2.0  # for the last word
TOPICS_MAX = 10_000  # a thousand cameras in as many bays, and their alerts, three times over

LOG = logging.getLogger("openbwc.controller")


class Telemetry:
    """``run`` is a task beside the controller. ``rows``: what is to be said now; ``report``: told the fault that keeps
    it from being said, or "" ."""

    def __init__(
        self,
        settings: TelemetrySettings,
        controller: str,
        rows: Callable[[], Iterable[Row]],
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        report: Callable[[str], None],
    ) -> None:
        self.base = f"{settings.mqtt_prefix}/{level(controller)}"
        self._settings = settings
        self._client_id = f"openbwc-{controller}"
        self._rows = rows
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._report = report
        self._said: dict[str, dict[str, Any]] = {}
        self._waiting: dict[str, None] = {}  # topics, in the order in which they are to be said
        self._fault = ""
        self._connected = False

    async def run(self) -> None:
        """Until cancelled; without a broker in the settings at once."""
        if not self._settings.mqtt_server:
            return
        retry_s = RETRY_S_MIN
        while True:
            try:
                await self._session()
            except TelemetryFault as fault:
                self._say(str(fault))
            retry_s = RETRY_S_MIN if self._connected else min(retry_s * 2, RETRY_S_MAX)
            self._connected = False
            await asyncio.sleep(retry_s)

    def state(self) -> dict[str, Any]:
        """For people."""
        return {
            "server": self._settings.mqtt_server,
            "base": self.base if self._settings.mqtt_server else "",
            "connected": self._connected,
            "waiting": len(self._waiting),
            "fault": self._fault,
        }

    async def _session(self) -> None:
        """One connection, until it is lost: TelemetryFault."""
        link = Link(self._settings, self.base, self._client_id, self._run_blocking, self._take_back)
        try:
            await link.open()
            self._connected = True
            self._say("")
            self._said.clear()  # another broker, or one that has forgotten, is told everything
            self._waiting.clear()
            await self._keep_up(link)
        finally:
            await link.close(SAID_S_MAX)

    async def _keep_up(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        look_s, listens_until_s = loop.time(), loop.time() + RETAINED_S
        while not link.fault:
            if loop.time() >= look_s:
                self._look()
                look_s = loop.time() + LOOK_S
            if listens_until_s and loop.time() >= listens_until_s:
                link.listen_no_more()
                listens_until_s = 0.0
            link.changed.clear()
            self._publish(link)
            try:
                async with asyncio.timeout_at(look_s):
                    await link.changed.wait()
            except TimeoutError:
                pass
        raise TelemetryFault(link.fault)

    def _look(self) -> None:
        """Note what differs from what was said."""
        now: dict[str, dict[str, Any]] = {}
        for topic, row in self._rows():
            if len(now) >= TOPICS_MAX:
                LOG.warning("telemetry: more than %d topics; the rest is not told", TOPICS_MAX)
                break
            now[topic] = row
        self._waiting.update((topic, None) for topic in self._said if topic not in now)
        self._waiting.update((topic, None) for topic, row in now.items() if self._said.get(topic) != row)
        self._said = now
        if len(self._waiting) > 2 * TOPICS_MAX:  # what is gone waits to be taken back, and more and more of it
            raise TelemetryFault(f"MQTT broker {self._settings.mqtt_server}: takes too little; look at its load")

    def _publish(self, link: Link) -> None:
        while self._waiting and link.room:
            topic = next(iter(self._waiting))
            del self._waiting[topic]
            row = self._said.get(topic)
            link.publish(topic, b"" if row is None else self._payload(row))

    def _payload(self, row: dict[str, Any]) -> bytes:
        said = {"v": VERSION, "at_unix_ms": self._wall_ms(), **row}
        return json.dumps(said, ensure_ascii=False, sort_keys=True, default=str).encode()

    def _take_back(self, topic: str) -> None:
        """The broker has retained it: if it is nothing of today's, from before a restart, it is to go."""
        if topic != STATUS and topic not in self._said and len(self._waiting) < TOPICS_MAX:
            self._waiting[topic] = None

    def _say(self, fault: str) -> None:
        if fault and fault != self._fault:
            LOG.error("%s", fault)
        self._fault = fault
        self._report(fault)
