"""Readers at a controller: found by their USB identity and by settings, over pseudo-terminals of an emulated bench."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.happenings import Happenings
from host_tools.controller.readers import ReaderDesk, ReaderFinder, ReaderPlace, ReaderView
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, ReaderPart
from host_tools.emulator.errors import BenchError
from host_tools.readers.interface import REFUSED
from host_tools.readers.tags import EM4100, ISO14443A, Tag
from host_tools.transports.registry import Registry
from tests.patience import LIMIT_S

pytestmark = pytest.mark.req("RFID-01")
NUMBER, LOW = "04A1B2C3D4E5F6", "0C000621A5"


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Rig:
    """A bench with readers alone, and a desk that looks at its USB tree."""

    def __init__(self, folder: Path, *parts: ReaderPart, named: tuple[ReaderPlace, ...] = ()) -> None:
        self.bench = EmulatedBench(Bench(name="readers", reader=parts), folder, lambda _name, _size: MemoryFiles())
        self.taps: list[tuple[str, Tag]] = []
        self.told: list[dict[str, Any]] = []
        happenings = Happenings(now_ms)
        happenings.listen(self.told.append)
        finder = ReaderFinder(named, folder / "usb", folder / "ports", "front desk")
        self.desk = ReaderDesk(finder, Registry(), now_ms, happenings, self._on_tap)

    def _on_tap(self, view: ReaderView, tag: Tag) -> None:
        self.taps.append((view.place, tag))

    def view(self, word: str) -> ReaderView | None:
        return next((view for view in self.desk.views.values() if word in view.url + view.identity), None)

    def state(self, word: str) -> str:
        view = self.view(word)
        return view.state if view is not None else ""

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not holds():  # noqa: ASYNC110  what a person sees has no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def at_work(rig: Rig) -> AsyncGenerator[Rig]:
    await rig.bench.start()
    task = asyncio.create_task(rig.desk.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.wait({task})
        await rig.bench.stop()


def test_a_reader_is_found_by_what_it_is_lit_and_heard(tmp_path: Path):
    async def go() -> None:
        rig = Rig(tmp_path, ReaderPart(name="desk", kind="twn4"))
        async with at_work(rig):
            await rig.until(lambda: rig.state("desk") == "ready")
            view = rig.view("desk")
            assert view is not None
            assert (view.model, view.place, view.identity) == ("TWN4", "front desk", "09d8:0420 at USB port 1-4")
            assert rig.bench.state()["readers"]["desk"]["lamps"] == {"green": True, "red": False, "yellow": False}
            rig.bench.show_badge("desk", NUMBER)
            await rig.until(lambda: bool(rig.taps))
            assert rig.taps == [("front desk", Tag(ISO14443A, 56, bytes.fromhex(NUMBER)))]
            rig.desk.show(view.url, REFUSED)
            await rig.until(lambda: rig.bench.state()["readers"]["desk"]["lamps"]["red"])

    asyncio.run(go())


def test_unplugging_is_told_and_plugging_in_again_lights_it(tmp_path: Path):
    async def go() -> None:
        rig = Rig(tmp_path, ReaderPart(name="desk", kind="twn4-binary"))
        async with at_work(rig):
            await rig.until(lambda: rig.state("desk") == "ready")
            rig.bench.plug_reader("desk", False)
            await rig.until(lambda: not rig.desk.views)
            assert rig.bench.state()["readers"]["desk"]["lamps"]["green"] is False
            rig.bench.plug_reader("desk", True)
            await rig.until(lambda: rig.state("desk") == "ready")
            assert rig.bench.state()["readers"]["desk"]["lamps"]["green"] is True
            assert [each["state"] for each in rig.told if each["state"] in ("ready", "unplugged")] == [
                "ready",
                "unplugged",
                "ready",
            ]

    asyncio.run(go())


def test_a_reader_that_types_is_named_with_its_identity_and_remedy(tmp_path: Path):
    async def go() -> None:
        rig = Rig(tmp_path, ReaderPart(name="desk", kind="twn4-keyboard"))
        async with at_work(rig):
            await rig.until(lambda: rig.state("1-4") == "unsupported")
            (text,) = rig.desk.problems().values()
            assert text == (
                "reader 09d8:0410 is a TWN4 with keyboard firmware; put a PRS image onto it, or use wedge:// "
                "(09d8:0410 at USB port 1-4)"
            )

    asyncio.run(go())


@pytest.mark.parametrize("kind", ["ascii125k", "ascii125k-long"])
def test_a_reader_without_an_identity_of_its_own_is_named_in_settings(tmp_path: Path, kind: Any):
    async def go() -> None:
        url = f"ascii125k://{tmp_path / 'ports' / 'desk'}?baud=9600"
        rig = Rig(tmp_path, ReaderPart(name="desk", kind=kind), named=(ReaderPlace(url, "garage"),))
        async with at_work(rig):
            await rig.until(lambda: rig.state("ascii125k") == "ready")
            rig.bench.show_badge("desk", LOW)
            await rig.until(lambda: bool(rig.taps))
            assert rig.taps == [("garage", Tag(EM4100, 40, bytes.fromhex(LOW)))]

    asyncio.run(go())


def test_one_that_is_not_there_is_a_problem_and_the_other_works(tmp_path: Path):
    async def go() -> None:
        named = (ReaderPlace(f"twn4://{tmp_path}/nothing"),)
        rig = Rig(tmp_path, ReaderPart(name="desk"), named=named)
        async with at_work(rig):
            await rig.until(lambda: rig.state("desk") == "ready" and rig.state("nothing") == "lost")
            assert "no such port" in rig.desk.problems()[f"reader twn4://{tmp_path}/nothing"]

    asyncio.run(go())


def test_a_reader_that_is_named_is_not_found_a_second_time(tmp_path: Path):
    async def go() -> None:
        url = f"twn4://{tmp_path / 'ports' / 'desk'}?form=ascii"
        rig = Rig(tmp_path, ReaderPart(name="desk"), named=(ReaderPlace(url, "gate"),))
        async with at_work(rig):
            await rig.until(lambda: rig.state("desk") == "ready")
            assert [view.place for view in rig.desk.views.values()] == ["gate"]

    asyncio.run(go())


def test_hands_that_hold_nonsense_are_told(tmp_path: Path):
    async def go() -> None:
        rig = Rig(tmp_path, ReaderPart(name="desk", kind="ascii125k"))
        await rig.bench.start()
        for uid, why in (("hello", "is no badge's number"), (NUMBER, "reads no badge of 7 bytes")):
            with pytest.raises(BenchError, match=why):
                rig.bench.show_badge("desk", uid)
        with pytest.raises(BenchError, match="no reader gate on this bench; it has desk"):
            rig.bench.show_badge("gate", LOW)
        await rig.bench.stop()

    asyncio.run(go())
