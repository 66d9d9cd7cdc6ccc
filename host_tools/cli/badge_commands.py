"""``bwc badge …``: badges read and paired at the reader that is plugged in here; and a bench's hand with a badge."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from host_tools.cli.asking import Asked, asks
from host_tools.cli.registry import make_registry
from host_tools.cli.show import plain, plain_table
from host_tools.cli.wearer_commands import all_rows
from host_tools.controller.readers import Found, ReaderFinder
from host_tools.emulator.reader_world import HOLD_S
from host_tools.emulator.remote import bench_client
from host_tools.hardware.usb import SYSFS_DEVICES
from host_tools.readers.errors import ReaderError, TagRefused
from host_tools.readers.interface import ACCEPTED, READY, REFUSED, Reader
from host_tools.readers.pairing import RepeatedTaps
from host_tools.readers.presence import Seen
from host_tools.readers.registry import open_reader
from host_tools.readers.tags import EM4100, Tag, em4100_printed

WAIT_S = 60.0  # for somebody to hold a badge to the reader

app = typer.Typer(help="Read badges at a reader that is plugged in here, and pair them.", no_args_is_help=True)
console = Console()

ReaderUrl = Annotated[str, typer.Option("--reader", help="A reader by URL; left out, the only one that is plugged in.")]
UsbRoot = Annotated[Path, typer.Option(help="The USB tree; another one for an emulated bench.")]
Dev = Annotated[Path, typer.Option(help="Where serial ports are.")]
Wearer = Annotated[str, typer.Argument(help="The wearer's id.")]
WaitS = Annotated[float, typer.Option("--wait", help="Seconds for a badge to come.")]


@app.command()
def readers(
    usb_root: UsbRoot = SYSFS_DEVICES,
    dev: Dev = Path("/dev"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Readers that are plugged in here, and what is wrong with those that cannot be used."""
    table = plain_table("", ("Reader", "USB", "Remark"), ("Reader",))
    found = ReaderFinder((), usb_root, dev).look()
    if as_json:
        console.print_json(data=plain(found))
        return
    for each in found:
        table.add_row("" if each.problem else each.url, each.identity, each.problem or "can be used")
    if not found:
        table.add_row("none", "", "name one with --reader, or plug one in", style="dim")
    console.print(table)


@app.command()
def read(
    reader: ReaderUrl = "",
    usb_root: UsbRoot = SYSFS_DEVICES,
    dev: Dev = Path("/dev"),
    wait: WaitS = WAIT_S,
) -> None:
    """The number of a badge, as it is stored."""
    tag = asyncio.run(_read_one(_url(reader, usb_root, dev), wait))
    console.print(f"{tag.text}  {tag.technology}, {tag.bit_count} bits", highlight=False)
    if tag.technology == EM4100:
        console.print(f"printed on it: {em4100_printed(tag.uid)}", highlight=False)


@app.command()
@asks
def pair(
    controller: Asked,
    wearer: Wearer,
    reader: ReaderUrl = "",
    usb_root: UsbRoot = SYSFS_DEVICES,
    dev: Dev = Path("/dev"),
    wait: WaitS = WAIT_S,
) -> None:
    """Give a wearer the badge that is held to the reader, twice."""
    url = _url(reader, usb_root, dev)
    tag = asyncio.run(_read_for_pairing(url, _known(controller), wait))
    row = controller.call("pair_tag", wearer=wearer, tag=tag.text, technology=tag.technology)
    console.print(f"{row['name']} ({row['id']}) has badge {tag.text} from now on", highlight=False)


@app.command()
@asks
def unpair(
    controller: Asked, wearer: Wearer, tag: Annotated[str, typer.Argument(help="The badge's number, in hexadecimal.")]
) -> None:
    """Take a badge from a wearer: a lost card opens nothing any more."""
    row = controller.call("unpair_tag", wearer=wearer, tag=tag)
    console.print(f"{row['name']} ({row['id']}) has {len(row['tags'])} badges left", highlight=False)


def register_bench(bench: typer.Typer) -> None:
    """Add ``bwc bench tap``."""

    @bench.command("tap")
    def tap(
        uid: Annotated[str, typer.Option(help="The badge's number, in hexadecimal.")],
        reader: Annotated[str, typer.Option(help="The reader's name; left out, the only one.")] = "",
        hold: Annotated[float, typer.Option(help="Seconds for which it is held there.")] = HOLD_S,
        folder: Annotated[Path, typer.Option(help="The bench's folder.")] = Path("bench"),
    ) -> None:
        """Hold a badge to a reader of an emulated bench."""
        client = bench_client(folder)
        names = [reader] if reader else list(client.call("state")["readers"])
        if len(names) != 1:
            raise ReaderError(f"which reader? give --reader, one of {', '.join(names) or 'none: this bench has none'}")
        client.call("badge", reader=names[0], uid=uid, seconds=hold)


def _url(wanted: str, usb_root: Path, dev: Path) -> str:
    """One reader, never a guess between two."""
    if wanted:
        return wanted
    found = ReaderFinder((), usb_root, dev).look()
    usable = [each.url for each in found if not each.problem]
    if len(usable) == 1:
        return usable[0]
    if usable:
        raise ReaderError(f"{len(usable)} readers are plugged in: name one with --reader, of {', '.join(usable)}")
    raise ReaderError(_none_usable(found))


def _none_usable(found: list[Found]) -> str:
    if found:
        return f"{found[0].problem} ({found[0].identity})"
    return "no reader is plugged in that is known by its USB identity: plug one in, or name it with --reader"


async def _read_one(url: str, wait_s: float) -> Tag:
    reader = await open_reader(url, make_registry(), _now_ms)
    try:
        async with asyncio.timeout(wait_s):
            while True:
                event = await reader.next_event()
                if isinstance(event, Seen):
                    await reader.signal(ACCEPTED)
                    return event.tag
    except TimeoutError:
        raise ReaderError(f"{url}: no badge came in {wait_s:g} s; hold it to the reader and try again") from None
    finally:
        reader.close()


async def _read_for_pairing(url: str, known: dict[str, str], wait_s: float) -> Tag:
    reader = await open_reader(url, make_registry(), _now_ms)
    console.print("hold the badge to the reader", highlight=False)
    try:
        async with asyncio.timeout(wait_s):
            return await _repeated(reader, RepeatedTaps(known.items()))
    except TimeoutError:
        raise ReaderError(f"{url}: the badge was not read twice in {wait_s:g} s; try again") from None
    except TagRefused:
        await reader.signal(REFUSED)
        raise
    finally:
        reader.close()


async def _repeated(reader: Reader, taps: RepeatedTaps) -> Tag:
    while True:
        progress = taps.feed(await reader.next_event())
        if progress is None:
            continue
        await reader.signal(ACCEPTED)
        if progress.tag is not None:
            await reader.signal(READY)
            return progress.tag
        console.print(progress.text, highlight=False)


def _known(controller: Asked) -> dict[str, str]:
    """Badge numbers, and whose they are."""
    rows = all_rows(controller, "list_wearers")
    return {tag: f"{row['name']} ({row['id']})" for row in rows for tag in row["tags"]}


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
