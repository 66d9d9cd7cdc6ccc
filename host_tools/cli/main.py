"""The command ``bwc``: finds the command that was asked for, runs it, and turns every known error into one line."""

from __future__ import annotations

import gc
import sys
from typing import ClassVar

import typer
from rich.console import Console

from firmware.version import VERSION
from host_tools.cli.ending import INTERRUPTED_EXIT, end_in_order, exit_code
from host_tools.cli.lazy import LazyGroup, Place, classes_of
from host_tools.cli.mishaps import is_mishap, told

# Errors that people are told in one line, by the module that defines them.
KNOWN_ERRORS = {
    "AccountsError": "host_tools.accounts.errors",
    "AskError": "host_tools.cli.over_rest",
    "BenchError": "host_tools.emulator.bench",
    "BenchFileError": "host_tools.emulator.bench_file",
    "BenchPageError": "host_tools.bench_page.errors",
    "BenchTrouble": "host_tools.bench.errors",
    "BoardFileError": "host_tools.hardware",
    "CaptureFileError": "host_tools.protocol.pcapng",
    "CatalogueError": "host_tools.bench.requirements",
    "CertificateFault": "firmware.secure.certificates",
    "ClipError": "host_tools.evidence.media",
    "CommandError": "host_tools.controller.commands",
    "CustodyError": "host_tools.custody.errors",
    "DemoFailed": "host_tools.cli.demo",
    "DestinationError": "host_tools.destinations.interface",
    "DomainError": "host_tools.system.errors",
    "EvidenceError": "host_tools.evidence.errors",
    "InputError": "host_tools.protocol.decode_input",
    "LinkLost": "host_tools.transports.errors",
    "LocalError": "host_tools.transports.local",
    "NoSuchCut": "host_tools.simulation.cuts.sweep",
    "NoTerminal": "host_tools.cli.prompting",
    "PortError": "host_tools.transports.errors",
    "PortFault": "firmware.ports.errors",
    "ReaderError": "host_tools.readers.errors",
    "RequestRefused": "host_tools.protocol.connection",
    "ResultsError": "host_tools.bench.requirements",
    "RosterFileError": "host_tools.system.roster",
    "SceneError": "host_tools.emulator.scene",
    "SettingsError": "host_tools.controller.settings",
    "TrustError": "host_tools.trust.errors",
    "WebError": "host_tools.web_kit.errors",
}


# New objects from one look for garbage to the next; a program makes some hundred thousand at its start, and keeps them.
COLLECT_AFTER = 50_000


class Commands(LazyGroup):
    """All of them: the four programs and questions that people begin with, then the others in the alphabet's order."""

    places: ClassVar[dict[str, Place]] = {
        "demo": Place("programs", "demo"),
        "emulate": Place("emulating", "emulate"),
        "controller": Place("programs", "controller"),
        "status": Place("status_command", "status"),
        "account": Place("account_commands", "app"),
        "alerts": Place("domain_commands", "alerts"),
        "assign": Place("wearer_commands", "assign_app"),
        "audit": Place("account_commands", "audit_app"),
        "badge": Place("badge_commands", "app"),
        "bench": Place("bench_commands", "app"),
        "board": Place("board_commands", "app"),
        "camera": Place("camera_commands", "app"),
        "capture": Place("wire_commands", "capture"),
        "crash": Place("crash_commands", "crash"),
        "decode": Place("wire_commands", "decode"),
        "destination": Place("destination_commands", "app"),
        "dissector": Place("wire_commands", "dissector"),
        "dock": Place("dock_commands", "app"),
        "follow": Place("login_commands", "follow"),
        "identify": Place("port_commands", "identify"),
        "ledger": Place("ledger_commands", "app"),
        "login": Place("login_commands", "login"),
        "logout": Place("login_commands", "logout"),
        "ports": Place("port_commands", "ports"),
        "profile": Place("domain_commands", "profile_app"),
        "replay": Place("wire_commands", "replay"),
        "report": Place("domain_commands", "report_app"),
        "requirements": Place("requirements", "requirements"),
        "restore-key": Place("system_commands", "restore_app"),
        "settings": Place("domain_commands", "settings_app"),
        "sim": Place("sim_commands", "sim"),
        "system": Place("system_commands", "app"),
        "transfer": Place("transfer_commands", "app"),
        "trust": Place("trust_commands", "app"),
        "wearer": Place("wearer_commands", "app"),
    }


app = typer.Typer(
    name="bwc",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    epilog="Exit codes: 0 done, 1 could not be done, 2 wrong arguments, 130 interrupted, 143 terminated.",
    pretty_exceptions_enable=False,
)


@app.command()
def version() -> None:
    """Print the version."""
    Console().print(f"bwc {VERSION}", highlight=False)


@app.callback()
def about() -> None:
    """OpenBWC: cameras, docks, controller and destination, on real boards or emulated ones."""


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 could not be done, 2 wrong arguments, 130 interrupted, 143 terminated."""
    end_in_order()
    gc.set_threshold(COLLECT_AFTER)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(exit_code())
    except SystemExit as ended:  # so Typer ends what was interrupted
        sys.exit(exit_code() if ended.code == INTERRUPTED_EXIT else ended.code)
    except Exception as error:  # told in a line if it is a known one, raised as it is if not
        known, unknown = _parted(error)
        for each in known:
            print(f"bwc: {told(each)}", file=sys.stderr)
        if unknown is error:
            raise
        if unknown is not None:
            raise unknown from None
        sys.exit(1)
    finally:
        gc.freeze()  # all memory goes back at once: to look for garbage in it first takes longer than many a command


def _parted(error: Exception) -> tuple[list[BaseException], BaseException | None]:
    """Known errors, each with its own line, and what is not known; several tasks of one program end in one group."""
    classes = classes_of(KNOWN_ERRORS)

    def is_known(each: BaseException) -> bool:
        return isinstance(each, classes) or is_mishap(each)

    if isinstance(error, ExceptionGroup):
        group: ExceptionGroup[Exception] = error
        known, unknown = group.split(lambda each: not isinstance(each, BaseExceptionGroup) and is_known(each))
        return _leaves(known), unknown
    return ([error], None) if is_known(error) else ([], error)


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions if group is not None else ():
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
