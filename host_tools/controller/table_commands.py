"""Commands about tables that people bring and take away: wearers as CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.audited import AuditedAs, size_of
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.domain import Domain
from host_tools.system import wearer_csv
from host_tools.system.records import Wearer
from host_tools.system.system import Edit
from host_tools.system.wearer_csv import Difference, ImportPlan, plan_import

CSV_CHARACTERS_MAX = 4 << 20  # ten thousand wearers with long names; the local socket takes not much more
SHOWN_MAX = 500  # rows of a preview: what a person looks through

CsvText = Annotated[str, Field(max_length=CSV_CHARACTERS_MAX)]


class TableCommands(CommandGroup):
    """A facade of the domain's wearers as a table."""

    def __init__(self, gate: Gate, domain: Domain) -> None:
        super().__init__(gate)
        self._domain = domain

    @command
    async def preview_wearer_import(self, actor: Actor, csv: CsvText) -> dict[str, Any]:
        """What importing this file would do, and what keeps it from being done. Nothing is changed. Conflicts and
        differences come in English, and as words with values for whoever says them otherwise."""
        system = self._domain.system
        return _shown(await self._domain.run_blocking(lambda: plan_import(csv, system.state, system.abilities)))

    @command
    async def import_wearers(
        self, actor: Actor, csv: Annotated[CsvText, AuditedAs(size_of)], token: str
    ) -> dict[str, int]:
        """Do what a preview has shown: all of it, or nothing. ``token``: the preview's."""

        def change(edit: Edit) -> ImportPlan:
            plan = plan_import(csv, edit.state, self._domain.system.abilities)
            if plan.conflicts:
                first = plan.conflicts[0]
                raise CommandError(f"line {first.line}: {first.text}: nothing was imported")
            if plan.token() != token:
                raise CommandError("wearers were changed since the preview: nothing was imported, look at it again")
            for wearer in (*plan.added, *(after for _, after in plan.changed)):
                edit.put(wearer)
            return plan

        plan = await self._domain.change(actor, change)
        return {"added": len(plan.added), "changed": len(plan.changed), "same": plan.same}

    @command
    async def export_wearers(self, actor: Actor) -> dict[str, str]:
        """All wearers as CSV; imported again, it changes nothing."""
        state = self._domain.system.state
        text = await self._domain.run_blocking(lambda: wearer_csv.export(state))
        return {"file_name": "wearers.csv", "csv": text}

    @command
    async def wearer_template(self, actor: Actor) -> dict[str, str]:
        """A file with the columns and an example."""
        return {"file_name": "wearers-template.csv", "csv": wearer_csv.template()}


def _shown(plan: ImportPlan) -> dict[str, Any]:
    return {
        "added": [{"id": each.id, "name": each.name} for each in plan.added[:SHOWN_MAX]],
        "changed": [
            _changed(after, wearer_csv.differences(before, after)) for before, after in plan.changed[:SHOWN_MAX]
        ],
        "added_count": len(plan.added),
        "changed_count": len(plan.changed),
        "same": plan.same,
        "conflicts": [asdict(each) for each in plan.conflicts],
        "token": plan.token() if not plan.conflicts else "",
    }


def _changed(after: Wearer, found: list[Difference]) -> dict[str, Any]:
    fields = [asdict(each) for each in found]
    return {"id": after.id, "name": after.name, "text": wearer_csv.said(found), "fields": fields}
