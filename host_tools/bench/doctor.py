"""What stands in the way of a bench: every board looked for, every port's permissions, who else may grab it.

Law: looks and never touches: no port is opened, nothing is changed. ``proc`` is where Linux shows its processes.
Each finding is one line, with its remedy; ``udev_rules`` is the text to paste where permissions are missing.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from host_tools.bench.bench_file import BenchFile
from host_tools.bench.errors import BoardMissing, LockError
from host_tools.bench.inventory import Inventory, Located, described, model_of, same_serial
from host_tools.bench.locks import Locks
from host_tools.hardware import UsbDevice, board_models, find_board
from host_tools.transports.errors import PortError
from host_tools.transports.held_ports import is_left_over

PROC = Path("/proc")
RULES_FILE = "/etc/udev/rules.d/70-openbwc.rules"
MODEM_MANAGER = "ModemManager"
READ_WRITE = stat.S_IRUSR | stat.S_IWUSR
PTY_MAKERS = ("/dev/ptmx", "/dev/pts/ptmx")

Level = Literal["fault", "warning", "note"]


class Finding(NamedTuple):
    """``board``: empty if it is the whole bench's. A fault keeps scenarios from running; a warning may."""

    level: Level
    board: str
    text: str


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a port."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def examine(
    bench: BenchFile, locks: Locks, proc: Path = PROC, check_url: Callable[[str], object] | None = None
) -> list[Finding]:
    """Everything, the worst of each board first. No fault among it: the bench can be used. ``check_url`` raises
    PortError for a link that nothing here opens."""
    inventory = Inventory(bench)
    found = [*_missing_and_ports(inventory, proc), *_twins(inventory), *_modem_manager(inventory, proc)]
    found += _locked(bench, locks)
    found += _files(bench)
    found += _links(bench, check_url) if check_url is not None else []
    if not can_see_all(proc):
        found.append(Finding("note", "", "processes of other users cannot be looked into; run this as root for those"))
    return sorted(found, key=lambda each: ("fault", "warning", "note").index(each.level))


def udev_rules(devices: Sequence[UsbDevice] = ()) -> str:
    """Rules for all our boards, and for other devices of the bench: the user at the seat may open them, links by serial
    and interface are made, and ModemManager leaves them alone."""
    named: dict[tuple[int, int], str] = {}
    for model in board_models():
        usb = find_board(model).usb
        named[usb.vid, usb.pid] = f"{named[usb.vid, usb.pid]}, {model}" if (usb.vid, usb.pid) in named else model
    for device in devices:
        named.setdefault((device.vid, device.pid), device.product or "another board of the bench")
    lines = [f"# {RULES_FILE}: then `udevadm control --reload && udevadm trigger`, or plug the boards in again"]
    for (vid, pid), name in sorted(named.items()):
        match = f'ATTRS{{idVendor}}=="{vid:04x}", ATTRS{{idProduct}}=="{pid:04x}"'
        own = match.replace("ATTRS", "ATTR")
        lines += [
            f"# {name}",
            f'SUBSYSTEM=="usb", {own}, MODE="0660", GROUP="plugdev", TAG+="uaccess", ENV{{ID_MM_DEVICE_IGNORE}}="1"',
            f'SUBSYSTEM=="tty", {match}, MODE="0660", GROUP="dialout", TAG+="uaccess", ENV{{ID_MM_DEVICE_IGNORE}}="1", '
            'SYMLINK+="openbwc/$env{ID_SERIAL_SHORT}-if$env{ID_USB_INTERFACE_NUM}"',
        ]
    return "\n".join(lines) + "\n"


def holders(port: Path, proc: Path = PROC) -> list[Process]:
    """Who has a terminal open. Whoever made a pseudo-terminal has it open too, and is not meant."""
    target = os.path.realpath(port)
    found: list[Process] = []
    for process in _processes(proc):
        links = set(_open_links(process))
        if target in links and not (target.startswith("/dev/pts/") and links & set(PTY_MAKERS)):
            found.append(Process(int(process.name), _name_of(process)))
    return found


def can_see_all(proc: Path = PROC) -> bool:
    """Whether every process's open files can be looked at."""
    return all(os.access(process / "fd", os.R_OK) for process in _processes(proc) if process.exists())


def why_denied(port: Path) -> str:
    """Why this user may not open a port, and what to do; empty if it may."""
    if os.access(port, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        return ""
    held = port.stat()
    group = _group(held.st_gid)
    if held.st_mode & (READ_WRITE >> 3) == READ_WRITE >> 3:
        return (
            f"{port} may be opened by group {group}, and you are not in it; "
            f"run `sudo usermod -aG {group} $USER` and log in again, or put the udev rule into {RULES_FILE}"
        )
    return f"{port} may be opened by {_user(held.st_uid)} alone; put the udev rule into {RULES_FILE}"


def _missing_and_ports(inventory: Inventory, proc: Path) -> Iterator[Finding]:
    for part in inventory.bench.board:
        try:
            located = inventory.locate(part)
        except BoardMissing as error:
            yield Finding("fault", part.name, str(error).removeprefix(f"{part.name}: "))
            continue
        yield Finding("note", part.name, f"is at {located.url}")
        yield from _port_findings(located, proc)
        yield from _identity_findings(located)


def _port_findings(located: Located, proc: Path) -> Iterator[Finding]:
    port = located.port
    if port is None:
        return
    name = located.part.name
    if not port.exists():
        yield Finding("fault", name, f"{port} is not there; is {port.parent} the folder of this machine's terminals?")
        return
    if is_left_over(port):
        yield Finding("fault", name, f"{port} is left over from a bench that was killed; start that anew")
        return
    if denied := why_denied(port):
        yield Finding("fault", name, denied)
    for process in holders(port, proc):
        yield Finding("fault", name, f"{port} is held by {process}; end it, or wait for it")


def _identity_findings(located: Located) -> Iterator[Finding]:
    part, device = located.part, located.device
    if device is None:
        return
    if device.serial and device.serial != part.serial:
        text = f"its USB serial is {device.serial}, the bench file says the board is {part.serial}; correct one of them"
        yield Finding("warning", part.name, text)
    usb = part.board.usb
    if (device.vid, device.pid) != (usb.vid, usb.pid):
        told = model_of(device) or "none of our boards"
        text = (
            f"{described(device)} is {told}, the bench file says {part.model}; correct the model, or plug in the other"
        )
        yield Finding("fault", part.name, text)
    slow = device.speed_mbps and device.speed_mbps < min(usb.speed_mbps, 480)
    if slow:
        text = f"runs at {device.speed_mbps} Mbit/s and can {usb.speed_mbps}; try another cable, port or hub"
        yield Finding("warning", part.name, text)


def _twins(inventory: Inventory) -> Iterator[Finding]:
    for group in same_serial(inventory.devices):
        places = " and ".join(device.location for device in group)
        first = group[0]
        yield Finding(
            "warning",
            "",
            f"{len(group)} devices {first.vid:04x}:{first.pid:04x} have the serial {first.serial}, at {places}; "
            "give one another serial, or match both by port",
        )


def _modem_manager(inventory: Inventory, proc: Path) -> Iterator[Finding]:
    running = [process for process in _processes(proc) if _name_of(process) == MODEM_MANAGER]
    if running and any(device.ttys for device in inventory.devices):
        text = (
            f"{MODEM_MANAGER} runs (process {running[0].name}) and talks to every new serial port; "
            f"put the udev rules with ID_MM_DEVICE_IGNORE into {RULES_FILE}, or `sudo systemctl stop {MODEM_MANAGER}`"
        )
        yield Finding("warning", "", text)


def _locked(bench: BenchFile, locks: Locks) -> Iterator[Finding]:
    for part in bench.board:
        try:
            held = locks.holder(part.serial)
        except LockError as error:
            yield Finding("fault", part.name, str(error))
            continue
        if held is not None:
            yield Finding("warning", part.name, f"is {held.told(locks.now_s())}")


def _files(bench: BenchFile) -> Iterator[Finding]:
    """What the file names beside itself: else the first scenario finds it out."""
    system = bench.system
    if system is not None and not system.folder.is_dir():
        yield Finding("fault", "", f"system folder {system.folder} is not there; make it: `bwc system create`")
    if system is not None and not os.access(system.passphrase_file, os.R_OK):
        yield Finding("fault", "", f"passphrase file {system.passphrase_file} cannot be read; correct the bench file")
    if bench.roster is not None and not os.access(bench.roster, os.R_OK):
        yield Finding("fault", "", f"roster {bench.roster} cannot be read; make it, or correct the bench file")
    if system is None and bench.of_kind("camera"):
        text = "no system is named, and cameras answer only to theirs; `bwc system create`, then system = { … }"
        yield Finding("note", "", text)


def _links(bench: BenchFile, check_url: Callable[[str], object]) -> Iterator[Finding]:
    for part in bench.board:
        try:
            check_url(part.link)
        except PortError as error:
            yield Finding("fault", part.name, str(error))


def _processes(proc: Path) -> list[Path]:
    try:
        return [entry for entry in proc.iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _open_links(process: Path) -> Iterator[str]:
    try:
        names = os.listdir(process / "fd")
    except OSError:
        return  # it has ended, or is another user's
    for name in names:
        try:
            yield os.readlink(process / "fd" / name)
        except OSError:
            continue  # closed meanwhile


def _name_of(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)  # of another machine or container


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
