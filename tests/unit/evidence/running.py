"""A reference destination on loopback, for tests: real server, real TLS, real folder."""

import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import connection_file
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.interface import Receipt
from host_tools.destinations.memory import StoredContainer, StoredObject
from host_tools.evidence import folder
from host_tools.evidence.api import make_app
from host_tools.evidence.serving import serving
from host_tools.evidence.store import Store
from host_tools.evidence.tokens import Tokens

SECRET = "correct horse battery staple"
OPEN_HOUSE = "requires_known = false\n"


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Clock:
    """A monotonic clock that tests turn."""

    now_ms: int = 0

    def __call__(self) -> int:
        return self.now_ms


class StoreReader:
    """Looks into the store itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read_container(self, name: str) -> StoredContainer | None:
        row = self._store.catalogue.container(name)
        if row is None:
            return None
        objects = {
            each.name: StoredObject(each.metadata, Receipt(each.etag, each.sha256, each.length_bytes))
            for each in self._store.catalogue.objects(name)
        }
        return StoredContainer(row.metadata, objects)

    async def read_object(self, container: str, name: str) -> bytes:
        row = self._store.catalogue.object(container, name)
        assert row is not None
        return b"".join(self._store.read(row, 0, row.length_bytes))


@dataclass
class Running:
    """A server at work."""

    destination: folder.Destination
    port: int
    connection: ConnectionFile
    clock: Clock
    told: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.destination.store

    @property
    def reader(self) -> StoreReader:
        return StoreReader(self.store)


@asynccontextmanager
async def running(
    place: Path, settings: str = OPEN_HOUSE, is_encrypted: bool = True, port: int = 0
) -> AsyncGenerator[Running]:
    """A destination in ``place``, made if it is not there."""
    await run_in_thread(lambda: _make(place, settings))
    told: list[str] = []
    clock, names = Clock(), itertools.count(wall_ms())
    with folder.opened(place, LinuxFiles(place), wall_ms, lambda: f"{next(names):032x}"[::-1], told.append) as opened:
        opened.store.sweep(wall_ms())
        tokens = Tokens(opened.settings.account, opened.secret, clock, lambda: f"token-{next(names)}")
        app = make_app(opened.intake, tokens, run_in_thread)
        pair = (opened.certificate, opened.certificate_key) if is_encrypted else (None, None)
        async with serving(app, "127.0.0.1", port, *pair) as bound:
            text = folder.connection_text(opened, bound, is_encrypted)
            yield Running(opened, bound, connection_file.parse(text), clock, told)


def _make(place: Path, settings: str) -> None:
    if not place.exists():
        folder.create(place, settings, SECRET, wall_ms())
