"""Where running benches are found by name, so that ``emu://BENCH/BOARD`` works from any program of the same user."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from host_tools.transports.errors import PortError, PortMissing
from host_tools.transports.held_ports import is_abandoned
from host_tools.transports.local import answers
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import open_serial

SCHEME = "emu"
SOCKET = "bench.sock"  # in a bench's folder: where it answers


def benches_folder() -> Path:
    """A folder of this user's, gone after a restart of the machine where the system has one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"openbwc-{os.getuid()}"
    return base / "openbwc-benches"


def register(name: str, folder: Path) -> Path:
    """Make a bench findable; returns the link to remove when it stops. One that is running keeps its name."""
    link = benches_folder() / name
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_ended(link.parent)
    while holder(name) in (None, folder.resolve()):
        link.unlink(missing_ok=True)
        with suppress(FileExistsError):  # another bench of this name began at the same moment
            link.symlink_to(folder.resolve())
            break
    return link


def holder(name: str) -> Path | None:
    """The folder of the running bench that is found by this name."""
    folder = _target(benches_folder() / name)
    return folder if folder is not None and answers(folder / SOCKET) else None


def unregister(link: Path, folder: Path) -> None:
    """The bench stops; a later one of the same name keeps its entry."""
    if _target(link) == folder.resolve():
        link.unlink(missing_ok=True)


def port_path(url: str) -> Path:
    """The pseudo-terminal behind ``emu://BENCH/BOARD``. PortError names what is wrong, and what there is."""
    bench, _, board = url.removeprefix(f"{SCHEME}://").partition("/")
    if not bench or not board or "/" in board:
        raise PortError(f"{url}: write {SCHEME}://BENCH/BOARD")
    link = benches_folder() / bench
    if not _runs(link):
        running = ", ".join(sorted(name for name in _names(benches_folder()) if _runs(link.parent / name)))
        there = running or "none is running; start one with `bwc emulate`"
        raise PortMissing(f"{url}: no bench {bench} is running; there is: {there}")
    path = link / "ports" / board
    if not path.exists():
        there = ", ".join(sorted(name for name in _names(path.parent) if _leads_to_a_port(path.parent / name)))
        raise PortMissing(f"{url}: {board} has no port now; plugged in are: {there or 'none'}. Dock it or switch it on")
    return path


async def open_emulated(url: str) -> Pipe:
    """Opener for a transport registry."""
    return await open_serial(str(port_path(url)))


def _runs(folder: Path) -> bool:
    """Whether a bench may have its ports there."""
    return (folder / "ports").is_dir() and not is_abandoned(folder / "ports")


def _leads_to_a_port(link: Path) -> bool:
    return link.is_symlink() and link.exists()


def _forget_ended(folder: Path) -> None:
    """Names that killed benches have left."""
    for name in _names(folder):
        if (folder / name).is_symlink() and not _runs(folder / name) and holder(name) is None:
            (folder / name).unlink(missing_ok=True)


def _target(link: Path) -> Path | None:
    """Where it leads; None where there is no link, or none any more."""
    try:
        return link.readlink()
    except OSError:
        return None


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
