"""The destinations that this folder's tests can be about, each started (where it is ours to start) for one run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import swift_node
from host_tools.bench.programs import free_port
from host_tools.cli.delivering import read_connection_file
from host_tools.destinations.conformance import Finding
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.headers import to_headers
from host_tools.destinations.swift_session import SwiftSession

REFERENCE, GIVEN, SWIFT = "reference", "given", "swift"


@dataclass
class Subject:
    """A destination under test. ``folder``, ``process``: of ours, else none; ``findings``: what was found so far."""

    name: str
    connection: ConnectionFile
    folder: Path | None = None
    process: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def auth(self) -> str:
        return self.connection.auth_uris[0]


STARTED: list[Subject] = []


async def make_known(session: SwiftSession, wearers: Iterable[str], cameras: Iterable[str]) -> None:
    """Whom the suite's recordings are of: a destination may refuse those of somebody it was not told of."""
    about = to_headers("Object", {"Name": "Conformance suite", "Active": "True"})
    told = [*(("Users", each) for each in wearers), *(("Devices", each) for each in cameras)]
    for container in ("Users", "Devices"):
        await session.request("PUT", (container,))
    for place in told:
        answer = await session.request("PUT", place, about)
        assert answer.status == 201, (place, answer.status)


def kinds() -> list[str]:
    """Which destinations this run is about."""
    found = [GIVEN] if os.environ.get("BWC_DESTINATION") else [REFERENCE]
    return [*found, SWIFT] if os.environ.get("BWC_SWIFT") else found


@contextmanager
def reference(folder: Path, *options: str) -> Generator[Subject]:
    """Ours, as a process. ``options``: of its making."""
    port = free_port()
    place, issued = folder / "destination", folder / "connection.json"
    bwc = [sys.executable, "-m", "host_tools.cli", "destination"]
    subprocess.run([*bwc, "create", str(place), "--port", str(port), *options], check=True, stdout=subprocess.DEVNULL)
    settings = place / "server.toml"
    settings.write_text(settings.read_text() + "full_support = true\n")
    subprocess.run([*bwc, "connection-file", str(place), str(issued)], check=True, stdout=subprocess.DEVNULL)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*bwc, "serve", str(place), "--listen", "127.0.0.1"], stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        assert b"destination" in process.stdout.readline(), (folder / "log").read_text()
        yield Subject(REFERENCE, read_connection_file(issued), place, process.pid)
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def given(_: Path) -> Generator[Subject]:
    """Whichever the environment names."""
    named = os.environ["BWC_DESTINATION"]
    if not named.startswith(("http://", "https://")):
        yield Subject(named, read_connection_file(Path(named)))
        return
    pin = os.environ.get("BWC_DESTINATION_CERTIFICATE", "")
    pins = (Path(pin).read_bytes(),) if pin else ()
    user, key = os.environ.get("BWC_DESTINATION_USER", ""), os.environ.get("BWC_DESTINATION_KEY", "")
    yield Subject(named, ConnectionFile("suite", "suite", "1", (named,), user, key, pins, "mp4"))


@contextmanager
def plain_swift(folder: Path) -> Generator[Subject]:
    """OpenStack Swift, with nothing of ours behind it."""
    with swift_node.swift_node(folder / "node", Path(os.environ["BWC_SWIFT"])) as url:
        keys = swift_node.USER, swift_node.KEY
        yield Subject("OpenStack Swift", ConnectionFile("suite", "suite", "1", (url,), *keys, (), "mp4"))


MAKERS: dict[str, Callable[[Path], AbstractContextManager[Subject]]] = {
    REFERENCE: reference,
    GIVEN: given,
    SWIFT: plain_swift,
}
