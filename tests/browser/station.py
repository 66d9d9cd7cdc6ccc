"""A whole station for browser tests: an emulated bench and a real controller with its manager over HTTPS, each a
process of its own, as on a desk."""

from __future__ import annotations

import os
import selectors
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import httpx

from host_tools.accounts.sessions import COOKIE_NAME
from host_tools.cli.folders import MAKER_FILE
from host_tools.cli.trusting import make_trust, read_certificate
from host_tools.controller.remote import controller_client
from host_tools.emulator.remote import bench_client
from host_tools.transports.local import LocalClient
from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[2]
SERIAL = "CTRL-BROWSER"
OWN_CERTIFICATE = "self-signed"
PASSPHRASE = "copper lantern meadow"
PASSWORDS = {
    "root": "purple walrus teapot",
    "administrator": "amber falcon harbour",
    "local_administrator": "silver otter canyon",
    "viewer": "quiet orchid lantern",
}
WEARERS = (
    "Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Hedy Lamarr", "Mary Jackson", "Radia Perlman",
    "Barbara Liskov", "Frances Allen", "Annie Easley", "Karen Jones", "Adele Goldberg", "Margaret Hamilton",
)  # fmt: skip
ACCOUNTS = {"administrator": "ada", "local_administrator": "louise", "viewer": "wall"}


@dataclass
class Station:
    """``url``: of the manager, without a slash at its end."""

    folder: Path
    url: str
    bench: LocalClient
    controller: LocalClient
    code: str = ""  # of the setup assistant
    bench_url: str = ""  # of the bench page, without a slash at its end
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def cookie(self, role: str) -> str:
        """Of somebody of that role who is logged in; one session a role for the whole station."""
        if role not in self.cookies:
            self.cookies[role] = self.fresh_cookie(role)
        return self.cookies[role]

    def fresh_cookie(self, role: str, name: str = "") -> str:
        """Of a session of its own. ``name``: of another account with the password of that role's."""
        asked = {"name": name or ACCOUNTS.get(role, role), "password": PASSWORDS[role]}
        with self.client() as client:
            answer = client.post("/api/v1/session", json=asked)
            assert answer.status_code == 200, answer.text
            return answer.cookies[COOKIE_NAME]

    def client(self, role: str = "", cookie: str = "") -> httpx.Client:
        """A program that asks the API; as somebody, by a token."""
        token = cookie or (self.cookie(role) if role else "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.trusted(), timeout=LIMIT_S)

    def trusted(self) -> ssl.SSLContext:
        """Trusts this station's own certificate and no other."""
        return ssl.create_default_context(cafile=str(self.folder / "controller" / "https" / "self-signed.pem"))


@contextmanager
def running_station(folder: Path, cameras: int = 3, set_up: bool = True, members: bool = True) -> Generator[Station]:
    """``set_up``: with a system, accounts and a destination; else its setup assistant waits. ``members``: its docked
    cameras are added."""
    bench_folder, controller_folder = folder / "bench", folder / "controller"
    page = ("--web", "127.0.0.1:0")
    with running_program(
        folder / "bench.log", "bench page: ", "emulate", *page, "--folder", "bench", "--cameras", cameras
    ) as page_said:
        if set_up:
            trust = make_trust(controller_folder, PASSPHRASE, SERIAL)
            trust.trust_manufacturer(read_certificate(bench_folder / MAKER_FILE))
        # Names without a path: they are shown on pages, and pages in the manual.
        places = ("--folder", "controller", "--destination", "destination", "--create-destination", "--bench", "bench")
        ready = "manager: " if set_up else "setup assistant: "
        with running_program(
            folder / "controller.log", ready, "controller", *places, "--setup", "--web", "127.0.0.1:0"
        ) as said:
            url = said.partition(ready)[2].split()[0].rstrip("/").removesuffix("/setup")
            local = controller_client(controller_folder)
            station = Station(folder, url, bench_client(bench_folder), local, said.partition("code: ")[2].strip())
            station.bench_url = page_said.partition("bench page: ")[2].strip().rstrip("/")
            if set_up:
                _set_up(station, [f"CAM-{number:04}" for number in range(1, cameras + 1)] if members else [])
            yield station


def _set_up(station: Station, serials: list[str]) -> None:
    station.controller.call("set_up_accounts", password=PASSWORDS["root"])
    for role, name in ACCOUNTS.items():
        station.controller.call("add_account", name=name, role=role, password=PASSWORDS[role])
    until(lambda: set(serials) <= _states(station, "factory"), "the cameras to be proved")
    for serial in serials:
        station.controller.call("add_camera", serial=serial)
    until(lambda: not _states(station, "factory") & set(serials), "the cameras to be members")

    _people(station, serials)


def _people(station: Station, serials: list[str]) -> None:
    """Some wearers, the first of whom always take a camera each."""
    call = station.controller.call
    version = call("get_settings")["version"]
    call("change_settings", version=version, changes={"name": "Harbour station", "time_zone": "Europe/Paris"})
    for number, name in enumerate(WEARERS, 1):
        call("add_wearer", id=f"W-{number:03}", name=name, email=f"w{number:03}@example.org")
    for number, serial in enumerate(serials, 1):
        call("assign_camera", camera=serial, wearer=f"W-{number:03}")
    until(lambda: len(ready_cameras(station)) == len(serials), "the cameras to know their wearers")


def settle(station: Station) -> None:
    """Boards whole and with power, every camera in the bay of its number, and the controller has seen it."""
    state = station.bench.call("state")
    for fault in state["faults"]:
        station.bench.call("fault", board=fault["board"], component=fault["component"], type="ok", instance=0)
    for name, board in [*state["docks"].items(), *state["cameras"].items()]:
        if not board["on"]:
            station.bench.call("set_power", board=name, on=True)
    for name, camera in state["cameras"].items():
        number = int(name.rpartition("-")[2])
        if camera["bay"] != ["dock-1", number]:
            if camera["bay"]:
                station.bench.call("take_out", camera=name)
            station.bench.call("put_in", camera=name, bay=number)
    used = [row["name"] for row in station.controller.call("list_certificates") if row["state"] == "active"]
    if used != [OWN_CERTIFICATE]:
        station.controller.call("activate_certificate", name=OWN_CERTIFICATE)
    until(lambda: len(ready_cameras(station)) == len(state["cameras"]), "every camera to be back")


def leave(station: Station, number: int) -> None:
    """Camera ``number`` is taken out, and the controller has seen it."""
    station.bench.call("take_out", camera=f"camera-{number}")
    until(lambda: f"CAM-{number:04}" in undocked(station), f"camera {number} to be away")


def come_back(station: Station, number: int) -> None:
    """Camera ``number`` is put back, and the controller has seen it."""
    station.bench.call("put_in", camera=f"camera-{number}", bay=number)
    until(lambda: f"CAM-{number:04}" not in undocked(station), f"camera {number} to be back")


def undocked(station: Station) -> set[str]:
    """Cameras that are away."""
    cameras = station.controller.call("status")["cameras"]
    return {camera["serial"] for camera in cameras if not camera["online"]}


def ready_cameras(station: Station) -> set[str]:
    """Cameras that are docked and know whose they are."""
    cameras = station.controller.call("status")["cameras"]
    return {camera["serial"] for camera in cameras if camera["online"] and camera["wearer"]}


def _states(station: Station, state: str) -> set[str]:
    cameras = station.controller.call("status")["cameras"]
    return {camera["serial"] for camera in cameras if camera["state"] == state}


def until(reached: object, what: str, limit_s: float = LIMIT_S) -> None:
    """Ask again and again until it is so."""
    assert callable(reached)
    deadline = time.monotonic() + limit_s
    with selectors.DefaultSelector() as pause:
        while not reached():
            assert time.monotonic() < deadline, f"waited {limit_s:.0f} s for {what}"
            pause.select(0.1)


@contextmanager
def running_program(log: Path, ready: str, *arguments: object) -> Generator[str]:
    """``bwc`` with these arguments, from when it has said ``ready`` until the block ends; the line in which it did."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "500", "PYTHONPATH": str(ROOT)}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "host_tools.cli", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=errors, cwd=log.parent, env=environment,
        )  # fmt: skip
    output = cast("IO[bytes]", process.stdout)
    try:
        yield _wait_for(output, ready, log)
    finally:
        process.terminate()
        try:
            process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
            output.close()


def _wait_for(output: IO[bytes], ready: str, log: Path) -> str:
    deadline = time.monotonic() + LIMIT_S
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            for line in said.decode(errors="replace").splitlines(keepends=True):
                if ready in line and line.endswith("\n"):
                    return line
            if selector.select(0.5):
                piece = os.read(output.fileno(), 65_536)
                assert piece, f"it ended by itself; {log.name}: {log.read_text(errors='replace')[-2_000:]}"
                said += piece
    raise AssertionError(f"it has not said {ready!r} in {LIMIT_S:.0f} s: {said!r}")
