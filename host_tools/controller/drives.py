"""A drive that recordings are taken away on: what is mounted there, and whether it is what it should be.

Law: reads the kernel's tables through two roots that are arguments; writes nothing. What leaves the controller goes
onto an exFAT drive of one partition (CTRL-11), which every computer reads and nothing else lives on.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
BLOCKS = Path("/sys/class/block")
WANTED = "exfat"

_OCTAL = re.compile(r"\\([0-7]{3})")


class DriveError(Exception):
    """The drive is not what it should be; one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Drive:
    """``mount_point``: where the file system of a folder begins; ``partitions``: of its disk, None where the kernel
    does not say."""

    folder: Path
    mount_point: Path
    file_system: str
    device: str
    partitions: int | None
    free_bytes: int


def find_drive(folder: Path, mounts: Path = MOUNTS, blocks: Path = BLOCKS) -> Drive:
    """What a folder lies on. Blocks. DriveError if there is no such folder."""
    try:
        whole = folder.resolve(strict=True)
        found = os.statvfs(whole)
        rows = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise DriveError(f"{folder}: cannot be looked at ({why}): plug the drive in and mount it") from error
    if not whole.is_dir():
        raise DriveError(f"{folder}: is no folder: name where the drive is mounted")
    mount_point, file_system, device = max(
        # of several at one place, as under an automount, the last one is what is seen there
        (row for row in map(_row, reversed(rows)) if row is not None and whole.is_relative_to(row[0])),
        key=lambda row: len(row[0].parts),
        default=(Path("/"), "", ""),
    )
    return Drive(whole, mount_point, file_system, device, _partitions(device, blocks), found.f_bavail * found.f_frsize)


def exfat_drives(mounts: Path = MOUNTS, blocks: Path = BLOCKS) -> list[Drive]:
    """The exFAT drives that are mounted, by their place. Blocks. DriveError if the kernel's tables cannot be read."""
    try:
        rows = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DriveError(f"{mounts}: cannot be read ({error.strerror}): name the drive's folder") from error
    found: list[Drive] = []
    for mount_point, file_system, device in sorted(row for row in map(_row, rows) if row is not None):
        if file_system != WANTED:
            continue
        with suppress(OSError):  # it was pulled meanwhile
            room = os.statvfs(mount_point)
            free_bytes = room.f_bavail * room.f_frsize
            found.append(Drive(mount_point, mount_point, file_system, device, _partitions(device, blocks), free_bytes))
    return found


def check_drive(drive: Drive) -> None:
    """DriveError unless it is an exFAT drive with one partition."""
    if drive.file_system != WANTED:
        raise DriveError(
            f"{drive.folder}: lies on {drive.file_system or 'an unknown file system'}, not on an exFAT drive: "
            "format one as exFAT with one partition and name where it is mounted"
        )
    if drive.partitions is not None and drive.partitions > 1:
        raise DriveError(
            f"{drive.folder}: the drive has {drive.partitions} partitions: format it with exFAT as the only one"
        )


def _row(line: str) -> tuple[Path, str, str] | None:
    """Mount point, file system, device of a line of mountinfo."""
    before, _, after = line.partition(" - ")
    fields, told = before.split(), after.split()
    if len(fields) < 5 or len(told) < 2:
        return None
    return Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[4])), told[0], told[1]


def _partitions(device: str, blocks: Path) -> int | None:
    """Of the disk that a partition belongs to."""
    place = blocks / Path(device).name
    if not device.startswith("/dev/") or not place.exists():
        return None
    whole = place.resolve()
    disk = whole.parent if (whole / "partition").exists() else whole
    return max(1, sum((each / "partition").exists() for each in disk.iterdir() if each.is_dir()))
