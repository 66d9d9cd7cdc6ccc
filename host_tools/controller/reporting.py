"""The system report: everything that whoever looks for a fault needs, as one archive; made when asked for and daily.

Law: an archive is written whole, then moved into place; seven days of them are kept. It names wearers and cameras,
never a password, a key or a recording, and is for its owner alone.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from firmware.version import VERSION
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.system import reports
from host_tools.system.alerts import AlertBook
from host_tools.system.csv_text import file_of, write
from host_tools.system.errors import DomainError
from host_tools.system.system import System

FOLDER = "reports"
DAY_MS = 86_400_000
KEPT_MS = 7 * DAY_MS  # CTRL-16
LOOK_S = 3_600.0  # between two looks whether today's is there
ARCHIVES_MAX = 100  # on the disk at once: whoever asks again and again has enough of them
ZIP_TIME_MIN = (1980, 1, 1, 0, 0, 0)  # an archive knows no earlier one
ZIP_TIME_MAX = (2107, 12, 31, 23, 59, 58)  # and no later one
_NAME = re.compile(r"system-report-(\d{8}-\d{6})\.zip")
_NEW = ".new"

LOG = logging.getLogger("openbwc.controller")

TakeStatus = Callable[[], Any]  # awaited: what ``bwc status`` shows


class Reporting:
    """``run`` is a task beside the controller. ``files``: the controller's folder."""

    def __init__(
        self,
        files: Files,
        system: System,
        book: AlertBook,
        take_status: TakeStatus,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
    ) -> None:
        self._files = files
        self._system = system
        self._book = book
        self._take_status = take_status
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking

    async def run(self) -> None:
        """Until cancelled: one a day, where the system is set so."""
        while True:
            try:
                await self.keep_daily()
            except (PortFault, DomainError, CustodyError) as error:
                LOG.error("the daily report was not made: %s", error)
            await asyncio.sleep(LOOK_S)

    async def keep_daily(self) -> None:
        """Make today's if there is none, and take out what is too old."""
        now_ms = self._wall_ms()
        names = await self._run_blocking(lambda: self._expire(now_ms))
        if self._system.settings.daily_report and not any(now_ms - made_ms(name) < DAY_MS for name in names):
            await self.make()
        await self._run_blocking(lambda: self._system.store.forget_usage(now_ms - 2 * reports.USAGE_DAYS_MS))

    async def table(self, name: str, tag: str, search: str) -> str:
        """One of the four reports as CSV."""
        status = await self._take_status()
        state, now_ms = self._system.state, self._wall_ms()
        return await self._run_blocking(lambda: self._table(name, tag, search, status, state, now_ms))

    async def make(self) -> tuple[str, int]:
        """A new archive; its name and size. PortFault, SystemFault."""
        status = await self._take_status()
        now_ms = self._wall_ms()
        return await self._run_blocking(lambda: self._make(status, now_ms))

    def names(self) -> list[str]:
        """Archives, newest first. Blocks."""
        if not self._files.exists(FOLDER):
            return []
        return sorted((name for name in self._files.list_folder(FOLDER) if _NAME.fullmatch(name)), reverse=True)

    def read(self, name: str, offset: int, length: int) -> tuple[bytes, int]:
        """Bytes of an archive, and how long it is. KeyError: there is none of that name. Blocks."""
        if name not in self.names():
            raise KeyError(name)
        file = self._files.open(f"{FOLDER}/{name}")
        try:
            data = bytearray(length)
            return bytes(data[: file.read_at(offset, data)]), file.size_bytes()
        finally:
            file.close()

    def _table(self, name: str, tag: str, search: str, status: Mapping[str, Any], state: Any, now_ms: int) -> str:
        if name == "camera_usage":
            return reports.camera_usage(self._system.store.usage(now_ms - reports.USAGE_DAYS_MS), state, tag)
        if name == "camera_status":
            return reports.camera_status(status["cameras"], state, tag, search)
        if name == "camera_connection":
            return reports.camera_connection(status["cameras"], state, tag)
        present = {camera["serial"]: camera["firmware"] for camera in status["cameras"]}
        return reports.software_versions(state, present, tag)

    def _make(self, status: Mapping[str, Any], now_ms: int) -> tuple[str, int]:
        self._expire(now_ms)
        name = f"system-report-{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%d-%H%M%S}.zip"
        data = self._archive(status, now_ms)
        path = f"{FOLDER}/{name}"
        for stale in (path + _NEW, path):
            if self._files.exists(stale):
                self._files.remove(stale)
        file = self._files.create(path + _NEW)
        try:
            file.write_at(0, data)
            file.sync()
        finally:
            file.close()
        self._files.rename(path + _NEW, path)
        self._files.sync_folder(FOLDER)
        return name, len(data)

    def _archive(self, status: Mapping[str, Any], now_ms: int) -> bytes:
        state = self._system.state
        alerts = [alert.plain() for alert in self._book.history()]
        columns = ("id", "kind", "device", "severity", "details", "raised_unix_ms", "cleared_unix_ms")
        tables = ("camera_usage", "camera_status", "camera_connection", "software_versions")
        members: dict[str, str] = {
            "about.json": _json({"made_unix_ms": now_ms, "software": VERSION, "system": state.settings.name}),
            "status.json": _json(dict(status)),
            "settings.json": _json(state.settings.model_dump(mode="json")),
            "profiles.json": _json([each.model_dump(mode="json") for _, each in sorted(state.profiles.items())]),
            "devices.json": _json([each.model_dump(mode="json") for _, each in sorted(state.of("device").items())]),
            "alerts.csv": write(columns, [[each[column] or "" for column in columns] for each in alerts]),
        }
        members |= {f"{name}.csv": self._table(name, "", "", status, state, now_ms) for name in tables}
        made = io.BytesIO()
        moment = datetime.fromtimestamp(now_ms / 1000, UTC)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(members.items()):
                at = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
                at = min(max(at, ZIP_TIME_MIN), ZIP_TIME_MAX)
                data = file_of(text) if name.endswith(".csv") else text
                archive.writestr(zipfile.ZipInfo(name, at), data, zipfile.ZIP_DEFLATED)
        return made.getvalue()

    def _expire(self, now_ms: int) -> list[str]:
        if not self._files.exists(FOLDER):
            self._files.make_folder(FOLDER)
            self._files.sync_folder("")
        names = self.names()
        old = [name for name in names if now_ms - made_ms(name) > KEPT_MS]
        for name in {*old, *names[ARCHIVES_MAX:]}:
            self._files.remove(f"{FOLDER}/{name}")
        return [name for name in names if name not in old]


def made_ms(name: str) -> int:
    """When an archive was made, by its name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return 0
    made = datetime.strptime(found.group(1), "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return int(made.timestamp()) * 1000


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"
