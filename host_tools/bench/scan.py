"""A bench file from what is plugged in now: every board of ours on USB, and what tells it from all others.

Law: text out of a look at USB. It guesses nothing: a board whose serial says nothing is matched by its port, and what
only a person knows (power switches, hands, the cameras' system) is there as a comment to fill in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from host_tools.bench.bench_file import parse_bench
from host_tools.bench.errors import BenchFileError, BoardMissing
from host_tools.bench.inventory import described, unique_serial
from host_tools.bench.requirements import Lane
from host_tools.hardware import Board, UsbDevice, bay_of, board_models, find_board, find_device, link_tty, read_usb_tree
from host_tools.hardware.usb import SYSFS_DEVICES

DEV = Path("/dev")
HEAD = """\
# The boards of this bench, as `bwc bench scan` found them; docs/bench.md explains it, this checks it:
# bwc bench doctor {file}
name = "{name}"
{places}
# Who wears which camera, and the system that the cameras belong to (`bwc system create`):
# roster = "roster.toml"
# system = {{ folder = "system", passphrase_file = "passphrase" }}

# What moves the boards; what is not named is asked of the person at the terminal.
# [hands]
# dock = "move-arm --camera {{board}} --bay {{bay}}"
"""


class Seen(NamedTuple):
    """A board on USB. ``models``: several where two models say the same VID:PID."""

    device: UsbDevice
    models: tuple[str, ...]
    bay: int | None


def scan(usb: Path = SYSFS_DEVICES) -> list[Seen]:
    """Our boards, docks first."""
    devices = read_usb_tree(usb)
    boards = [find_board(model) for model in board_models()]
    docks = [(board, device) for board in boards if board.kind == "dock" for device in find_device(devices, board)]
    seen: list[Seen] = []
    for device in devices:
        models = [board for board in boards if (board.usb.vid, board.usb.pid) == (device.vid, device.pid)]
        if models:
            bays = (bay_of(device.location, board, dock.location) for board, dock in docks)
            names = tuple(board.model for board in models)
            seen.append(Seen(device, names, next((bay for bay in bays if bay is not None), None)))
    return sorted(seen, key=lambda each: find_board(each.models[0]).kind != "dock")


def bench_text(
    seen: Sequence[Seen], name: str, file: str, usb: Path = SYSFS_DEVICES, dev: Path = DEV, lane: Lane = "hardware"
) -> str:
    """The file. BoardMissing if there is no board. ``lane``: emulated boards must not count as hardware."""
    if not seen:
        raise BoardMissing(f"no board of ours is on USB ({usb}); plug one in, or dock a camera, and scan again")
    places = "" if usb == SYSFS_DEVICES else f"usb = {_quoted(str(usb))}\ndev = {_quoted(str(dev))}\n"
    places += "" if lane == "hardware" else f"lane = {_quoted(lane)} # where results count\n"
    counts = {"camera": 0, "dock": 0}
    parts = [HEAD.format(file=file, name=name, places=places)]
    devices = [each.device for each in seen]
    for each in seen:
        board = find_board(each.models[0])
        counts[board.kind] += 1
        parts.append(_board_text(each, board, f"{board.kind}-{counts[board.kind]}", devices))
    return "\n".join(parts)


def write_bench(path: Path, text: str, force: bool) -> None:
    """Write it; an older file, on which somebody may have worked, only with ``force``, and only what can be read again.
    BenchFileError."""
    if path.exists() and not force:
        raise BenchFileError(f"{path}: is there already; name another file, or say --force to replace it")
    parse_bench(path, text)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchFileError(f"{path}: cannot be written ({error.strerror}); name another file") from error


def _board_text(seen: Seen, board: Board, name: str, devices: Sequence[UsbDevice]) -> str:
    device = seen.device
    lines = [f"# {described(device)}" + (f", bay {seen.bay}" if seen.bay is not None else ""), "[[board]]"]
    lines.append(f'name = "{name}"')
    lines.append(f'model = "{seen.models[0]}"' + _also(seen.models))
    if unique_serial(device, devices):
        lines += [f"serial = {_quoted(device.serial)}", f"match = {{ usb_serial = {_quoted(device.serial)} }}"]
    else:
        why = "another board says the same serial" if device.serial else "says no serial on USB"
        lines += [
            f"serial = {_quoted(device.serial or 'unknown')} # {why}: put in the one that `bwc identify` shows",
            f'match = {{ port = "{device.location}" }}',
        ]
    if link_tty(device, board) is None:
        lines.append('# link = "socket://HOST:PORT" # no driver has made a terminal for it')
    lines.append(f"# power = {{ {_uhubctl(device, 'on')}, {_uhubctl(device, 'off')} }}")
    return "\n".join(lines) + "\n"


def _uhubctl(device: UsbDevice, word: str) -> str:
    """For a hub that can switch its ports; many say so and do not."""
    hub, dot, port = device.location.rpartition(".")
    if not dot:
        hub, _, port = device.location.partition("-")
    return f'{word} = "uhubctl -l {hub} -p {port} -a {word}"'


def _also(models: Sequence[str]) -> str:
    return f" # or {', '.join(models[1:])}: they say the same VID:PID" if len(models) > 1 else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a basic string of TOML: JSON's escapes are among its own
