"""Commands about reports: four tables as CSV, and the system report as an archive."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.reporting import Reporting, made_ms
from host_tools.controller.wearer_commands import Search
from host_tools.custody.blocking import RunBlocking

PIECE_BYTES_MAX = 256 << 10  # of an archive in one answer

ReportName = Literal["camera_usage", "camera_status", "camera_connection", "software_versions"]
Piece = Annotated[int, Field(ge=1, le=PIECE_BYTES_MAX)]


class ReportCommands(CommandGroup):
    """A facade of one controller's reports."""

    def __init__(self, gate: Gate, reporting: Reporting, run_blocking: RunBlocking) -> None:
        super().__init__(gate)
        self._reporting = reporting
        self._run_blocking = run_blocking

    @command
    async def report(self, actor: Actor, name: ReportName, tag: Search = "", search: Search = "") -> dict[str, str]:
        """A report as CSV: of cameras with a tag, or all; the status report of those that a search finds."""
        text = await self._reporting.table(name, tag, search)
        return {"file_name": f"{name.replace('_', '-')}.csv", "csv": text}

    @command
    async def make_system_report(self, actor: Actor) -> dict[str, Any]:
        """A new archive of everything that whoever looks for a fault needs."""
        name, size_bytes = await self._reporting.make()
        return {"name": name, "size_bytes": size_bytes}

    @command
    async def list_system_reports(self, actor: Actor) -> list[dict[str, Any]]:
        """Archives of the last seven days, newest first."""
        names = await self._run_blocking(self._reporting.names)
        return [{"name": name, "made_unix_ms": made_ms(name)} for name in names]

    @command
    async def read_system_report(
        self, actor: Actor, name: str, offset: Annotated[int, Field(ge=0)] = 0, length: Piece = PIECE_BYTES_MAX
    ) -> dict[str, Any]:
        """Some bytes of an archive, in Base64."""
        try:
            data, size_bytes = await self._run_blocking(lambda: self._reporting.read(name, offset, length))
        except KeyError:
            raise CommandError(f"there is no report {name[:60]}: see the list of reports") from None
        return {"data": base64.b64encode(data).decode(), "size_bytes": size_bytes}
