"""The bench page over HTTP: every action moves the real bench, and what cannot be is told and changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.bench_page.actions import ACTIONS
from host_tools.bench_page.app import BenchPage, Parts
from host_tools.bench_page.door import COOKIE_NAME
from host_tools.bench_page.errors import BenchPageError
from host_tools.bench_page.view import View, changes
from host_tools.cli.bench_page import DEFAULT, plan_page
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, ReaderPart
from host_tools.web_kit.texts import Texts
from tests.house.tree import ROOT
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import SMALL, WITH_MOTION, until

pytestmark = pytest.mark.req("EMU-06")
NOW_MS = 1_800_000_000_000
ROOM = ROOT / "host_tools" / "bench_page"
URL = "http://127.0.0.1:8441"


class Rig:
    """A bench at work with its page. ``ask``: a request straight into it."""

    def __init__(self, bench: EmulatedBench, token: str) -> None:
        self.bench = bench
        loop = asyncio.get_running_loop()
        self.page = BenchPage(Parts(bench, "run1", token, frozenset({"desk"}), lambda: NOW_MS, loop.time))

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.page.guarded)
        async with httpx.AsyncClient(transport=transport, base_url=more.pop("url", URL)) as client:
            return await client.request(method, path, **more)

    async def act(self, action: str, **said: Any) -> httpx.Response:
        return await self.ask("POST", f"/api/v1/actions/{action}", json=said)

    async def done(self, action: str, **said: Any) -> None:
        answer = await self.act(action, **said)
        assert (answer.status_code, answer.text) == (204, "")

    async def refused(self, action: str, **said: Any) -> tuple[int, str, str]:
        """Status, word and line."""
        answer = await self.act(action, **said)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        return answer.status_code, problem["type"].rpartition(":")[2], problem["detail"]


@asynccontextmanager
async def rig_at_work(folder: Path, token: str = "", plan: Bench = SMALL) -> AsyncGenerator[Rig]:
    whole = plan.model_copy(update={"reader": (ReaderPart(name="reader-1"),)})
    bench = EmulatedBench(whole, folder, lambda _name, _size: MemoryFiles())
    await bench.start()
    try:
        yield Rig(bench, token)
    finally:
        await bench.stop()


def run(folder: Path, scenario: Callable[[Rig], Awaitable[None]], token: str = "", plan: Bench = SMALL) -> None:
    async def main() -> None:
        async with asyncio.timeout(LIMIT_S), rig_at_work(folder, token, plan) as rig:
            await scenario(rig)

    asyncio.run(main())


def test_a_camera_is_put_in_moved_and_taken_out(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        await rig.done("dock", camera="camera-2", dock="dock-1", bay=4)
        assert rig.bench.cameras["camera-2"].bay == ("dock-1", 4)
        await rig.done("dock", camera="camera-2", dock="dock-1", bay=6)
        assert rig.bench.cameras["camera-2"].bay == ("dock-1", 6)
        status, word, line = await rig.refused("dock", camera="camera-2", dock="dock-1", bay=1)
        assert (status, word) == (409, "refused")
        assert "camera-2 is in bay 6" in line
        assert rig.bench.cameras["camera-2"].bay == ("dock-1", 6), "a taken bay must not cost the one it is in"
        await rig.done("undock", camera="camera-2")
        assert rig.bench.cameras["camera-2"].bay is None

    run(tmp_path, scenario)


def test_a_button_is_held_and_let_go(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        def pin() -> bool:
            return rig.bench.state()["cameras"]["camera-2"]["buttons"]["record"]

        await rig.done("press", camera="camera-2", button="record", hold_s=30)
        await until(pin, "the button's pin to close")
        await rig.done("let_go", camera="camera-2", button="record")
        await until(lambda: not pin(), "the button's pin to open")
        await rig.done("let_go", camera="camera-2", button="record")
        assert "it has record, power" in (await rig.refused("press", camera="camera-2", button="zoom"))[2]
        assert (await rig.refused("press", camera="camera-2", button="record", hold_s=1e9))[0] == 422

    run(tmp_path, scenario)


def test_a_second_press_is_not_let_go_by_the_first(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        rig.bench.press("camera-2", "record", 0.05)
        rig.bench.press("camera-2", "record", 30)
        await asyncio.sleep(0.15)
        assert rig.bench.cameras["camera-2"].buttons["record"].level, "the first press let the second one go"

    run(tmp_path, scenario)


def test_supply_reset_cable_and_reader(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        await rig.done("power", board="dock-1", on=False)
        assert not rig.bench.docks["dock-1"].emulated.is_on
        await rig.done("power", board="dock-1", on=True)
        assert rig.bench.docks["dock-1"].emulated.boots == 2
        await rig.done("reset", board="camera-1")
        assert rig.bench.cameras["camera-1"].emulated.boots == 2
        await rig.done("link", board="camera-1", bytes_per_s=11_520)
        assert rig.bench.state()["cameras"]["camera-1"]["link"]["limit_bytes_per_s"] == 11_520
        await rig.done("link", board="camera-1")
        assert rig.bench.state()["cameras"]["camera-1"]["link"]["limit_bytes_per_s"] is None
        await rig.done("badge", reader="reader-1", uid="04A2B3C4")
        assert "hexadecimal" in (await rig.refused("badge", reader="reader-1", uid="badge"))[2]
        await until(lambda: rig.bench.readers["reader-1"].plug.is_open(), "the reader to enumerate")
        await rig.done("plug_reader", reader="reader-1", plugged=False)
        assert not rig.bench.readers["reader-1"].plug.is_open()

    run(tmp_path, scenario)


def test_a_wearer_moves_and_a_camera_is_carried(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        await rig.done("move", camera="camera-2", activity="running")
        await rig.done("carry", camera="camera-2", x_m=30, y_m=-4.5)
        shown = rig.bench.state()["cameras"]["camera-2"]
        assert (shown["motion"]["activity"], shown["radio"]["spot_m"]) == ("running", [30, -4.5])
        assert (await rig.refused("move", camera="camera-2", activity="flying"))[1] == "refused"
        assert (await rig.refused("move", camera="camera-1", activity="running"))[1] == "unsupported"
        about = (await rig.ask("GET", "/api/v1/bench")).json()
        activities = {camera["name"]: camera["activities"] for camera in about["cameras"]}
        assert activities["camera-1"] == []
        assert {"fall", "walking"} <= set(activities["camera-2"])
        texts = Texts([ROOM / "texts"]).names()
        assert {f"bench.activity.{each}" for each in activities["camera-2"]} <= set(texts)

    run(tmp_path, scenario, plan=WITH_MOTION)


def test_faults_come_and_go_one_by_one(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        for kind in ("bitflip", "delayed"):
            await rig.done("fault", board="camera-1", component="link", type=kind)
        await rig.done("fault", board="dock-1", component="contact", type="wrong", instance=1)
        await rig.done("heal", board="camera-1", component="link", type="bitflip")
        assert [each["type"] for each in rig.bench.faults.active()] == ["delayed", "wrong"]
        assert rig.bench.cameras["camera-1"].line.faults == {"delayed"}
        line = (await rig.refused("heal", board="camera-1", component="link", type="bitflip"))[2]
        assert line == "link bitflip of camera-1 is not on: nothing to heal"
        await rig.done("heal_all")
        assert rig.bench.faults.active() == []
        assert rig.bench.cameras["camera-1"].line.faults == set()

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (("dock-1", "card", "off", 0), "dock-1 is a dock and has no card"),
        (("camera-1", "card", "reordered", 0), "card of camera-1 cannot be reordered"),
        (("camera-1", "link", "bitflop", 0), "did you mean bitflip"),
        (("camera-2", "contact", "off", 0), "camera-2"),
        (("dock-1", "contact", "off", 9), "has no instance 9"),
    ],
)
def test_what_a_board_cannot_have_is_unsupported_and_changes_nothing(
    tmp_path: Path, said: tuple[str, str, str, int], line: str
):
    async def scenario(rig: Rig) -> None:
        board, component, kind, instance = said
        answer = await rig.refused("fault", board=board, component=component, type=kind, instance=instance)
        assert answer[:2] == (409, "unsupported")
        assert line in answer[2]
        assert rig.bench.faults.active() == []

    run(tmp_path, scenario)


def test_who_is_not_there_and_what_is_not_said_is_refused(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        assert "it has camera-1, camera-2" in (await rig.refused("undock", camera="camera-9"))[2]
        assert "no board dock-9" in (await rig.refused("power", board="dock-9", on=True))[2]
        assert (await rig.refused("undock"))[0] == 422
        assert (await rig.refused("undock", camera="camera-1", force=True))[0] == 422
        assert (await rig.refused("undock", camera="x" * 1000))[0] == 422
        assert (await rig.act("explode")).status_code == 404
        assert (await rig.ask("GET", "/api/v1/actions/heal_all")).status_code == 405

    run(tmp_path, scenario)


def test_no_foreign_page_moves_the_bench(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        path, said = "/api/v1/actions/undock", {"camera": "camera-1"}
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            assert (await rig.ask("POST", path, json=said, headers=headers)).status_code == 403
        bent = await rig.ask("POST", path, json=said, url="http://evil.example:8441")
        assert bent.status_code == 421
        assert rig.bench.cameras["camera-1"].bay == ("dock-1", 1)
        assert (await rig.ask("POST", path, json=said, url="http://desk:8441")).status_code == 204

    run(tmp_path, scenario)


def test_the_page_is_one_page_under_a_strict_policy(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/")
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "<style" not in answer.text
        assert "style=" not in answer.text

    run(tmp_path, scenario)


def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        for path in ("/", "/?token=wrong", "/api/v1/live", "/api/v1/bench", "/api/v1/events"):
            assert (await rig.ask("GET", path)).status_code == 401, path
        assert (await rig.refused("undock", camera="camera-1"))[0] == 401
        assert rig.bench.cameras["camera-1"].bay is not None
        entered = await rig.ask("GET", "/?token=secret-word")
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        for headers in ({"Cookie": f"{COOKIE_NAME}=secret-word"}, {"Authorization": "Bearer secret-word"}):
            assert (await rig.ask("GET", "/", headers=headers)).status_code == 200
        assert "secret-word" not in repr(rig.page.guarded) + repr(vars(rig.page))

    run(tmp_path, scenario, token="secret-word")


def test_others_reach_it_only_with_a_token():
    for address in ("0.0.0.0:8441", "192.0.2.7:8441", "[::]:8441", "bench.example:8441"):
        with pytest.raises(BenchPageError, match="add --web-token"):
            plan_page(wanted=True, address=address, with_token=False)
        assert plan_page(wanted=True, address=address, with_token=True) is not None
    for address in (None, DEFAULT, "[::1]:8441", "localhost:0", "127.0.0.2:80"):
        assert plan_page(wanted=True, address=address, with_token=False) is not None
    assert plan_page(wanted=False, address=None, with_token=False) is None
    with pytest.raises(BenchPageError, match="add --web"):
        plan_page(wanted=False, address="127.0.0.1:8441", with_token=False)


def test_rows_show_truth_beside_what_was_measured(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        await until(lambda: rig.bench.state()["docks"]["dock-1"]["bays"]["1"]["state"] == "docked", "power")
        await until(lambda: "charge_current" in _bay(rig.bench)["measured"], "the dock's measurement")
        while True:  # the dock measures now and then, and the current has grown meanwhile
            rows = {(row["kind"], row["key"]): row["value"] for row in (await rig.ask("GET", "/api/v1/live")).json()}
            bay, camera = rows["bay", "dock-1/1"], rows["camera", "camera-1"]
            measured = bay["measured"]
            if abs(measured["charge_current"]["value"] / 1000 - bay["truth"]["current_ma"]) < 60:
                break
            await asyncio.sleep(0.05)
        assert bay["camera"] == "camera-1"
        assert measured["supply_voltage"]["verdict"] == "pass"
        assert abs(camera["battery_percent"] - camera["battery"]["gauge_percent"]) < 10
        assert camera["bay"] == ["dock-1", 1]
        assert rows["lamp", "dock-1/1"] == {"green": True, "red": True}
        assert set(rows["lamp", "reader-1"]) == {"green", "red", "yellow"}
        assert rows["bench", "unit"]["unix_ms"] == NOW_MS
        about = (await rig.ask("GET", "/api/v1/bench")).json()
        assert {("card", "torn"), ("usb", "brownout")} <= {(row["component"], row["type"]) for row in about["faults"]}

    run(tmp_path, scenario)


def test_a_change_is_told_to_whoever_follows_and_the_rest_is_not(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        running = asyncio.create_task(rig.page.run())
        stream = rig.page.ring.follow()
        assert (await anext(stream)).startswith(b"retry")
        reading = asyncio.create_task(_seen(stream, ("bay", "dock-1/5"), lambda value: value["camera"] == "camera-2"))
        await until(lambda: rig.page.ring.streams, "the stream to begin")
        await rig.done("dock", camera="camera-2", dock="dock-1", bay=5)
        await reading
        lamp = asyncio.create_task(_seen(stream, ("lamp", "dock-1/5"), lambda value: value["red"] and value["green"]))
        await lamp
        await stream.aclose()
        running.cancel()
        await asyncio.wait({running})

    run(tmp_path, scenario)


def test_nobody_looks_where_nobody_watches(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        running = asyncio.create_task(rig.page.run())
        before = rig.page.ring.position
        rig.bench.put_in("camera-2", "dock-1", 5)
        await asyncio.sleep(0.3)
        assert rig.page.ring.position == before
        running.cancel()
        await asyncio.wait({running})

    run(tmp_path, scenario)


def test_a_links_speed_is_what_has_passed_in_a_second(tmp_path: Path):
    async def scenario(rig: Rig) -> None:
        view = View(rig.bench)
        line = rig.bench.cameras["camera-1"].line
        view.rows(NOW_MS, 10.0)
        line.bytes_to_host += 5_000
        assert view.rows(NOW_MS, 10.5)["camera", "camera-1"]["link"]["to_host_per_s"] == 0, "too early to tell"
        assert view.rows(NOW_MS, 12.0)["camera", "camera-1"]["link"]["to_host_per_s"] == 2_500
        assert view.rows(NOW_MS, 13.0)["camera", "camera-1"]["link"]["to_host_per_s"] == 0

    run(tmp_path, scenario)


def test_changes_are_news_differences_and_ends():
    before = {("a", "1"): 1, ("a", "2"): 2, ("b", "1"): None}
    now = {("a", "1"): 1, ("a", "2"): 3, ("c", "1"): 0}
    assert dict(changes(before, now)) == {("a", "2"): 3, ("c", "1"): 0, ("b", "1"): None}


def test_every_action_has_a_name_of_its_own():
    names = [row.name for row in ACTIONS]
    assert len(set(names)) == len(names)


def _bay(bench: EmulatedBench) -> dict[str, Any]:
    return bench.state()["docks"]["dock-1"]["bays"]["1"]


async def _seen(stream: AsyncGenerator[bytes], key: tuple[str, str], wanted: Callable[[Any], bool]) -> None:
    """Until that row is told with that value."""
    async for piece in stream:
        for event in piece.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
            if lines.get("event") != "change":
                continue
            row = json.loads(lines["data"])
            if (row["kind"], row["key"]) == key and wanted(row["value"]):
                return
    raise AssertionError(f"the stream ended without {key}")
