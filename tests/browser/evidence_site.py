"""A destination for browser tests: a real ``bwc destination serve``, and recordings that a controller's own delivery
has put there. What other makers' controllers may send besides goes through the same API by hand."""

from __future__ import annotations

import asyncio
import io
import itertools
import ssl
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.sensor import SensorSettings
from host_tools.accounts.roles import GIVEN
from host_tools.accounts.sessions import COOKIE_NAME
from host_tools.bench.programs import free_port
from host_tools.cli.people import opened_people
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.extras import Bookmark, Fix
from host_tools.destinations.people import Device, Wearer
from host_tools.emulator.scene import scene_from_argument
from host_tools.emulator.video_encoder import FragmentEncoder
from host_tools.evidence import folder as folders
from tests.browser.station import ACCOUNTS, PASSWORDS, WEARERS, running_program
from tests.patience import LIMIT_S
from tests.unit.controller.test_delivery import Held
from tests.unit.custody.recordings import Sample, sample
from tests.unit.evidence.test_attached import Controller, People, push_all, user

KEY = "correct horse battery staple"
FILM_S = 20
SMALL_S = 2
SMALL_COUNT = 30
MINUTE_MS = 60_000
DAY_MS = 86_400_000
NOON_S = 1_783_065_600  # 2026-07-03T08:00:00Z
# A summer's day in the destination's zone; kept for ten years, so that it does not run out while tests are in use.
STARTED_UNIX_MS = 1_783_000_980_000  # 2026-07-02T14:03:00Z
# The end of that shift, when all of it is read from the cameras: every look at the clock is a little later.
DOCKED_UNIX_MS = STARTED_UNIX_MS + 4 * 3_600_000
STEP_MS = 250
PLACE = (59.3290, 18.0686)
SETTINGS = """\
site = "Harbour evidence"
mode = "wearer"
hosts = ["127.0.0.1"]
port = {port}
time_zone = "Europe/Stockholm"
licences = {licences}
keep_days = 3650
quarantine_days = 14
category = [
    {{ id = "1", name = "Testimony" }},
    {{ id = "2", name = "Disorderly conduct" }},
    {{ id = "5", name = "Traffic", retention_days = 7300 }},
]
"""
FILM = f"{user('W-001')}_CAM-0001_{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(STARTED_UNIX_MS // 1000))}"
MATROSKA = f"{user('W-002')}_OTHER-7_20260703T080000Z"
ARRIVING = f"{user('W-003')}_CAM-0002_20260703T090000Z"
CORRUPT = f"{user('W-003')}_CAM-0002_20260703T100000Z"
NAMES = {"CAM-0001": "Harbour 1", "CAM-0002": "Night shift"}


@dataclass
class Site:
    """``url``: without a slash at its end."""

    folder: Path
    url: str
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def cookie(self, role: str) -> str:
        """Of somebody of that role who is logged in; one session a role."""
        if role not in self.cookies:
            name = ACCOUNTS.get(role, role)
            with self.client() as client:
                answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORDS[role]})
                assert answer.status_code == 200, answer.text
                self.cookies[role] = answer.cookies[COOKIE_NAME]
        return self.cookies[role]

    def client(self, role: str = "") -> httpx.Client:
        """A program that asks the API; as somebody, by a token."""
        headers = {"Authorization": f"Bearer {self.cookie(role)}"} if role else {}
        trusted = ssl.create_default_context(cafile=str(self.folder / "destination" / "certificate.pem"))
        return httpx.Client(base_url=self.url, headers=headers, verify=trusted, timeout=LIMIT_S, trust_env=False)


@contextmanager
def running_site(folder: Path, settings: str = "", small: int = SMALL_COUNT) -> Generator[Site]:
    """A destination with accounts and recordings, in a process of its own. ``settings``: lines that come first;
    ``small``: how many recordings there are beside the one to look at."""
    port = free_port()
    place = folder / "destination"
    folders.create(place, settings + SETTINGS.format(port=port, licences=len(WEARERS) + 8), KEY, _wall_ms())
    with opened_people(place) as people:
        people.set_up(PASSWORDS["root"], _wall_ms())
        for role in GIVEN:
            people.add(ACCOUNTS[role], role, PASSWORDS[role], _wall_ms())
    with folders.opened(place, LinuxFiles(place), _wall_ms, lambda: "", print) as destination:
        connection = folders.connection(destination, port)
    program = ("destination", "serve", "destination", "--listen", "127.0.0.1")
    with running_program(folder / "destination.log", "on 127.0.0.1:", *program):
        site = Site(folder, f"https://127.0.0.1:{port}")
        with ThreadPoolExecutor(1) as elsewhere:  # Playwright's own loop runs in this thread
            elsewhere.submit(asyncio.run, _deliver(connection, samples(small))).result()
        _by_hand(site)
        yield site


@cache
def film(seconds: int, width_px: int = 854, height_px: int = 480, frames_per_second: int = 15, seed: int = 3) -> bytes:
    """An MP4 file as an emulated camera writes it: H.264 and AAC in fragments."""
    lines = ("Ada Lovelace", "CAM-0001")
    settings = SensorSettings(width_px, height_px, frames_per_second, 900_000, True, lines, STARTED_UNIX_MS)
    encoder = FragmentEncoder(scene_from_argument(None, seed)(settings), settings)
    try:
        found = [part for index in range(seconds * frames_per_second) for part in encoder.encode(index)]
        found += encoder.finish()
    finally:
        encoder.close()
    return b"".join(part.data for part in found)


def matroska(seconds: int) -> bytes:
    """The same in a Matroska file, with a codec that no browser has (FFV1)."""
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as container:
        video = container.add_stream("ffv1", rate=5)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(seconds * 5):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), number, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return target.getvalue()


def track(started_ms: int = STARTED_UNIX_MS) -> list[Fix]:
    """A walk along two streets, a fix a second."""
    corner = FILM_S // 2
    north = [PLACE[0] + 0.00002 * min(second, corner) for second in range(FILM_S + 1)]
    east = [PLACE[1] + 0.00006 * max(0, second - corner) for second in range(FILM_S + 1)]
    places = enumerate(zip(north, east, strict=True))
    return [Fix(started_ms + 1_000 * second, latitude, longitude, 4.0) for second, (latitude, longitude) in places]


def samples(count: int) -> list[Sample]:
    """One recording to look at, and many small ones to search among."""
    small = film(SMALL_S, 160, 96, 5)
    large = sample(
        1, fragments=FILM_S + 1, chunks_each=2, camera="CAM-0001", started_unix_ms=STARTED_UNIX_MS,
        wearer=("W-001", WEARERS[0]), film=film(FILM_S),
    )  # fmt: skip
    return [large, *(_small(number, small) for number in range(count))]


def _small(number: int, content: bytes) -> Sample:
    person = 1 + number % 3
    return sample(
        100 + number, fragments=SMALL_S + 1, camera=f"CAM-000{1 + number % 2}", film=content,
        started_unix_ms=STARTED_UNIX_MS - DAY_MS * (1 + number // 4) - 37 * MINUTE_MS * number,
        wearer=(f"W-{person:03}", WEARERS[person - 1]),
    )  # fmt: skip


async def _deliver(given: ConnectionFile, recordings: list[Sample]) -> None:
    people = People(
        [Wearer(f"W-{number:03}", name, f"W-{number:03}") for number, name in enumerate(WEARERS, 1)],
        [Device(serial, name, "zero") for serial, name in NAMES.items()],
    )
    docked = itertools.count(DOCKED_UNIX_MS, STEP_MS)
    held = Held(recordings, lambda: next(docked))
    first = recordings[0].recording
    async with Controller(people=people).attached(given) as attached:
        around = Around(NoteBook(MemoryFiles()), attached, lambda: "Europe/Stockholm", lambda serial: NAMES[serial])
        around.notes.describe(first, ("5", "Traffic"), "Both cars were blue. The second one went on without stopping.")
        for number, (second, text) in enumerate(((4, "The turn into Harbour Street"), (12, "A witness speaks"))):
            around.notes.mark(first, Bookmark(f"m{number}", STARTED_UNIX_MS + 1_000 * second, text=text))
        around.notes.locate(first, track())
        async with held.delivering(attached, around=around):
            await held.until(lambda: held.words().count("delivered") == len(recordings))
        await push_all(attached)
    held.close()


def arrive(site: Site) -> None:
    """Another clip of the recording that is not complete: its camera is sending just now."""
    with _other_controller(site) as put:
        put(f"{ARRIVING}/clip-2.mp4", film(SMALL_S, 160, 96, 5), kind="Object", StartTime=NOON_S + 3660)


@contextmanager
def _other_controller(site: Site) -> Generator[Callable[..., None]]:
    """``put(path, content, method, kind, **metadata)``, as whoever has the key."""
    with site.client() as client:
        answer = client.get("/auth/v1.0", headers={"X-Auth-User": "controller", "X-Auth-Key": KEY})
        client.headers["X-Auth-Token"] = answer.headers["X-Auth-Token"]
        storage = answer.headers["X-Storage-Url"]

        def put(path: str, content: bytes = b"", method: str = "PUT", kind: str = "Container", **metadata: Any) -> None:
            headers = {f"X-{kind}-Meta-{name}": str(value) for name, value in metadata.items()}
            said = client.request(method, f"{storage}/{path}", headers=headers, content=content)
            assert said.status_code < 300, f"{path}: {said.status_code} {said.text}"

        yield put


def _by_hand(site: Site) -> None:
    """What only other controllers send: Matroska, a recording that is not complete, one with impossible times."""
    with _other_controller(site) as put:
        for serial, name in {**NAMES, "OTHER-7": "Another maker"}.items():
            put(f"Devices/{serial}", kind="Object", Active="True", Name=name)
        for container, start_s, camera in (
            (MATROSKA, NOON_S, "OTHER-7"),
            (ARRIVING, NOON_S + 3600, "CAM-0002"),
            (CORRUPT, 1_000, "CAM-0002"),
        ):
            about: dict[str, Any] = {
                "StartTime": start_s,
                "StopTime": start_s + 4,
                "UserID": container.partition("_")[0],
                "BWCSerialNumber": camera,
            }
            put(container, **about, TriggerOn="FallDetection")
        put(f"{MATROSKA}/clip.mkv", matroska(4), kind="Object", StartTime=NOON_S, StopTime=NOON_S + 4)
        put(MATROSKA, method="POST", Status="Complete")
        put(f"{ARRIVING}/clip-1.mp4", film(SMALL_S, 160, 96, 5), kind="Object", StartTime=NOON_S + 3600)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
