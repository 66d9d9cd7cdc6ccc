"""``bwc ports`` and ``bwc identify``: which boards are there, and what one of them says of itself."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape

from firmware.link import schema
from host_tools.cli.registry import make_registry
from host_tools.cli.show import plain, plain_table, print_whole
from host_tools.cli.trusting import open_trust, wall_ms
from host_tools.controller.adoption import set_time
from host_tools.controller.opening import identify as ask_identity
from host_tools.controller.opening import open_board
from host_tools.controller.security import ChannelMaker
from host_tools.hardware import Board, UsbDevice, bay_of, board_models, find_board, read_usb_tree
from host_tools.protocol.connection import RequestRefused
from host_tools.protocol.constructs import ConstructCodec
from host_tools.trust.errors import TrustError

USB_ROOT = Path("/sys/bus/usb/devices")
DEV = Path("/dev")

console = Console()

BenchFolder = Annotated[Path | None, typer.Option(help="Folder of an emulated bench; else this machine's USB.")]
Url = Annotated[
    str, typer.Argument(help="/dev/tty…, socket://HOST:PORT, usb://VID:PID, rfc2217://…, emu://BENCH/BOARD")
]


Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


class PortRow(NamedTuple):
    """A USB serial port. ``model``: which of our boards it is, empty for none; ``bay``: where it is docked."""

    port: str
    model: str
    product: str
    identity: str
    serial: str
    location: str
    bay: str
    access: str


def ports(bench: BenchFolder = None, as_json: Json = False) -> None:
    """Which USB serial ports are there, which of them are our boards, where, and who may open them."""
    devices = read_usb_tree(bench / "usb" if bench else USB_ROOT)
    rows = list_ports(devices, [find_board(model) for model in board_models()], bench / "ports" if bench else DEV)
    if as_json:
        console.print_json(data=plain(rows))
        return
    if not rows:
        console.print("no USB serial port is there; plug a board in, or name an emulated bench with --bench FOLDER")
        return
    columns = ("Port", "Board", "USB", "Serial", "Location", "Bay", "Open to")
    table = plain_table("Serial ports", columns, columns[:-1])  # whole: people copy from here
    for row in rows:
        board = row.model or f"[dim]not ours: {escape(row.product) or 'says no name'}[/]"
        table.add_row(row.port, board, row.identity, escape(row.serial), row.location, row.bay, row.access)
    print_whole(console, table)


def list_ports(devices: Sequence[UsbDevice], boards: Iterable[Board], dev: Path) -> list[PortRow]:
    """Every serial port of these devices, our boards first; ``dev``: where the terminals are."""
    models = {(board.usb.vid, board.usb.pid): board for board in boards}
    docks = [(device, board) for device in devices if (board := models.get((device.vid, device.pid))) and board.hub]
    rows = [_row(device, tty, dev, models, docks) for device in devices for tty in device.ttys]
    return sorted(rows, key=lambda row: not row.model)


def identify(
    url: Url,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the controller whose camera it is; cameras answer nobody else.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask the board at a port who it is. A camera must be known to the controller, and its port free."""
    found = asyncio.run(_identify(url, folder))
    kind = schema.word_of(schema.BOARD_KINDS, found["kind"])
    if as_json:
        console.print_json(data={**plain(found), "kind": kind})
        return
    console.print(
        f"{url}: {kind} [bold]{found['serial']}[/], model {found['model']}, firmware {found['firmware']}, "
        f"up for {found['uptime_ms'] / 1000:.0f} s",
        soft_wrap=True,
        highlight=False,
    )


def _row(
    device: UsbDevice,
    tty: str,
    dev: Path,
    models: Mapping[tuple[int, int], Board],
    docks: Iterable[tuple[UsbDevice, Board]],
) -> PortRow:
    board = models.get((device.vid, device.pid))
    bays = ((bay_of(device.location, dock, at.location), at.serial) for at, dock in docks)
    return PortRow(
        port=str(dev / tty),
        model=board.model if board else "",
        product=device.product,
        identity=f"{device.vid:04x}:{device.pid:04x}",
        serial=device.serial,
        location=device.location,
        bay=next((f"{bay} of {serial}" for bay, serial in bays if bay is not None), ""),
        access=_access(dev / tty),
    )


def _access(path: Path) -> str:
    """Who can open it, in a word or two."""
    try:
        held = path.stat()
    except OSError:
        return "gone"
    if os.access(path, os.R_OK | os.W_OK):
        return "you"
    if held.st_mode & (stat.S_IRGRP | stat.S_IWGRP) == stat.S_IRGRP | stat.S_IWGRP:
        return f"group {_name(grp.getgrgid, held.st_gid)}, not you"
    return f"{_name(pwd.getpwuid, held.st_uid)} only"


def _name(look_up: Callable[[int], tuple[str, *tuple[object, ...]]], number: int) -> str:
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)  # a user or group of another machine or container


async def _identify(url: str, folder: Path | None) -> dict[str, Any]:
    secure = ChannelMaker(open_trust(folder).channel_trust()) if folder is not None else None
    connection = await open_board(make_registry(), url, secrets.randbits(64), ConstructCodec(), secure)
    try:
        if connection.peer is not None:
            await set_time(connection, wall_ms())
        return await ask_identity(connection)
    except RequestRefused as error:
        if secure is not None or error.code != "refused":
            raise
        raise TrustError(
            f"{url}: a camera answers its own controller alone: name the folder of that one, --folder"
        ) from error
    finally:
        connection.close()
