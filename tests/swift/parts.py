"""The Swift node of these tests, and destinations that keep their objects in it."""

from __future__ import annotations

import itertools
import json
import secrets
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.swift_node import KEY, USER, SwiftNode
from firmware.platform.linux.files import LinuxFiles
from host_tools.evidence import folder
from host_tools.evidence.folder import Destination
from tests.unit.evidence.running import OPEN_HOUSE, SECRET, wall_ms

ENVIRONMENT = Path(__file__).parents[2] / "build" / "swift-environment"
_numbers = itertools.count()


@dataclass
class Box:
    """A container of Swift for one destination."""

    node: SwiftNode
    name: str

    def keys(self, folder: Path, key: str = KEY, segment_mb: int = 1) -> Path:
        """A file that leads to it."""
        path = folder / f"keys-{next(_numbers)}.toml"
        rows = {"auth": self.node.url, "user": USER, "key": key, "container": self.name}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items())
        path.write_text(f"{text}segment_mb = {segment_mb}\n")
        return path

    def ask(self, method: str, name: str = "", data: bytes | None = None, **headers: str) -> bytes:
        """Past everything of ours."""
        keys = {"X-Auth-User": USER, "X-Auth-Key": KEY}
        with urllib.request.urlopen(urllib.request.Request(self.node.url, headers=keys), timeout=60) as answer:
            place, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
        sent = {"X-Auth-Token": token, **{key.replace("_", "-"): value for key, value in headers.items()}}
        url = f"{place}/{self.name}" + (f"/{name}" if name else "")
        with urllib.request.urlopen(
            urllib.request.Request(url, data=data, headers=sent, method=method), timeout=60
        ) as answer:
            return answer.read()

    def names(self) -> list[str]:
        """What lies in it."""
        return self.ask("GET").decode().split()


def fresh_box(node: SwiftNode) -> Box:
    """One that nobody has used."""
    return Box(node, f"box-{secrets.token_hex(4)}")


@contextmanager
def what_is_missing() -> Generator[None]:
    """Ends the run with one line where a program or a package is not there."""
    try:
        yield
    except SystemExit as error:
        pytest.exit(str(error), 1)


@contextmanager
def kept_in(
    box: Box, place: Path, told: Callable[[str], None] = print, settings: str = OPEN_HOUSE, segment_mb: int = 1
) -> Generator[Destination]:
    """A destination that keeps its objects there; the same one again if it was made."""
    with kept_by(box.keys(place.parent, segment_mb=segment_mb), place, told, settings) as made:
        yield made


@contextmanager
def kept_by(
    keys: Path, place: Path, told: Callable[[str], None] = print, settings: str = OPEN_HOUSE
) -> Generator[Destination]:
    """The same, by a file of keys."""
    if not place.exists():
        folder.create(place, settings, SECRET, wall_ms())
        with _opened(place, told) as made:
            folder.keep_in(made, keys, lambda: secrets.token_hex(16))
    with _opened(place, told) as made:
        yield made


@contextmanager
def _opened(place: Path, told: Callable[[str], None]) -> Generator[Destination]:
    with folder.opened(place, LinuxFiles(place), wall_ms, lambda: secrets.token_hex(16), told) as made:
        yield made
