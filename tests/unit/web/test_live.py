"""Live rows: what differs is told once, everybody who reads everything still hears of it, and it reaches the ring."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from host_tools.controller.cameras import CameraView
from host_tools.controller.live import DIRTY_MAX, ENDED_KEPT_MS, TRANSFERS_KEPT_MAX, Change
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


def test_while_nobody_follows_nothing_is_published(office: Office):
    position = office.manager.ring.position
    for _ in range(10):
        office.controller.happenings.tell("docked", camera="CAM-1")
    assert office.manager.ring.position == position
