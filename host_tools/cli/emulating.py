"""``bwc emulate``: an emulated bench put together, and run until it is told to stop.

Law: nothing of a controller is imported, and nothing of the page unless it is asked for: who tries out a board waits
for neither.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files import Files
from firmware.ports.limited_files import LimitedFiles
from host_tools.cli.ending import on_signals
from host_tools.cli.folders import MAKER_FILE, make_folder
from host_tools.cli.mishaps import is_mishap, working_in
from host_tools.cli.options import PORT_MAX, Debug, Scene
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, default_bench, read_bench
from host_tools.emulator.exports import exported
from host_tools.emulator.remote import BenchServer
from host_tools.emulator.rendezvous import holder
from host_tools.emulator.workshop import Workshop

if TYPE_CHECKING:
    from host_tools.cli.bench_page import PagePlan

console = Console()

BenchFolder = Annotated[Path, typer.Option(help="Where the emulated bench lives.")]


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
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(message)s", stream=sys.stderr)
    plan = read_bench(bench) if bench is not None else default_bench(name, cameras, seed, scene, model)
    page = _page(web, address, web_token)

    def ready(page_url: str) -> None:
        console.print(f"bench [bold]{plan.name}[/] in {folder}: {_boards(plan)}", soft_wrap=True)
        taken = (other := holder(plan.name)) not in (None, folder.resolve())
        if taken:
            told = f"emu://{plan.name}/… is the bench in {other}, which has that name; give this one another --name"
            console.print(told, soft_wrap=True, highlight=False, style="yellow")
        boards = [(part.name, part.serial) for part in (*plan.dock, *plan.camera)]
        readers = [(part.name, part.kind) for part in plan.reader if not part.kind.endswith("keyboard")]
        for number, (name_, about) in enumerate(boards + readers):
            url, port = "" if taken else f"emu://{plan.name}/{name_}", folder / "ports" / name_
            away = f"  rfc2217://127.0.0.1:{rfc2217 + number}" if rfc2217 and number < len(boards) else ""
            console.print(f"  {name_:10} {about:12} {url:26} {port}{away}", soft_wrap=True, highlight=False)
        console.print(
            f"their maker: {folder / MAKER_FILE}, for bwc system create --maker", highlight=False, soft_wrap=True
        )
        told = f"controller: bwc controller --bench {folder}    hands: bwc bench --help    end: Ctrl-C"
        console.print(told, soft_wrap=True)
        if page_url:
            console.print(f"bench page: {page_url}", soft_wrap=True, highlight=False)

    with working_in(folder):
        asyncio.run(serve_bench(plan, folder, ready, usbip, rfc2217, page))


async def serve_bench(
    bench: Bench,
    folder: Path,
    on_ready: Callable[[str], None],
    usbip_port: int | None = None,
    rfc2217_port: int = 0,
    page: PagePlan | None = None,
) -> None:
    """Until SIGINT or SIGTERM, or until somebody asks the bench to stop. ``usbip_port``: where its USB devices are
    exported; ``rfc2217_port``: where the first board is a network serial port, the others follow; ``page``: where its
    page is, whose address ``on_ready`` gets."""
    made = assemble_bench(bench, folder)
    async with exported(made, usbip_port, rfc2217_port):
        if page is None:
            await _serve(made, lambda: on_ready(""))
            return
        from host_tools.cli.bench_page import serving_page

        async with serving_page(made, page) as url:
            await _serve(made, lambda: on_ready(url))


def assemble_bench(bench: Bench, folder: Path) -> EmulatedBench:
    """An emulated bench whose cards are folders below ``folder``, beside the workshop that made its cameras."""

    def files_of(name: str, capacity_bytes: int) -> Files:
        return LimitedFiles(LinuxFiles(make_folder(folder / "cards" / name)), capacity_bytes)

    made = make_folder(folder)
    for shown in ("ports", "usb"):
        make_folder(folder / shown)
    workshop = Workshop(lambda name: LinuxFiles(make_folder(folder / "workshop" / name)))
    root = workshop.maker.root
    (folder / MAKER_FILE).write_text(ssl.DER_cert_to_PEM_cert(root), encoding="ascii")
    return EmulatedBench(bench, made, files_of, workshop)


async def _serve(made: EmulatedBench, on_ready: Callable[[], None]) -> None:
    server = BenchServer(made)
    refused = _end_on_mishap(server.stopping.set)
    on_signals(server.stopping.set)
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if ready.is_set():
        on_ready()
    waiting.cancel()
    await serving
    if refused:
        raise refused[0]


def _end_on_mishap(stop: Callable[[], None]) -> list[BaseException]:
    """A bench that can no longer write its ports and its USB tree is none: it ends, with what the machine refused."""
    refused: list[BaseException] = []

    def look(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, BaseException) or not is_mishap(error):
            loop.default_exception_handler(context)
            return
        refused.append(error)
        stop()

    asyncio.get_running_loop().set_exception_handler(look)
    return refused


def _page(wanted: bool, address: str | None, with_token: bool) -> PagePlan | None:
    if not wanted and address is None and not with_token:
        return None
    from host_tools.cli.bench_page import plan_page

    return plan_page(wanted, address, with_token)


def _boards(plan: Bench) -> str:
    counted = (("dock", len(plan.dock)), ("camera", len(plan.camera)))
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in counted)
