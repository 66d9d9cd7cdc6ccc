"""The command ``bwc``: parses arguments, runs one of the programs, and turns every known error into one line."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from firmware.ports.errors import PortFault
from firmware.secure.certificates import CertificateFault
from firmware.version import VERSION
from host_tools.accounts.errors import AccountsError
from host_tools.bench.errors import BenchTrouble
from host_tools.bench.requirements import CatalogueError, ResultsError
from host_tools.cli import (
    account_commands,
    badge_commands,
    bench_commands,
    board_commands,
    camera_commands,
    crash_commands,
    destination_commands,
    dock_commands,
    domain_commands,
    ledger_commands,
    port_commands,
    show,
    sim_commands,
    system_commands,
    transfer_commands,
    trust_commands,
    wearer_commands,
    wire_commands,
)
from host_tools.cli.compose import INDEX_NAME, MAKER_FILE, check_destination, create_destination, make_registry
from host_tools.cli.demo import DemoFailed, DemoPlan, run_demo
from host_tools.cli.requirements import print_requirements
from host_tools.cli.serve import RunningController, serve_bench, serve_controller
from host_tools.cli.setup import forget_upload, serve_setup
from host_tools.cli.trusting import has_trust, open_trust
from host_tools.controller.commands import CommandError
from host_tools.controller.remote import controller_client
from host_tools.controller.settings import SettingsError, read_settings
from host_tools.custody.errors import CustodyError
from host_tools.destinations.interface import DestinationError
from host_tools.emulator.bench import BenchError
from host_tools.emulator.bench_file import BenchFileError, default_bench, read_bench
from host_tools.emulator.scene import SceneError
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.media import ClipError
from host_tools.hardware import BoardFileError
from host_tools.protocol.connection import RequestRefused
from host_tools.protocol.decode_input import InputError
from host_tools.protocol.pcapng import CaptureFileError
from host_tools.readers.errors import ReaderError
from host_tools.simulation.cuts.sweep import NoSuchCut
from host_tools.system.errors import DomainError
from host_tools.system.roster import RosterFileError
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.local import LocalError
from host_tools.trust.errors import TrustError
from host_tools.web_kit.errors import WebError

KNOWN_ERRORS = (
    AccountsError,
    BenchError,
    BenchFileError,
    BenchTrouble,
    BoardFileError,
    CaptureFileError,
    CatalogueError,
    CertificateFault,
    ClipError,
    CommandError,
    CustodyError,
    DemoFailed,
    DestinationError,
    DomainError,
    EvidenceError,
    InputError,
    LinkLost,
    LocalError,
    NoSuchCut,
    PortError,
    PortFault,
    ReaderError,
    RequestRefused,
    ResultsError,
    RosterFileError,
    SceneError,
    SettingsError,
    TrustError,
    WebError,
)

app = typer.Typer(
    name="bwc",
    help="OpenBWC: cameras, docks, controller and destination, on real boards or emulated ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(account_commands.app, name="account")
app.command()(domain_commands.alerts)
app.add_typer(wearer_commands.assign_app, name="assign")
app.add_typer(account_commands.audit_app, name="audit")
app.add_typer(bench_commands.app, name="bench")
app.add_typer(badge_commands.app, name="badge")
app.add_typer(board_commands.app, name="board")
app.add_typer(camera_commands.app, name="camera")
app.add_typer(destination_commands.app, name="destination")
app.add_typer(dock_commands.app, name="dock")
app.add_typer(ledger_commands.app, name="ledger")
app.command()(crash_commands.crash)
app.add_typer(domain_commands.profile_app, name="profile")
app.add_typer(domain_commands.report_app, name="report")
app.add_typer(system_commands.restore_app, name="restore-key")
app.add_typer(domain_commands.settings_app, name="settings")
app.add_typer(system_commands.app, name="system")
app.add_typer(transfer_commands.app, name="transfer")
app.add_typer(trust_commands.app, name="trust")
app.add_typer(wearer_commands.app, name="wearer")
console = Console()

Folder = Annotated[Path, typer.Option(help="Where the controller keeps its index and spool.")]
BenchFolder = Annotated[Path, typer.Option(help="Where the emulated bench lives.")]
Scene = Annotated[str | None, typer.Option(help="What cameras see: a video file or /dev/videoN; else a street.")]
Debug = Annotated[bool, typer.Option("--debug", help="Say everything that happens inside. Never a secret.")]


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when every recording has arrived.")] = False,
    folder: Annotated[Path, typer.Option(help="Where everything of the demo is kept.")] = Path("demo"),
    cameras: Annotated[int, typer.Option(min=1, max=8)] = 3,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="Length of each recording.")] = 8,
    scene: Scene = None,
) -> None:
    """Record, dock, check, offload, deliver: the whole journey on an emulated bench."""
    asyncio.run(run_demo(DemoPlan(folder, cameras, seconds, scene, once), console))


@app.command()
def emulate(
    bench: Annotated[Path | None, typer.Option(help="A bench file; else one dock and some cameras.")] = None,
    folder: BenchFolder = Path("bench"),
    name: Annotated[str, typer.Option(help="Name of the bench, for emu://NAME/BOARD.")] = "demo",
    cameras: Annotated[int, typer.Option(min=0, max=8)] = 3,
    seed: int = 1,
    scene: Scene = None,
    usbip: Annotated[int | None, typer.Option(help="Export its USB devices at this TCP port, as `usbip` does.")] = None,
    rfc2217: Annotated[int, typer.Option(help="First of the TCP ports, a board each, for rfc2217://; 0: none.")] = 0,
    debug: Debug = False,
) -> None:
    """Run an emulated bench until Ctrl-C; its boards are ports that any program can open."""
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(message)s", stream=sys.stderr)
    plan = read_bench(bench) if bench is not None else default_bench(name, cameras, seed, scene)

    def ready() -> None:
        console.print(f"bench [bold]{plan.name}[/] in {folder}: {len(plan.dock)} docks, {len(plan.camera)} cameras")
        for part in (*plan.dock, *plan.camera):
            url, port = f"emu://{plan.name}/{part.name}", folder / "ports" / part.name
            console.print(f"  {part.name:10} {part.serial:12} {url:26} {port}", soft_wrap=True, highlight=False)
        console.print(f"their maker: {folder / MAKER_FILE}, for bwc system create --maker", highlight=False)
        console.print(f"controller: bwc controller --bench {folder}    hands: bwc bench --help    end: Ctrl-C")

    asyncio.run(serve_bench(plan, folder, ready, usbip, rfc2217))


@app.command()
def controller(
    settings: Annotated[Path | None, typer.Option(help="A TOML file with the settings below.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Index and spool; default ./controller.")] = None,
    destination: Annotated[Path | None, typer.Option(help="Destination folder; default ./destination.")] = None,
    create: Annotated[bool, typer.Option("--create-destination", help="Make an empty folder a destination.")] = False,
    roster: Annotated[Path | None, typer.Option(help="TOML file of wearers and who wears which camera.")] = None,
    bench: Annotated[Path | None, typer.Option(help="Folder of an emulated bench; else this machine's USB.")] = None,
    url: Annotated[list[str] | None, typer.Option(help="Further ports: /dev/tty…, socket://…, emu://…")] = None,
    capture: Annotated[Path | None, typer.Option(help="Folder for captures (pcapng) of all its ports.")] = None,
    web: Annotated[str | None, typer.Option(help="HOST:PORT of the manager, or off; default 127.0.0.1:8440.")] = None,
    setup: Annotated[bool, typer.Option("--setup", help="Where there is no system yet: the setup assistant.")] = False,
    debug: Debug = False,
) -> None:
    """Run the controller until Ctrl-C."""
    level = logging.DEBUG if debug else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    chosen = read_settings(
        settings,
        folder=folder,
        destination=destination,
        roster=roster,
        usb_root=bench / "usb" if bench else None,
        dev=bench / "ports" if bench else None,
        urls=tuple(url) if url else None,
        capture=capture,
        web=web,
    )
    _check_urls(chosen.urls)
    if create and not chosen.destination.is_file():
        create_destination(chosen.destination)
    if setup and not has_trust(chosen.folder):
        chosen = asyncio.run(serve_setup(chosen, _print_setup))
    if not (chosen.folder / INDEX_NAME).exists():
        # A wrong folder is told at the first start. Later the controller starts without its destination: after a power
        # cut cameras must be offloaded even while the store is not there yet, and status tells what is missing.
        asyncio.run(check_destination(chosen.destination))

    open_trust(chosen.folder, chosen.certificate_weeks)  # without a system there is nothing that it could do

    def ready(running: RunningController) -> None:
        console.print(f"controller in {chosen.folder}, destination {chosen.destination}; end: Ctrl-C")
        forget_upload(chosen.folder)
        if running.url:
            console.print(f"manager: {running.url}", highlight=False)

    asyncio.run(serve_controller(chosen, ready))


@app.command()
def status(
    folder: Folder = Path("controller"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Docks, bays, cameras, recordings, and where each recording is."""
    found = controller_client(folder).call("status")
    if as_json:
        console.print_json(data=found)
    else:
        show.print_status(console, found)


@app.command()
def requirements(catalogue: Path = Path("docs/requirements.md"), results: Path = Path("build/requirements")) -> None:
    """Which requirements have passing tests, and which have never run on hardware."""
    report = print_requirements(catalogue, results, console)
    raise typer.Exit(1 if report.in_state("failing") else 0)


@app.command()
def version() -> None:
    """Print the version."""
    console.print(f"bwc {VERSION}", highlight=False)


# After the commands above, so that help lists those first.
app.command()(port_commands.ports)
app.command()(port_commands.identify)
app.command()(sim_commands.sim)
wire_commands.register(app)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 could not be done, 2 wrong arguments, 130 interrupted."""
    try:
        app()
    except KNOWN_ERRORS as error:
        print(f"bwc: {error}", file=sys.stderr)
        sys.exit(1)
    except BaseExceptionGroup as group:  # several tasks of one program, each with its own line
        known, unknown = group.split(KNOWN_ERRORS)
        for error in _leaves(known):
            print(f"bwc: {error}", file=sys.stderr)
        if unknown is not None:
            raise unknown from None
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _print_setup(url: str, code: str) -> None:
    console.print(f"setup assistant: {url}   code: [bold]{code}[/]", highlight=False)


def _check_urls(urls: tuple[str, ...]) -> None:
    for url in urls:
        make_registry().check(url)


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions if group is not None else ():
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
