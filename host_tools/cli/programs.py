"""The programs that ``bwc`` runs until Ctrl-C and that have a controller: the demo, and the controller itself."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from host_tools.cli.compose import INDEX_NAME, check_destination, create_destination
from host_tools.cli.delivering import forget_upload
from host_tools.cli.options import Debug, Scene
from host_tools.cli.registry import make_registry
from host_tools.cli.serve import RunningController, serve_controller
from host_tools.cli.trusting import has_trust, open_trust
from host_tools.controller.settings import SettingsError, read_settings

console = Console()


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when every recording has arrived.")] = False,
    folder: Annotated[Path, typer.Option(help="Where everything of the demo is kept.")] = Path("demo"),
    cameras: Annotated[int, typer.Option(min=1, max=8)] = 3,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="Length of each recording.")] = 8,
    scene: Scene = None,
) -> None:
    """Record, dock, check, offload, deliver: the whole journey on an emulated bench."""
    from host_tools.cli.demo import DemoPlan, run_demo  # a controller waits for no emulator

    asyncio.run(run_demo(DemoPlan(folder, cameras, seconds, scene, once), console))


def controller(
    settings: Annotated[Path | None, typer.Option(help="A TOML file; its keys: docs/manager.md.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Trust, data and spool; default ./controller.")] = None,
    destination: Annotated[
        Path | None, typer.Option(help="A folder, or a connection file; default ./destination.")
    ] = None,
    create: Annotated[bool, typer.Option("--create-destination", help="Make an empty folder a destination.")] = False,
    roster: Annotated[Path | None, typer.Option(help="TOML file of wearers and who wears which camera.")] = None,
    bench: Annotated[Path | None, typer.Option(help="Folder of an emulated bench; else this machine's USB.")] = None,
    url: Annotated[
        list[str] | None, typer.Option(help="Further ports: /dev/tty…, usb://, socket://, rfc2217://, emu://")
    ] = None,
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
        if not chosen.destination.exists():
            raise SettingsError(
                f"{chosen.destination}: no such destination: name one with --destination; "
                "to begin a new one there: --create-destination"
            )
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
