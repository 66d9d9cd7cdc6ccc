"""Which boards of a bench file are there now: each found on USB by what its ``match`` says, or why not.

Law: reads the layout of USB and of the terminals below the folders that the bench file names; opens no port. What it
cannot find it describes: what is wanted, what is there instead, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_tools.bench.bench_file import AUTO, BenchFile, BoardPart, Match
from host_tools.bench.errors import BoardMissing
from host_tools.hardware import UsbDevice, board_models, find_board, link_tty, read_usb_tree
from host_tools.hardware.model import Board

LISTED_MAX = 8  # devices that a message names


@dataclass(frozen=True, slots=True)
class Located:
    """A board that is there. ``device``: None where the bench file names a link and no USB; ``url``: of its link;
    ``port``: the terminal behind it on this machine, if it is one."""

    part: BoardPart
    device: UsbDevice | None
    url: str
    port: Path | None


class Inventory:
    """One look at a bench. Take another one for what is there later."""

    def __init__(self, bench: BenchFile) -> None:
        self.bench = bench
        self.devices = read_usb_tree(bench.usb)

    def locate(self, part: BoardPart) -> Located:
        """Where a board is. BoardMissing."""
        if part.match is None:
            port = Path(part.link) if "://" not in part.link else None
            if port is not None and not port.exists():
                raise BoardMissing(f"{part.name}: its link {part.link} is not there; plug it in, or correct the file")
            return Located(part, None, part.link, port)
        device = self._device(part, part.match)
        if part.link != AUTO:
            return Located(part, device, part.link, None if "://" in part.link else Path(part.link))
        tty = tty_of(self.bench.usb, device, part.board, part.match.interface)
        if tty is None:
            which = "" if part.match.interface is None else f" on interface {part.match.interface}"
            raise BoardMissing(
                f"{part.name}: {described(device)} shows no terminal{which}; {_terminals(self.bench.usb, device)}"
            )
        return Located(part, device, str(self.bench.dev / tty), self.bench.dev / tty)

    def candidates(self, match: Match) -> list[UsbDevice]:
        """Every device that fits."""
        return [device for device in self.devices if fits(match, device)]

    def what_is_there(self) -> str:
        """For a message: every device with a terminal, or one of our boards."""
        ours = [device for device in self.devices if device.ttys or model_of(device)]
        if not ours:
            return f"no USB serial device is there ({self.bench.usb})"
        more = f" and {len(ours) - LISTED_MAX} more" if len(ours) > LISTED_MAX else ""
        return "there is " + ", ".join(described(device) for device in ours[:LISTED_MAX]) + more

    def _device(self, part: BoardPart, match: Match) -> UsbDevice:
        found = self.candidates(match)
        if len(found) == 1:
            return found[0]
        if found:
            places = ", ".join(device.location for device in found)
            raise BoardMissing(
                f"{part.name}: {len(found)} devices have {match}, at {places}; "
                "give one another serial, or match it by port"
            )
        raise BoardMissing(f"{part.name}: no device has {match}; {self.what_is_there()}; {_remedy(part)}")


def fits(match: Match, device: UsbDevice) -> bool:
    """Whether a device is one that is meant."""
    return (
        (match.usb_serial is None or match.usb_serial == device.serial)
        and (match.port is None or match.port == device.location)
        and (match.vid_pid is None or match.vid_pid.lower() == f"{device.vid:04x}:{device.pid:04x}")
    )


def tty_of(usb: Path, device: UsbDevice, board: Board, interface: int | None) -> str | None:
    """The name of the terminal that is meant: that of an interface, else the one behind the board's link."""
    return link_tty(device, board) if interface is None else ttys_by_interface(usb, device).get(interface)


def ttys_by_interface(usb: Path, device: UsbDevice) -> dict[int, str]:
    """Terminals of a device by the number of their interface."""
    found: dict[int, str] = {}
    for folder in sorted(usb.glob(f"{device.location}:*.*")):
        number = folder.name.rpartition(".")[2]
        for tty in device.ttys:
            if number.isdecimal() and ((folder / "tty" / tty).exists() or (folder / tty).exists()):
                found[int(number)] = tty
    return found


def model_of(device: UsbDevice) -> str:
    """Which of our boards says such a VID:PID; empty for none, and all models of it where several do."""
    return " or ".join(model for model in board_models() if (device.vid, device.pid) == usb_identity(find_board(model)))


def usb_identity(board: Board) -> tuple[int, int]:
    """VID and PID."""
    return board.usb.vid, board.usb.pid


def described(device: UsbDevice) -> str:
    """``CAM-0001 (1209:0001 OpenBWC camera) at 1-1.2.1``."""
    said = f" {device.product}" if device.product else ""
    return f"{device.serial or 'one without a serial'} ({device.vid:04x}:{device.pid:04x}{said}) at {device.location}"


def same_serial(devices: Iterable[UsbDevice]) -> list[tuple[UsbDevice, ...]]:
    """Devices of one kind that say the same serial number; those that say none are not meant."""
    groups: dict[tuple[int, int, str], list[UsbDevice]] = {}
    for device in devices:
        if device.serial:
            groups.setdefault((device.vid, device.pid, device.serial), []).append(device)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def unique_serial(device: UsbDevice, devices: Sequence[UsbDevice]) -> bool:
    """Whether its serial number tells it from all others."""
    return bool(device.serial) and sum(each.serial == device.serial for each in devices) == 1


def _terminals(usb: Path, device: UsbDevice) -> str:
    found = ttys_by_interface(usb, device)
    if not found:
        return "no driver has made one (on Linux: cdc_acm); unplug it and plug it in again"
    return "it has " + ", ".join(f"{tty} on interface {number}" for number, tty in sorted(found.items()))


def _remedy(part: BoardPart) -> str:
    switch = "; a board that is undocked shows no USB" if part.board.kind == "camera" else ""
    return f"plug it in and switch it on{switch}"
