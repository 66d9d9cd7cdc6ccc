"""Live rows: what differs is told once, everybody who reads everything still hears of it, and it reaches the ring."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from host_tools.cli.web import _tell_end
from host_tools.controller.cameras import CameraView
from host_tools.controller.live import DIRTY_MAX, ENDED_KEPT_MS, GONE_KEPT_MAX, TRANSFERS_KEPT_MAX, Change
from host_tools.web.pump import Pump
from host_tools.web_kit.stream import Ring
from tests.patience import LIMIT_S
from tests.unit.web.office import Office

RECORDING = "ab" * 16


def by_key(changes: list[Change]) -> dict[str, Change]:
    return {change.key: change for change in changes}


@pytest.fixture(autouse=True)
def quiet(office: Office):
    """Nothing is left to tell from the test before."""
    office.controller.cameras.clear()
    office.controller.cameras["CAM-1"] = CameraView("CAM-1", "pi_zero_2w_camera")
    office.view._transfers.clear()
    office.view.changes(whole=True)


@pytest.mark.req("CTRL-12")
def test_a_row_is_told_when_it_differs_and_only_then(office: Office):
    office.controller.cameras["CAM-1"].online = True
    office.controller.happenings.tell("docked", camera="CAM-1")
    told = by_key(office.view.changes())
    assert told["CAM-1"].value is not None
    assert told["CAM-1"].value["online"] is True
    office.controller.happenings.tell("docked", camera="CAM-1")
    assert "CAM-1" not in by_key(office.view.changes())
    del office.controller.cameras["CAM-1"]
    office.controller.happenings.tell("removed", camera="CAM-1")
    assert by_key(office.view.changes())["CAM-1"].value is None


def test_what_no_happening_tells_is_found_by_looking_at_everything(office: Office):
    office.controller.cameras["CAM-1"].status["battery_percent"] = 41
    assert office.view.changes() == []
    found = by_key(office.view.changes(whole=True))["CAM-1"]
    assert found.value is not None
    assert found.value["battery_percent"] == 41


@pytest.mark.req("CTRL-09")
def test_a_transfer_goes_through_its_stages_and_leaves(office: Office):
    tell = office.controller.happenings.tell
    stages: list[str] = []
    for what, more in (
        ("offload_started", {"bytes_whole": 100}),
        ("progress", {"bytes_whole": 100, "bytes_here": 40}),
        ("offloaded", {"bytes_whole": 100, "mb_per_s": 5.0}),
        ("delivery_started", {"container": "x"}),
        ("trouble", {"text": "the destination is away"}),
        ("delivery_started", {"container": "x"}),
        ("delivered", {"container": "x"}),
        ("erased", {}),
    ):
        tell(what, camera="CAM-1", recording=RECORDING, **more)
        row = by_key(office.view.changes())[RECORDING].value
        assert row is not None
        stages.append(row["stage"])
        assert bool(row.get("text", "")) == (what == "trouble")
        assert row["bytes_here"] == (0 if what == "offload_started" else 40 if what == "progress" else 100)
    assert stages == [
        "offloading", "offloading", "held", "delivering", "trouble", "delivering", "delivered", "erased",
    ]  # fmt: skip
    office.view._transfers[RECORDING]["changed_unix_ms"] -= ENDED_KEPT_MS
    assert by_key(office.view.changes(whole=True))[RECORDING].value is None


def test_memory_is_bounded_while_nobody_looks(office: Office):
    for number in range(3 * DIRTY_MAX):
        office.controller.happenings.tell("delivered", camera=f"C-{number}", recording=f"{number:032x}", container="x")
    assert len(office.view._transfers) == TRANSFERS_KEPT_MAX
    assert len(office.view._dirty) <= DIRTY_MAX + 2
    assert len([each for each in office.view.changes() if each.kind == "transfer"]) == TRANSFERS_KEPT_MAX


def test_whoever_reads_everything_takes_no_change_from_others(office: Office):
    office.controller.cameras["CAM-1"].online = True
    office.controller.happenings.tell("docked", camera="CAM-1")
    assert by_key(office.view.rows())["CAM-1"].value is not None
    assert "CAM-1" in by_key(office.view.changes())
    assert office.view.changes() == []


@pytest.mark.req("CTRL-12")
def test_a_page_that_follows_first_and_then_reads_ends_at_the_newest(office: Office):
    """Changes at any moment between beginning to follow, reading everything and hearing of it."""

    async def main(moment: int) -> None:
        camera = office.controller.cameras["CAM-1"]
        ring = Ring("run1")
        pump = asyncio.create_task(Pump(office.view, office.controller.happenings, ring).run())
        stream = ring.follow()
        page: dict[str, Any] = {}
        await anext(stream)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for step in range(3):
            if step == moment:
                camera.trouble = f"moment {moment}"
                office.controller.happenings.tell("trouble", camera="CAM-1", text=camera.trouble)
            if step == 1:
                page = {change.key: change.value for change in office.view.rows()}
            await asyncio.sleep(0)
        async with asyncio.timeout(LIMIT_S):
            piece = await first
            while (page.get("CAM-1") or {}).get("trouble") != f"moment {moment}":
                for row in rows_of(piece):
                    page[row["key"]] = row["value"]
                if (page.get("CAM-1") or {}).get("trouble") != f"moment {moment}":
                    piece = await anext(stream)
        pump.cancel()
        await asyncio.wait({pump})
        await stream.aclose()

    for moment in range(3):
        asyncio.run(main(moment))


def rows_of(piece: bytes) -> list[dict[str, Any]]:
    blocks = [block for block in piece.decode().split("\n\n") if "event: change" in block]
    return [json.loads(block.partition("data: ")[2]) for block in blocks]


@pytest.mark.req("CTRL-12")
def test_the_only_page_hears_what_happened_while_it_was_connecting_again(office: Office):
    """Lists of wearers and settings are read anew for a happening alone: no row of the live view tells them."""

    async def main() -> list[str]:
        ring = office.manager.ring
        stream = ring.follow()
        place = (await anext(stream)).decode().partition("id: ")[2].strip()
        await stream.aclose()
        assert ring.streams == 0
        office.controller.happenings.tell("changed", kind="wearer", key="w-1", by="ada")
        office.controller.happenings.tell("progress", camera="CAM-1", recording=RECORDING, bytes_whole=1)
        again = ring.follow(place)
        await anext(again)
        async with asyncio.timeout(LIMIT_S):
            piece = (await anext(again)).decode()
        await again.aclose()
        return [json.loads(line.partition(": ")[2])["what"] for line in piece.splitlines() if line.startswith("data")]

    assert asyncio.run(main()) == ["changed"]


def test_rows_that_have_come_to_their_end_are_in_the_log_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Pages say that the connection is lost; the log says why, and not only when the controller ends."""

    def broken(_whole: bool) -> list[Change]:
        raise KeyError("a field that nobody gave")

    async def main() -> None:
        manager = office.manager_of("run5")
        stream = manager.ring.follow()
        await anext(stream)
        running = asyncio.create_task(manager.run())
        running.add_done_callback(_tell_end)
        office.controller.happenings.tell("docked", camera="CAM-1")
        await asyncio.wait({running}, timeout=LIMIT_S)
        async with asyncio.timeout(LIMIT_S):
            assert [piece async for piece in stream] == [], "it has ended, and pages know"

    with monkeypatch.context() as patch:
        patch.setattr(office.view, "changes", broken)
        asyncio.run(main())
    assert "the manager's live rows have ended" in caplog.text
    assert "a field that nobody gave" in caplog.text


def test_who_asks_for_rows_alone_leaves_no_heap_of_what_is_gone(office: Office):
    """A program that polls, and no page: what nobody follows is not kept for the one who opens a page in a year."""
    tell = office.controller.happenings.tell
    told = GONE_KEPT_MAX + 2 * TRANSFERS_KEPT_MAX
    for number in range(told):
        tell("erased", camera="CAM-1", recording=f"{number:032x}")
        if number % TRANSFERS_KEPT_MAX == TRANSFERS_KEPT_MAX - 1:
            office.view.rows()
            office.view._transfers.clear()
    office.view.rows()
    gone = [change.key for change in office.view.changes() if change.value is None]
    assert gone == [f"{number:032x}" for number in range(told - GONE_KEPT_MAX, told)], "the newest, in order"
