"""``bwc badge``: badges read and paired at a reader that is plugged in here, for a controller here or far away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, ReaderPart
from host_tools.system.records import Wearer
from tests.patience import LIMIT_S
from tests.unit.cli.manager import reached
from tests.unit.cli.parts import Bwc, Ended
from tests.unit.cli.test_domain_commands import answering
from tests.unit.web.office import opened_office

pytestmark = pytest.mark.req("RFID-04", "RFID-01")
NUMBER, OTHER = "04A1B2C3D4E5F6", "04A1B2C3D4E5F7"
TURNED = "F6E5D4C3B2A104"
HELD_S = 0.4
AWAY_S = 2.2  # before the same badge counts again

Ask = Callable[..., Awaitable[Ended]]


@asynccontextmanager
async def plugged(folder: Path, *kinds: Any) -> AsyncGenerator[EmulatedBench]:
    """Readers at this machine: ``reader-1``, ``reader-2``, at USB ports 1-1, 1-2."""
    parts = tuple(
        ReaderPart(name=f"reader-{number}", kind=kind, port=f"1-{number}") for number, kind in enumerate(kinds, 1)
    )
    bench = EmulatedBench(Bench(name="badges", reader=parts), folder, lambda _name, _size: MemoryFiles())
    await bench.start()
    async with asyncio.timeout(LIMIT_S):
        while len(list((folder / "usb").glob("1-[0-9]"))) < len(kinds):  # noqa: ASYNC110  a folder has no event
            await asyncio.sleep(0.02)
    try:
        yield bench
    finally:
        await bench.stop()


async def badge(bwc: Bwc, bench_folder: Path, *words: object) -> Ended:
    """``bwc badge …`` at this machine."""
    return await asyncio.to_thread(
        bwc, "badge", *words, "--usb-root", bench_folder / "usb", "--dev", bench_folder / "ports"
    )


async def held_twice(bench: EmulatedBench, uid: str) -> None:
    """A person who does what they are told, a little late, and for as long as it takes."""
    await asyncio.sleep(1.0)
    while True:
        bench.show_badge("reader-1", uid, HELD_S)
        await asyncio.sleep(HELD_S + AWAY_S)


@asynccontextmanager
async def holding(bench: EmulatedBench, uid: str) -> AsyncGenerator[None]:
    """Somebody holds a badge to the reader again and again."""
    person = asyncio.create_task(held_twice(bench, uid))
    try:
        yield
    finally:
        person.cancel()
        await asyncio.wait({person})
        await asyncio.sleep(HELD_S + 0.1)  # until it has left the field: the next command must not read it


def test_what_is_plugged_in_is_listed_and_read(bwc: Bwc, tmp_path: Path):
    async def go() -> None:
        async with plugged(tmp_path, "twn4-keyboard") as bench:
            listed = await badge(bwc, tmp_path, "readers")
            assert "09d8:0410 at USB port 1-1" in listed.out
            assert "put a PRS image onto it" in " ".join(listed.out.split())
            (await badge(bwc, tmp_path, "read")).must_be_one_line("a TWN4 with keyboard firmware")
        async with plugged(tmp_path, "twn4") as bench, holding(bench, NUMBER):
            found = await badge(bwc, tmp_path, "read")
            assert found.out.split()[:2] == [NUMBER, "iso14443a,"]
        async with plugged(tmp_path, "twn4", "twn4"):
            (await badge(bwc, tmp_path, "read")).must_be_one_line("2 readers are plugged in: name one with --reader")
        (await badge(bwc, tmp_path, "read")).must_be_one_line("no reader is plugged in that is known")

    asyncio.run(go())


def test_a_badge_is_paired_here_and_belongs_to_one_wearer(bwc: Bwc, tmp_path: Path):
    folder = tmp_path / "c"

    async def go() -> None:
        async def wearer(*words: object) -> Ended:
            return await asyncio.to_thread(bwc, "wearer", *words, "--folder", folder)

        async with answering(folder), plugged(tmp_path / "b", "twn4") as bench:
            await wearer("add", "W-1", "Ada")
            await wearer("add", "W-2", "Eve", "--tag", TURNED)
            async with holding(bench, OTHER):
                done = await badge(bwc, tmp_path / "b", "pair", "W-1", "--folder", folder)
            assert f"Ada (W-1) has badge {OTHER} from now on" in done.out, done
            async with holding(bench, OTHER):
                again = await badge(bwc, tmp_path / "b", "pair", "W-2", "--folder", folder)
            again.must_be_one_line(f"badge {OTHER} belongs to Ada (W-1): unpair it there first")
            async with holding(bench, NUMBER):
                turned = await badge(bwc, tmp_path / "b", "pair", "W-1", "--folder", folder)
            turned.must_be_one_line("this reader turns the bytes round", "?bytes=reversed")
            left = await asyncio.to_thread(bwc, "badge", "unpair", "W-1", OTHER, "--folder", folder)
            assert "Ada (W-1) has 0 badges left" in left.out

    asyncio.run(go())


def test_a_badge_is_paired_from_an_administrators_own_computer(bwc: Bwc, tmp_path: Path):
    with opened_office(tmp_path / "office") as office:

        async def go() -> None:
            async with (
                reached(office, tmp_path / "office" / "controller", bwc) as there,
                plugged(tmp_path / "b", "twn4") as bench,
            ):
                here = ("--usb-root", tmp_path / "b" / "usb", "--dev", tmp_path / "b" / "ports")

                async def pair(wearer: str) -> Ended:
                    return await there.by_rest("badge", "pair", wearer, *here, role="local_administrator")

                async with holding(bench, NUMBER):
                    (await pair("W-9")).must_be_one_line("W-9")
                with office.system.change("test", 1) as edit:
                    edit.put(Wearer(id="W-1", name="Ada"))
                async with holding(bench, NUMBER):
                    done = await pair("W-1")
                assert f"Ada (W-1) has badge {NUMBER} from now on" in done.out, done
                wearer = office.system.wearer_of_tag(NUMBER)
                assert wearer is not None
                assert wearer.id == "W-1"

        office.run(go)
