"""The destination for people: behind accounts, the very bytes, and an export that proves itself."""

import asyncio
import io
import json
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.people import People
from host_tools.accounts.roles import ROLES
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.extras import Bookmark
from host_tools.evidence.api import make_app
from host_tools.evidence.export import export
from host_tools.evidence.front import front
from host_tools.evidence.health import health
from host_tools.evidence.people_api import ROLES as WHO_MAY
from host_tools.evidence.people_api import make_people_app
from host_tools.evidence.serving import serving
from host_tools.evidence.tokens import Tokens
from tests.unit.accounts.parts import CHEAP
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.custody.recordings import STARTED_UNIX_MS, sample
from tests.unit.evidence.running import Clock, Running, running, wall_ms
from tests.unit.evidence.takers import taker
from tests.unit.evidence.test_attached import Controller
from tests.unit.evidence.test_attached import People as System
from tests.unit.evidence.test_beside_recordings import BOX, TRACK

pytestmark = pytest.mark.usefixtures("quick")
__all__ = ("quick",)

GIVEN = sample(1)
PASSWORD = "one of many words"


@asynccontextmanager
async def with_people(server: Running) -> AsyncGenerator[Callable[[str], Awaitable[httpx.AsyncClient]]]:
    """The same destination with its door for people; ``enter(name)`` gives a client that is logged in."""
    secret = load_secret(MemoryFiles(), SeededEntropy("people"))
    store = open_store(":memory:", secret)
    people = People(store, secret, SeededEntropy("doors"), CHEAP)
    people.set_up(PASSWORD, wall_ms(), evaluation=True)
    people.add("vera", "viewer", PASSWORD + " vera's", wall_ms())
    intake = server.destination.intake
    for_people = make_people_app(
        intake, people, lambda: health(intake, None, wall_ms()), lambda: "a line\n", wall_ms, run_in_thread
    )
    tokens = Tokens("controller", "k", Clock(), lambda: "t")
    app = front(make_app(intake, tokens, run_in_thread), for_people, ("evidence.example",))
    context = ssl.create_default_context(cadata=server.connection.certificates[0].decode())
    clients: list[httpx.AsyncClient] = []
    pair = server.destination.certificate, server.destination.certificate_key
    async with serving(app, "127.0.0.1", 0, *pair) as port:

        async def enter(name: str) -> httpx.AsyncClient:
            client = httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False)
            clients.append(client)
            if name:
                words = {"root": PASSWORD, "demo": "demo", "vera": PASSWORD + " vera's"}[name]
                answer = await client.post("/api/v1/token", json={"name": name, "password": words})
                assert answer.status_code == 200, answer.text
                client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            return client

        try:
            yield enter
        finally:
            for client in clients:
                await client.aclose()
    store.close()


async def fill(server: Running) -> None:
    """One recording with everything, from a real delivery."""
    held, controller = Held([GIVEN]), Controller(people=System())
    async with controller.attached(server.connection) as attached:
        around = Around(NoteBook(MemoryFiles()), attached)
        around.notes.describe(GIVEN.recording, ("5", "Traffic"), "Both cars were blue.")
        around.notes.mark(GIVEN.recording, Bookmark("m1", STARTED_UNIX_MS + 1_000, text="the turn"))
        around.notes.locate(GIVEN.recording, TRACK)
        async with held.delivering(attached, around=around):
            await held.until(lambda: "delivered" in held.words())
    held.close()


@pytest.mark.req("DEST-11", "DEST-05")
def test_recordings_are_found_and_shown_with_all_that_is_known(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", "keep_days = 3650\n") as server:
            await fill(server)
            async with with_people(server) as enter:
                vera = await enter("vera")
                for asked in (
                    {},
                    {"wearer": "W-7"},
                    {"camera": "cam-0001"},
                    {"cause": "Button", "category": "5"},
                    {"after": STARTED_UNIX_MS, "before": STARTED_UNIX_MS + 1},
                    {"latitude": 59.33, "longitude": 18.06, "radius_m": 50, "state": "complete"},
                ):
                    rows = (await vera.get("/api/v1/recordings", params=asked)).json()["rows"]
                    assert [row["container"] for row in rows] == [BOX], asked
                row = rows[0]
                assert (row["wearer_key"], row["camera"], row["cause"]) == ("W-7", "CAM-0001", "Button")
                assert (row["started_unix_ms"], row["state"]) == (STARTED_UNIX_MS, "complete")
                assert row["keep_until_unix_ms"] == STARTED_UNIX_MS + 3_650 * 86_400_000
                for asked in ({"wearer": "W-8"}, {"latitude": 0, "longitude": 0}, {"state": "arriving"}):
                    assert (await vera.get("/api/v1/recordings", params=asked)).json() == {"rows": []}
                assert (await vera.get("/api/v1/recordings", params={"latitude": 1})).status_code == 422
                found = (await vera.get(f"/api/v1/recordings/{BOX}")).json()
                assert [each["text"] for each in found["bookmarks"]][1] == "the turn"
                assert found["bookmarks"][0]["tags"] == {"TriggerOn": "Button", "CameraName": "CAM-0001"}
                assert [(each["latitude"], each["seconds"]) for each in found["track"]][:2] == [
                    (59.33, 0.0), (59.3301, 1.0),
                ]  # fmt: skip
                assert [each["event"] for each in found["custody"]] == [
                    "recorded", "sealed", "docked", "offloaded", "held", "enclosed", "head_signed",
                ]  # fmt: skip
                choices = (await vera.get("/api/v1/choices")).json()
                assert [each["key"] for each in choices["wearers"]] == ["W-7"]
                assert choices["causes"] == ["Button"]
                assert (await vera.get("/api/v1/health")).json()["light"] in ("green", "red")  # by this disk

    asyncio.run(run())


@pytest.mark.req("DEST-11", "CTRL-02")
def test_nobody_looks_without_an_account_and_each_role_does_what_it_may(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", "") as server:
            await fill(server)
            async with with_people(server) as enter:
                stranger, vera, demo, root = [await enter(name) for name in ("", "vera", "demo", "root")]
                paths = {
                    "/api/v1/recordings": (200, 200, 200),
                    f"/api/v1/recordings/{BOX}": (200, 403, 200),
                    f"/api/v1/recordings/{BOX}/objects/{clip_of(server)}": (200, 403, 200),
                    f"/api/v1/recordings/{BOX}/export": (403, 200, 200),
                    "/api/v1/log": (403, 403, 200),
                    "/api/v1/recordings/Users": (404, 403, 404),
                    "/api/v1/recordings/nothing/objects/x": (404, 403, 404),
                }
                for path, statuses in paths.items():
                    assert (await stranger.get(path)).status_code == 401, path
                    answers = [(await client.get(path)).status_code for client in (vera, demo, root)]
                    assert tuple(answers) == statuses, path
                token = {"X-Auth-Token": "t"}
                assert (await stranger.get("/api/v1/recordings", headers=token)).status_code == 401
                assert (await vera.get(f"/v1/AUTH_controller/{BOX}")).status_code == 401, "nor does a person deliver"
                elsewhere = await vera.get("/api/v1/session", headers={"Host": "bent.example"})
                assert elsewhere.status_code == 421
                page = await vera.get("/api/v1/session")
                assert "default-src 'self'" in page.headers["content-security-policy"]
                assert page.json()["may"] == ["health", "search", "view"]

    asyncio.run(run())


@pytest.mark.req("DEST-11", "CTRL-02")
def test_roles_are_what_the_documentation_says():
    """docs/destination.md, the table of who may what."""
    everybody = {"search", "view", "export", "health"}
    assert {role: {what for what, roles in WHO_MAY.items() if role in roles} for role in ROLES} == {
        "root": everybody | {"log"},
        "administrator": everybody | {"log"},
        "local_administrator": everybody,
        "viewer": everybody - {"export"},
        "demo": everybody - {"view"},
    }


@pytest.mark.req("DEST-11")
def test_playback_is_the_very_bytes_by_ranges(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", "") as server:
            await fill(server)
            async with with_people(server) as enter:
                vera, path = await enter("vera"), f"/api/v1/recordings/{BOX}/objects/{clip_of(server)}"
                whole = await vera.get(path)
                assert whole.content == GIVEN.content
                assert whole.headers["content-type"] == "video/mp4"
                assert whole.headers["accept-ranges"] == "bytes"
                size = len(GIVEN.content)
                for said, start, end in (
                    ("bytes=0-99", 0, 100),
                    ("bytes=1000-", 1000, size),
                    ("bytes=-7", size - 7, size),
                ):
                    part = await vera.get(path, headers={"Range": said})
                    assert (part.status_code, part.content) == (206, GIVEN.content[start:end])
                    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
                assert (await vera.get(path, headers={"Range": f"bytes={size}-"})).status_code == 416

    asyncio.run(run())


@pytest.mark.req("DEST-11")
def test_an_export_proves_itself_and_shows_every_change(tmp_path: Path):
    async def run() -> bytes:
        async with running(tmp_path / "destination", "") as server:
            await fill(server)
            async with with_people(server) as enter:
                root = await enter("root")
                answer = await root.get(f"/api/v1/recordings/{BOX}/export")
                assert answer.headers["content-disposition"] == f'attachment; filename="{BOX}.zip"'
            export(server.store, BOX, tmp_path / "by-hand", taker())
            return answer.content

    packed = zipfile.ZipFile(io.BytesIO(asyncio.run(run())))
    packed.extractall(tmp_path / "out")
    out = tmp_path / "out" / BOX
    files = {"README.txt", "SHA256SUMS", "container.meta.json", "objects", "verify.py"}
    assert {path.name for path in out.iterdir()} == files
    for place in (out, tmp_path / "by-hand"):
        told = verify(place)
        assert told.returncode == 0, told.stdout
        assert "is what the camera recorded" in told.stdout
        words = "7 entries of the ledger: recorded, sealed, docked, offloaded, held, enclosed, head_signed"
        for line in (words, "3 beside the clip, ", "container.meta.json tells what the controller told: "):
            assert f"good  {line}" in told.stdout
    (clip,) = (out / "objects").glob("*.mp4")
    (custody,) = (out / "objects").glob("custody_*")
    for path, change in ((clip, flip), (out / "container.meta.json", flip), (custody, forge)):
        kept = path.read_bytes()
        path.write_bytes(change(kept))
        assert verify(out).returncode == 1, path
        (out / "SHA256SUMS").write_text(resummed(out))  # whoever forges also makes the sums fit
        told = verify(out)
        assert told.returncode == 1 or path.name == "container.meta.json", f"{path}: {told.stdout}"
        path.write_bytes(kept)
        (out / "SHA256SUMS").write_text(resummed(out))
        assert verify(out).returncode == 0


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """With a Python that has nothing of ours."""
    return subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py")], capture_output=True, text=True, check=False
    )


def resummed(folder: Path) -> str:
    assert shutil.which("sha256sum")
    names = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    return subprocess.run(["sha256sum", *names], cwd=folder, check=True, capture_output=True, text=True).stdout


def flip(data: bytes) -> bytes:
    """One digit or letter is another."""
    at = data.index(b"5")
    return data[:at] + b"6" + data[at + 1 :]


def forge(data: bytes) -> bytes:
    """The ledger says that somebody else wore it."""
    document: dict[str, Any] = json.loads(data)
    entry = document["entries"][0]
    assert "W-7" in entry["line"]
    entry["line"] = entry["line"].replace("W-7", "W-8")
    return json.dumps(document).encode()


def clip_of(server: Running) -> str:
    return next(row.name for row in server.store.catalogue.objects(BOX) if row.name.endswith(".mp4"))
