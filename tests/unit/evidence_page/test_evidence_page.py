"""The destination's pages over HTTP: nobody looks without an account, bytes are the very ones, everything is noted."""

import asyncio
import random
import re
import tomllib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from host_tools.accounts.roles import Role
from host_tools.evidence.errors import EvidenceError, Refusal
from host_tools.evidence.people_api import ROLES
from host_tools.evidence.settings import ServerSettings, read_settings
from host_tools.evidence_page.app import HERE, KIT, content_policy
from host_tools.evidence_page.pages import PAGES
from host_tools.web_kit.texts import Texts, flat
from tests.unit.evidence_page.office import NAMES, PASSWORD, ROLES_OF, SETTINGS, STARTED_S, Office, open_office

CLIP = random.Random(7).randbytes(20_000)
OPEN_TO_ALL = ("/login", "/favicon.ico", "/assets/", "/api/v1/session", "/api/v1/token", "/api/v1/openapi.json")


def role_of(name: str) -> Role:
    role: Any = ROLES_OF.get(name, name)
    return role


def run(folder: Path, scenario: Callable[[Office], Awaitable[None]], settings: str = SETTINGS) -> None:
    async def opened() -> None:
        async with open_office(folder, settings) as office:
            await scenario(office)

    asyncio.run(opened())


def paths_of(routes: Iterable[BaseRoute]) -> list[str]:
    """Of all routes, also of routers that were put into the application."""
    found: list[str] = []
    for route in routes:
        inner = getattr(route, "original_router", None)
        found += [route.path] if isinstance(route, APIRoute) else paths_of(inner.routes) if inner else []
    return found


@pytest.mark.req("DEST-11", "CTRL-02")
def test_no_route_gives_anything_to_nobody(tmp_path: Path):
    """Whatever routes there are, also those that are added after this test was written."""

    async def scenario(office: Office) -> None:
        box = office.record(clip=CLIP)
        stranger = await office.enter("")
        asked = 0
        for route in [path for path in paths_of(office.app.routes) if not path.startswith(OPEN_TO_ALL)]:
            path = route.format(container=box, name="clip.mp4")
            for headers in ({}, {"Range": "bytes=0-9"}, {"Authorization": "Bearer x"}, {"Cookie": "__Host-openbwc=x"}):
                answer = await stranger.get(path, headers=headers)
                asked += 1
                if path.startswith("/api/"):
                    assert answer.status_code == 401, path
                    assert answer.headers["content-type"] == "application/problem+json"
                else:
                    assert answer.status_code == 303, path
                    assert answer.headers["location"].startswith("/login?next=%2F")
                assert CLIP[:10] not in answer.content
                assert "W-1's name" not in answer.text
        assert asked >= 4 * 11
        assert (await stranger.get("/login")).status_code == 200
        assert (await stranger.post("/")).status_code == 405

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11", "CTRL-02")
def test_each_role_sees_the_pages_and_gets_the_bytes_that_the_table_gives_it(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box = office.record(clip=CLIP)
        for name in NAMES:
            client = await office.enter(name)
            paths = [(row.path.format(container=box), row.may) for row in PAGES]
            paths += [
                (f"/api/v1/recordings/{box}/objects/clip.mp4", "view"),
                (f"/api/v1/recordings/{box}/export", "export"),
                (f"/api/v1/recordings/{box}/seen", "log"),
                ("/api/v1/overview", "health"),
            ]
            for path, may in paths:
                expected = 200 if role_of(name) in ROLES[may] else 403
                assert (await client.get(path)).status_code == expected, (name, path)
            page = (await client.get("/")).text
            assert f'content="{role_of(name)}"' in page

    run(tmp_path, scenario)


@pytest.mark.req("CTRL-02")
def test_a_cookie_alone_changes_nothing_and_guessing_is_slowed_down(tmp_path: Path):
    async def scenario(office: Office) -> None:
        client = await office.enter("")
        answer = await client.post("/api/v1/session", json={"name": "root", "password": PASSWORD})
        said = answer.headers["set-cookie"]
        assert all(word in said for word in ("HttpOnly", "Secure", "SameSite=strict")), said
        assert (await client.get("/")).status_code == 200
        assert (await client.delete("/api/v1/session")).status_code == 401, "without the token of the page"
        elsewhere = {"Origin": "https://bad.example", "X-OpenBWC-CSRF": answer.json()["csrf"]}
        assert (await client.delete("/api/v1/session", headers=elsewhere)).status_code == 403
        own = {"X-OpenBWC-CSRF": answer.json()["csrf"]}
        assert (await client.delete("/api/v1/session", headers=own)).status_code == 204
        assert (await client.get("/")).status_code == 303
        statuses = [
            (await client.post("/api/v1/session", json={"name": "vera", "password": f"guess {at}"})).status_code
            for at in range(12)
        ]
        assert statuses[0] == 401
        assert statuses[-1] == 429

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11")
def test_ranges_are_the_exact_bytes_and_what_is_no_range_is_416(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box, size = office.record(clip=CLIP), len(CLIP)
        client, path = await office.enter("vera"), f"/api/v1/recordings/{office.record(clip=CLIP)}/objects/clip.mp4"
        assert box in path
        source = random.Random(11)
        spans = sorted((source.randrange(size), source.randrange(size)) for _ in range(20))
        good = [(f"bytes={low}-{high}", low, high + 1) for low, high in map(sorted, spans)]
        good += [("bytes=0-0", 0, 1), (f"bytes={size - 1}-", size - 1, size), ("bytes=0-", 0, size)]
        good += [("bytes=-1", size - 1, size), (f"bytes=-{size * 2}", 0, size), (f"bytes=5-{size * 9}", 5, size)]
        for said, start, end in good:
            part = await client.get(path, headers={"Range": said})
            assert (part.status_code, part.content) == (206, CLIP[start:end]), said
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
            assert part.headers["content-length"] == str(end - start)
        bad = (
            "bytes=0-1,5-9", "bytes=0-0,0-0,0-0", f"bytes={size}-", "bytes=9-5", "bytes=-0", "bytes=-", "bytes=a-b",
            "bytes=--5", "bytes=1-2-3", "bytes", f"bytes={'9' * 5000}-", f"bytes=0-{'9' * 5000}",
        )  # fmt: skip
        for said in bad:
            part = await client.get(path, headers={"Range": said})
            assert part.status_code == 416, said[:40]
            assert part.headers["content-range"] == f"bytes */{size}"
            assert part.content == b""
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, CLIP)
        assert (whole.headers["cache-control"], whole.headers["content-type"]) == ("private, no-store", "video/mp4")

    run(tmp_path, scenario)


def test_nothing_but_stored_objects_can_be_reached(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box = office.record(clip=CLIP)
        client = await office.enter("root")
        key = (office.folder / "destination" / "account.key").read_bytes().strip()
        names = ("account.key", "people.sqlite", "../account.key", "../../etc/passwd", "objects/../account.key", "\0")
        for name in names:
            sent = name.replace("/", "%2f").replace(".", "%2e").replace("\0", "%00")
            for path in (
                f"/api/v1/recordings/{box}/objects/{sent}", f"/api/v1/recordings/{sent}", f"/recordings/{box}/{sent}",
                f"/api/v1/recordings/{sent}/objects/clip.mp4", f"/api/v1/recordings/{sent}/export", f"/{sent}",
                f"/assets/x/{sent}",
            ):  # fmt: skip
                answer = await client.get(path)
                assert answer.status_code in (404, 422), path
                assert key not in answer.content
        version = re.search(r"/assets/([0-9a-f]{16})/", (await client.get("/")).text)
        assert version
        for name in ("..%2fapp.py", "evidence/..%2f..%2fapp.py", "evidence%2f%2e%2e%2fapp.py"):
            assert (await client.get(f"/assets/{version[1]}/{name}")).status_code == 404

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11")
def test_what_a_controller_sent_is_never_a_page_or_a_program_here(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box = office.record(complete=False)
        for name, kind in (("a.html", "text/html"), ("b.js", "text/javascript"), ("c.mkv", "text/html"), ("d", "")):
            office.put(box, name, b"<script>alert(1)</script>", kind)
        client = await office.enter("root")
        found: dict[str, tuple[str, str]] = {}
        for name in ("a.html", "b.js", "c.mkv", "d"):
            answer = await client.get(f"/api/v1/recordings/{box}/objects/{name}")
            found[name] = answer.headers["content-type"], answer.headers["content-disposition"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        plain = "application/octet-stream", "attachment"
        assert found == {"a.html": plain, "b.js": plain, "c.mkv": ("video/x-matroska", "inline"), "d": plain}

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11", "CTRL-02")
def test_who_looked_played_and_exported_is_in_the_audit_trail(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box, other = office.record(clip=CLIP), office.record(1, clip=CLIP)
        vera, root, demo = [await office.enter(name) for name in ("vera", "root", "demo")]
        base = f"/api/v1/recordings/{box}"
        await vera.get(base)
        for start in range(5):  # a browser asks for a clip in many pieces
            await vera.get(f"{base}/objects/clip.mp4", headers={"Range": f"bytes={start + 3}-"})
        assert (await vera.get(f"{base}/export")).status_code == 403
        await root.get(f"{base}/objects/clip.mp4")
        await root.get(f"{base}/export")
        await root.get(f"/api/v1/recordings/{other}")
        assert (await demo.get(base)).status_code == 403
        rows = (await root.get(f"{base}/seen")).json()["rows"]
        assert [(row["account"], row["action"]) for row in rows] == [
            ("root", "export_recording"),
            ("root", "play_recording"),
            ("vera", "play_recording"),
            ("vera", "view_recording"),
        ]
        assert {row["origin"] for row in rows} == {"127.0.0.1"}
        assert [row["to"] for row in rows] == ["a browser at 127.0.0.1", "", "", ""]
        assert office.people.audit.verify().holds
        played = [each for each in office.people.audit.entries() if each.action == "play_recording"]
        assert played[0].more == {"container": box, "object": "clip.mp4"}

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11", "DEST-05")
def test_pages_of_results_have_every_recording_once_newest_first(tmp_path: Path):
    async def scenario(office: Office) -> None:
        for number in range(11):
            office.record(number, cause="Button" if number % 2 else "FallDetection", start=str(STARTED_S - number // 3))
        office.intake.put_container("W-1_CAM-1_UnknownTime1", {"UserID": "W-1"})
        client = await office.enter("vera")

        async def walk(**asked: Any) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            beyond = ""
            while True:
                answer = await client.get("/api/v1/recordings", params={**asked, "beyond": beyond})
                assert answer.status_code == 200, answer.text
                page = answer.json()
                found += page["rows"]
                beyond = page.get("next", "")
                if not beyond:
                    return found

        whole = (await client.get("/api/v1/recordings", params={"limit": 1000})).json()
        assert len(whole["rows"]) == 12
        assert "next" not in whole
        starts = [row["started_unix_ms"] for row in whole["rows"]]
        assert starts[:-1] == sorted(starts[:-1], reverse=True)
        assert starts[-1] is None
        for limit in (1, 2, 5, 11, 12):
            assert await walk(limit=limit) == whole["rows"], limit
        falls = await walk(limit=2, cause="falldetection")
        assert [row["cause"] for row in falls] == ["FallDetection"] * 6
        for bad in ("x", "12", "~", "12~", "9" * 17 + "~a"):
            status = (await client.get("/api/v1/recordings", params={"beyond": bad})).status_code
            assert status == 422, bad

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11")
def test_pages_of_a_place_go_on_beyond_what_lies_in_its_corners(tmp_path: Path):
    """The box around a circle holds recordings that are not in the circle: they must not end the list early."""

    async def scenario(office: Office) -> None:
        for number in range(9):
            box = office.record(number, complete=False)
            corner = 0.0008 if number % 3 else 0.0
            points = [{"LocationWKT": f"POINT({18.06 + 2 * corner} {59.33 + corner})", "SecondsFromStart": 0}]
            office.put(box, "x_gpstrail.json", str({"CoordinateEntries": points}).replace("'", '"').encode())
            office.intake.update_container(box, {"Status": "Complete"})
        client = await office.enter("vera")
        asked = {"latitude": 59.33, "longitude": 18.06, "radius_m": 100, "limit": 2}
        first = (await client.get("/api/v1/recordings", params=asked)).json()
        rest = (await client.get("/api/v1/recordings", params={**asked, "beyond": first["next"]})).json()
        hours = [row["container"][-6:-1] for row in first["rows"] + rest["rows"]]
        assert hours == ["00000", "00300", "00600"]
        assert "next" not in rest

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11", "DEST-07")
def test_a_recording_has_one_state(tmp_path: Path):
    async def scenario(office: Office) -> None:
        office.record(0)
        office.record(1, complete=False)
        office.record(2, start="1000")  # before there were cameras
        office.record(3, start="1000", complete=False)
        client = await office.enter("vera")
        for state, count in (("complete", 1), ("arriving", 1), ("quarantine", 2), ("", 4)):
            rows = (await client.get("/api/v1/recordings", params={"state": state})).json()["rows"]
            assert len(rows) == count
            assert {row["state"] for row in rows} <= ({state} if state else {"complete", "arriving", "quarantine"})

    run(tmp_path, scenario)


@pytest.mark.req("DEST-09", "DEST-07")
def test_health_says_how_each_wearer_and_camera_is_and_what_is_in_quarantine(tmp_path: Path):
    async def scenario(office: Office) -> None:
        office.meet("W-2", "CAM-2")
        office.meet("W-3", "CAM-3")
        with pytest.raises(Refusal, match="licences"):
            office.put("Users", "W-4", Active="True", Name="Four")
        with pytest.raises(Refusal, match="unknown"):
            office.record(5, camera="CAM-9")
        office.put("Users", "W-3", Active="False", Name="Three")
        office.record(0, clip=CLIP)
        office.record(1, "W-2", "CAM-2", complete=False)
        box = office.record(2, start="1000")
        client = await office.enter("vera")
        found = (await client.get("/api/v1/overview")).json()
        assert {row["id"]: row["status"] for row in found["devices"]} == {
            "W-1": "ok", "W-2": "live", "W-3": "disabled", "W-4": "licence",
            "CAM-1": "ok", "CAM-2": "live", "CAM-3": "ok", "CAM-9": "missing",
        }  # fmt: skip
        (quarantined,) = found["quarantined"]
        assert (quarantined["container"], quarantined["days_left"]) == (box, 14)
        assert "StartTime 1000" in quarantined["reason"]
        assert found["light"] == "red"
        assert (found["recordings"], found["receiving"]) == (2, 1)
        assert found["storage"]["held_bytes"] == len(CLIP)
        assert found["storage"]["free_bytes"] > 0
        office.put("Users", "W-4", Active="True", Name="Four")  # there is one free now
        statuses = {row["id"]: row["status"] for row in (await client.get("/api/v1/overview")).json()["devices"]}
        assert statuses["W-4"] == "ok"

    run(tmp_path, scenario)


def test_pages_carry_a_strict_policy_and_nothing_inline(tmp_path: Path):
    async def scenario(office: Office) -> None:
        box = office.record(clip=CLIP)
        client = await office.enter("root")
        for path in ("/", "/health", f"/recordings/{box}", "/recordings/%22%3E%3Cscript%3Ealert(1)"):
            page = await client.get(path)
            policy = page.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "media-src 'self'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert not re.search(r"<script(?![^>]*\ssrc=)", page.text), path
            assert " style=" not in page.text
            assert " onclick=" not in page.text
            assert not re.search(r'(src|href)="(https?:)?//', page.text)
            assert page.headers["cache-control"] == "no-store"
        assert (await (await office.enter("")).get("/login", headers={"Host": "bent.example"})).status_code == 421

    run(tmp_path, scenario)


@pytest.mark.req("DEST-11")
def test_only_a_map_that_was_configured_may_be_asked(tmp_path: Path):
    plain, mapped = ServerSettings(), ServerSettings(map_tiles="https://tiles.example:8080/{z}/{x}/{y}.png")
    assert "https:" not in content_policy(plain)
    assert "img-src 'self' data: https://tiles.example:8080;" in content_policy(mapped)
    assert "script-src" not in content_policy(mapped)
    for bad in ("https://a.example/{x}", "javascript:{z}", "https://a.example; script-src */{z}", "//a.example/{z}"):
        (tmp_path / "server.toml").write_text(f'map_tiles = "{bad}"\n')
        with pytest.raises(EvidenceError, match="map_tiles"):
            read_settings(tmp_path)


def test_every_text_that_a_page_asks_for_is_there_and_every_one_is_asked_for():
    texts = Texts([KIT / "texts", HERE / "texts"])
    known = texts.names()
    files = [*HERE.rglob("*.js"), *HERE.rglob("*.html"), *HERE.glob("pages.py")]
    written = "\n".join(path.read_text(encoding="utf-8") for path in files)
    asked = set(re.findall(r'\bt(?:Or)?\("([a-z0-9_.]+)"', written))
    assert len(asked) > 80
    for name in asked:
        assert name in known or f"{name}.other" in known, name
    starts = tuple(re.findall(r"\bt(?:Or)?\(`([a-z0-9_.]+\.)\$\{", written))
    own = set(flat(tomllib.loads((HERE / "texts" / "en.toml").read_text(encoding="utf-8"))))
    titles = {f"{row.name}.title" for row in PAGES}
    chosen = set(re.findall(r'"((?:keep|player|frame|login|search|health|custody)\.[a-z_]+)"', written))
    for name in own:
        plain = name.removesuffix(".one").removesuffix(".other")
        is_asked = plain in asked | titles | chosen or plain.startswith(starts) or plain.startswith("frame.")
        assert is_asked or plain == "login.title", f"nobody asks for {name}"
