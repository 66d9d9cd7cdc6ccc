"""The groups of commands about system data, over an assembled controller."""

from __future__ import annotations

from host_tools.accounts.people import People
from host_tools.cli.compose import Assembled
from host_tools.cli.people import wall_ms
from host_tools.controller.alert_commands import AlertCommands
from host_tools.controller.commands import CommandGroup, Gate
from host_tools.controller.domain import Domain
from host_tools.controller.notify_commands import NotifyCommands
from host_tools.controller.profile_commands import ProfileCommands
from host_tools.controller.report_commands import ReportCommands
from host_tools.controller.reset_commands import ResetCommands
from host_tools.controller.settings_commands import SettingsCommands
from host_tools.controller.table_commands import TableCommands
from host_tools.controller.usage_commands import UsageCommands
from host_tools.controller.wearer_commands import WearerCommands
from host_tools.custody.blocking import run_in_thread
from host_tools.system.reset_rules import Standing

LEFT = "the system has left this destination"
UNDELIVERED = ("announced", "offloading", "held", "delivering")  # states of recordings that a reset would strand


def domain_groups(gate: Gate, assembled: Assembled, people: People) -> list[CommandGroup]:
    """Wearers, profiles, settings, tables, alerts, reports, reset."""
    domain = Domain(assembled.system, wall_ms, run_in_thread)
    membership = assembled.controller.membership

    return [
        WearerCommands(gate, domain),
        ProfileCommands(gate, domain),
        SettingsCommands(gate, domain, people.is_evaluation),
        TableCommands(gate, domain),
        AlertCommands(gate, assembled.alerting, run_in_thread),
        ReportCommands(gate, assembled.reporting, run_in_thread),
        UsageCommands(gate, domain),
        NotifyCommands(gate, assembled.telling.notifier, assembled.telling.telemetry),
        ResetCommands(
            gate,
            domain,
            lambda: _standing(assembled, people),
            membership.require_passphrase,
            None if assembled.attached is None else lambda: _leave_destination(assembled),
        ),
    ]


async def _leave_destination(assembled: Assembled) -> None:
    """What it acknowledged is told of still, but the next one is not asked for it."""
    if assembled.attached is not None:
        await assembled.attached.forget()
    await run_in_thread(lambda: assembled.index.transfers.note_left(LEFT))
    assembled.controller.delivery.losses.lost.clear()
    assembled.controller.delivery.retry()


async def _standing(assembled: Assembled, people: People) -> Standing:
    counts, set_aside, evaluation = await run_in_thread(
        lambda: (assembled.index.count_by_state(), assembled.index.troubled(1), people.is_evaluation())
    )
    controller = assembled.controller
    return Standing(
        evaluation or assembled.system.settings.evaluation,
        [member.serial for member in controller.membership.members.all()],
        [view.serial for view in controller.present()],
        sum(counts.get(state, 0) for state in UNDELIVERED),
        sum(1 for row in set_aside if row.poison),
    )
