"""Debian packages for a guest: fetched by apt as any user, kept below ``build/guests``, checked by the digest that the
signed package lists give.

Law: the sources are this machine's own (``/etc/apt``); apt's state is ours, so that lists of another architecture can
be had without root and nothing of the machine changes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from tests.guests.stages import Lacking

LISTS_FRESH_S = 24 * 3600  # an older list may name packages that the mirror has no more
APT_LIMIT_S = 600
BLOCK_BYTES = 1 << 20
NEEDED = {"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg"}

WEAK_KINDS = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")

_URI = re.compile(
    r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) (?P<digest>SHA256:[0-9a-f]{64}|SHA512:[0-9a-f]{128})$"
)
_DEPENDS = re.compile(r"^\s*Depends: (?P<name>[\w.+-]+)", re.MULTILINE)


class Package(NamedTuple):
    """What the package list says of a file."""

    file: str
    size_bytes: int
    digest: str


class Packages:
    """``folder``: of one architecture (Debian's word for it, ``amd64``); made when it is needed."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder = folder
        self._architecture = architecture

    def refresh(self) -> None:
        """Have package lists that are not older than a day. Lacking without apt, or without any sources."""
        for command, package in NEEDED.items():
            if shutil.which(command) is None:
                raise Lacking(f"{command} is missing; this lane takes its kernel from Debian: apt install {package}")
        stamp = self._folder / "lists-at"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_FRESH_S:
            return
        for name in ("state/lists/partial", "cache/archives/partial", "debs"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "state" / "status").touch()
        self._apt("apt-get", "update", "-qq")
        stamp.touch()

    def dependency(self, name: str) -> str:
        """The first package that another one depends on: of ``linux-image-amd64`` the kernel it stands for today."""
        found = _DEPENDS.search(self._apt("apt-cache", "depends", name))
        if found is None:
            raise Lacking(f"no package {name} in the sources of this machine; the lane needs Debian's: see /etc/apt")
        return found["name"]

    def closure(self, *roots: str, without: frozenset[str] = frozenset()) -> list[str]:
        """Packages with all that they depend on; ``without``: names that are not followed, nor wanted."""
        words = ["--recurse", *(f"--no-{kind}" for kind in WEAK_KINDS)]
        graph = read_graph(self._apt("apt-cache", "depends", *words, *roots))
        found: list[str] = []
        waiting = list(roots)
        while waiting:
            name = waiting.pop(0)
            if name not in found and name not in without and name in graph:
                found.append(name)
                waiting += graph[name]
        return found

    def fetch(self, *names: str) -> list[Path]:
        """The packages' files, each with the digest that the lists give; fetched unless they are here already."""
        listed = wanted_files(self._apt("apt-get", "download", "--print-uris", *names))
        wanted = {name: named(name, listed) for name in names}
        folder = self._folder / "debs"
        missing = [name for name, package in wanted.items() if not is_intact(folder / package.file, package)]
        if missing:
            self._apt("apt-get", "download", "-qq", *missing, cwd=folder)
        for package in wanted.values():
            if not is_intact(folder / package.file, package):
                raise Lacking(f"{package.file}: not what the package list says; remove it and start the lane again")
        return [folder / package.file for package in wanted.values()]

    def _apt(self, command: str, *arguments: str, cwd: Path | None = None) -> str:
        """A command of apt with our state in place of the machine's."""
        state, cache = (self._folder / "state").resolve(), (self._folder / "cache").resolve()
        options = {
            "APT::Architecture": self._architecture,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "5",
            "Dir::State": str(state),
            "Dir::State::status": str(state / "status"),
            "Dir::Cache": str(cache),
            "Dir::Log": str(cache),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        words += ["-o", f"APT::Architectures::={self._architecture}"]
        try:
            answer = subprocess.run(
                [command, *words, *arguments], cwd=cwd, capture_output=True, text=True, timeout=APT_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            text = (
                f"{command} {' '.join(arguments[:3])}: no end in {APT_LIMIT_S:.0f} s; is there a network, and a mirror?"
            )
            raise Lacking(text) from None
        if answer.returncode != 0:
            (self._folder / "lists-at").unlink(missing_ok=True)  # the next run looks anew
            said = (answer.stderr.strip() or "it said nothing").splitlines()
            raise Lacking(f"{command} {' '.join(arguments[:3])}: {said[-1]}; is there a network, and a Debian mirror?")
        return answer.stdout


def wanted_files(uris: str) -> list[Package]:
    """What ``apt-get download --print-uris`` says, in an order of its own."""
    rows = [match for line in uris.splitlines() if (match := _URI.match(line.strip())) is not None]
    if not rows:
        raise Lacking("apt names no digest for what the lane needs; are its package lists signed?")
    return [Package(row["file"], int(row["size"]), row["digest"]) for row in rows]


def read_graph(depends: str) -> dict[str, list[str]]:
    """What ``apt-cache depends --recurse`` says: name -> names. Packages that are only stood for have no file."""
    graph: dict[str, list[str]] = {}
    name = ""
    for line in depends.splitlines():
        if not line.startswith((" ", "|")):
            name = line.strip()
            if not name.startswith("<"):
                graph[name] = []
        elif "Depends: " in line and name in graph:
            graph[name].append(line.partition("Depends: ")[2].strip())
    return graph


def named(name: str, listed: list[Package]) -> Package:
    """The file of the package of that name."""
    return next(package for package in listed if package.file.startswith(f"{name}_"))


def is_intact(path: Path, package: Package) -> bool:
    """Whether a file is there and what the lists say that it is."""
    if not path.is_file() or path.stat().st_size != package.size_bytes:
        return False
    kind, _, wanted = package.digest.partition(":")
    digest = hashlib.new(kind.lower())
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == wanted


def unpack(deb: Path, folder: Path) -> None:
    """The files of a package, below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", str(deb), str(folder)], check=True, timeout=APT_LIMIT_S)
