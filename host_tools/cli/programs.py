"""The programs that ``bwc`` runs until Ctrl-C: the demo, an emulated bench, a controller."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from host_tools.cli.compose import INDEX_NAME, MAKER_FILE, check_destination, create_destination
from host_tools.cli.delivering import forget_upload
from host_tools.cli.registry import make_registry
from host_tools.cli.serve import RunningController, serve_bench, serve_controller
from host_tools.cli.trusting import has_trust, open_trust
from host_tools.controller.settings import read_settings

# Each program imports what it alone needs when it is started: a controller waits for no emulator and no page of one.
if TYPE_CHECKING:
    from host_tools.emulator.bench_file import Bench

PORT_MAX = 65_535  # of TCP

console = Console()

BenchFolder = Annotated[Path, typer.Option(help="Where the emulated bench lives.")]
Scene = Annotated[str | None, typer.Option(help="What cameras see: a video file or /dev/videoN; else a street.")]
Debug = Annotated[bool, typer.Option("--debug", help="Say everything that happens inside. Never a secret.")]


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when every recording has arrived.")] = False,
    folder: Annotated[Path, typer.Option(help="Where everything of the demo is kept.")] = Path("demo"),
    cameras: Annotated[int, typer.Option(min=1, max=8)] = 3,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="Length of each recording.")] = 8,
    scene: Scene = None,
) -> None:
    """Record, dock, check, offload, deliver: the whole journey on an emulated bench."""
    from host_tools.cli.demo import DemoPlan, run_demo

    asyncio.run(run_demo(DemoPlan(folder, cameras, seconds, scene, once), console))


def emulate(
    bench: Annotated[Path | None, typer.Option(help="A bench file; else one dock and some cameras.")] = None,
    folder: BenchFolder = Path("bench"),
    name: Annotated[str, typer.Option(help="Name of the bench, for emu://NAME/BOARD.")] = "demo",
    cameras: Annotated[int, typer.Option(min=0, max=8)] = 3,
    model: Annotated[str, typer.Option(help="Of the cameras; see `bwc board list`.")] = "pi_zero_2w_camera",
    seed: int = 1,
    scene: Scene = None,
    usbip: Annotated[
        int | None, typer.Option(min=1, max=PORT_MAX, help="Export its USB devices at this TCP port, as `usbip` does.")
    ] = None,
    rfc2217: Annotated[
        int, typer.Option(min=0, max=PORT_MAX, help="First of the TCP ports, a board each, for rfc2217://; 0: none.")
    ] = 0,
    web: Annotated[bool, typer.Option("--web", help="Serve the bench page, at HOST:PORT.")] = False,
    address: Annotated[str | None, typer.Argument(metavar="HOST:PORT", help="Of --web; else 127.0.0.1:8441.")] = None,
    web_token: Annotated[bool, typer.Option("--web-token", help="The page asks for a token.")] = False,
    debug: Debug = False,
) -> None:
    """Run an emulated bench until Ctrl-C; its boards are ports that any program can open."""
    from host_tools.cli.bench_page import plan_page
    from host_tools.emulator.bench_file import default_bench, read_bench
    from host_tools.emulator.rendezvous import holder

    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(message)s", stream=sys.stderr)
    plan = read_bench(bench) if bench is not None else default_bench(name, cameras, seed, scene, model)
    page = plan_page(web, address, web_token)

    def ready(page_url: str) -> None:
        console.print(f"bench [bold]{plan.name}[/] in {folder}: {_boards(plan)}", soft_wrap=True)
        if (other := holder(plan.name)) not in (None, folder.resolve()):
            told = f"emu://{plan.name}/… is the bench in {other}, which has that name; give this one another --name"
            console.print(told, soft_wrap=True, highlight=False, style="yellow")
        for part in (*plan.dock, *plan.camera):
            url, port = f"emu://{plan.name}/{part.name}", folder / "ports" / part.name
            console.print(f"  {part.name:10} {part.serial:12} {url:26} {port}", soft_wrap=True, highlight=False)
        console.print(
            f"their maker: {folder / MAKER_FILE}, for bwc system create --maker", highlight=False, soft_wrap=True
        )
        told = f"controller: bwc controller --bench {folder}    hands: bwc bench --help    end: Ctrl-C"
        console.print(told, soft_wrap=True)
        if page_url:
            console.print(f"bench page: {page_url}", soft_wrap=True, highlight=False)

    asyncio.run(serve_bench(plan, folder, ready, usbip, rfc2217, page))


def _boards(plan: Bench) -> str:
    counted = (("dock", len(plan.dock)), ("camera", len(plan.camera)))
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in counted)


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
        from host_tools.cli.setup import serve_setup

        chosen = asyncio.run(serve_setup(chosen, _print_setup))
    if not (chosen.folder / INDEX_NAME).exists():
        # A wrong folder is told at the first start. Later the controller starts without its destination: after a power
        # cut cameras must be offloaded even while the store is not there yet, and status tells what is missing.
        asyncio.run(check_destination(chosen.destination))

    open_trust(chosen.folder, chosen.certificate_weeks)  # without a system there is nothing that it could do

    def ready(running: RunningController) -> None:
        console.print(f"controller in {chosen.folder}, destination {chosen.destination}; end: Ctrl-C", soft_wrap=True)
        forget_upload(chosen.folder)
        if running.url:
            console.print(f"manager: {running.url}", highlight=False, soft_wrap=True)
            console.print(f"SHA-256 of its certificate: {running.fingerprint}", highlight=False, soft_wrap=True)

    if asyncio.run(serve_controller(chosen, ready)):
        # A new program in this one's place: same number, same output, and settings and software are read anew.
        os.execv(sys.executable, [sys.executable, "-m", "host_tools.cli", *sys.argv[1:]])  # noqa: S606  itself


def _print_setup(url: str, code: str) -> None:
    console.print(f"setup assistant: {url}   code: [bold]{code}[/]", highlight=False, soft_wrap=True)


def _check_urls(urls: tuple[str, ...]) -> None:
    for url in urls:
        make_registry().check(url)
