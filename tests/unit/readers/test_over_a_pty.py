"""Real drivers against emulated readers that speak the real bytes, over pseudo-terminals."""

from __future__ import annotations

import asyncio
import os
import time
import tty
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from host_tools.emulator.reader_ascii import EmulatedAsciiReader
from host_tools.emulator.reader_plug import ReaderPlug
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.readers.ascii125k import Ascii125kReader
from host_tools.readers.errors import ReaderError, ReaderLost, UnsupportedReader
from host_tools.readers.frames_125k import frame_of
from host_tools.readers.interface import ACCEPTED, READY, REFUSED, Reader
from host_tools.readers.presence import Gone, Restarted, Seen
from host_tools.readers.registry import open_reader, parse_reader_url, unsupported_reader
from host_tools.readers.tags import EM4100, ISO14443A, Tag
from host_tools.readers.twn4 import Twn4Reader
from host_tools.transports.registry import Registry
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import until

pytestmark = pytest.mark.req("RFID-01")
NUMBER = bytes.fromhex("04A1B2C3D4E5F6")
BADGE = Tag(ISO14443A, 56, NUMBER)
RED, GREEN = 1, 2
HELD = frame_of(bytes.fromhex("0C000621A5"), False)


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@asynccontextmanager
async def opened(path: Path, emulated: EmulatedTwn4, options: str = "") -> AsyncGenerator[tuple[Reader, ReaderPlug]]:
    plug = ReaderPlug(path / "reader", emulated.feed)
    try:
        reader = await open_reader(f"twn4://{path / 'reader'}{options}", Registry(), now_ms)
        try:
            yield reader, plug
        finally:
            reader.close()
    finally:
        plug.pull_out()


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("with_crc", [False, True])
def test_the_form_is_found_out_and_a_tap_is_told(tmp_path: Path, binary: bool, with_crc: bool):
    async def go() -> None:
        emulated = EmulatedTwn4(now_ms, binary, with_crc)
        async with opened(tmp_path, emulated) as (reader, _plug):
            assert isinstance(reader, Twn4Reader)
            assert (reader.form.binary, reader.form.crc) == (binary, with_crc)
            assert reader.identity.version == "TWN4/B1.03/CCF1.57/PRS1.03/PI"
            assert reader.identity.number == bytes(range(12)).hex().upper()
            assert emulated.lamps == GREEN
            emulated.hold(0x80, 56, NUMBER)
            assert await reader.next_event() == Seen(BADGE)
            emulated.take_away()
            assert await reader.next_event() == Gone(BADGE)

    asyncio.run(go())


@pytest.mark.parametrize("newer", [True, False])
def test_lamps_and_tones_with_new_and_with_old_firmware(tmp_path: Path, newer: bool):
    async def go() -> None:
        emulated = EmulatedTwn4(now_ms, newer=newer)
        async with opened(tmp_path, emulated, "?form=ascii") as (reader, _plug):
            await reader.signal(REFUSED)
            assert emulated.lamps == RED
            await reader.signal(ACCEPTED)
            assert emulated.lamps == GREEN
            assert [hertz for hertz, _ms in emulated.tones] == [2057, 2400]
            await reader.signal(READY)
            assert len(emulated.tones) == 2

    asyncio.run(go())


def test_a_reader_that_restarts_is_set_up_anew(tmp_path: Path):
    async def go() -> None:
        emulated = EmulatedTwn4(lambda: now_ms() + 50_000)
        emulated._booted_ms -= 50_000
        async with opened(tmp_path, emulated) as (reader, _plug):
            emulated.restart()
            assert emulated.lamps == 0
            assert await reader.next_event() == Restarted()
            assert emulated.lamps == GREEN

    asyncio.run(go())


def test_spoilt_answers_are_asked_for_again_and_silence_is_a_loss(tmp_path: Path):
    async def go() -> None:
        emulated = EmulatedTwn4(now_ms, with_crc=True)
        async with opened(tmp_path, emulated) as (reader, _plug):
            emulated.spoil = 2
            emulated.hold(0x80, 56, NUMBER)
            assert await reader.next_event() == Seen(BADGE)
            emulated.mute = True
            with pytest.raises(ReaderLost, match="does not answer; unplug it and plug it in again"):
                await reader.next_event()

    asyncio.run(go())


def test_unplugging_is_one_line(tmp_path: Path):
    async def go() -> None:
        async with opened(tmp_path, EmulatedTwn4(now_ms)) as (reader, plug):
            plug.pull_out()
            with pytest.raises(ReaderLost, match="is gone"):
                await reader.next_event()

    asyncio.run(go())


def test_a_reader_with_other_firmware_is_named(tmp_path: Path):
    async def go() -> None:
        with pytest.raises(UnsupportedReader, match=r"firmware TWN4/CKF1.00/STD1.05, which types instead of answering"):
            async with opened(tmp_path, EmulatedTwn4(now_ms, version="TWN4/CKF1.00/STD1.05")):
                pass
        silent = EmulatedTwn4(now_ms)
        silent.mute = True
        with pytest.raises(ReaderLost, match="says nothing; unplug it and plug it in again; if that does not"):
            async with opened(tmp_path, silent):
                pass

    asyncio.run(go())


@pytest.mark.parametrize(("long", "options"), [(False, ""), (True, "&bytes=reversed")])
def test_125_khz_readers_of_both_kinds(tmp_path: Path, long: bool, options: str):
    async def go() -> None:
        emulated = EmulatedAsciiReader(long)
        plug = ReaderPlug(tmp_path / "reader", lambda _data: emulated.says(now_ms()))
        reader = await open_reader(f"ascii125k://{tmp_path / 'reader'}?baud=9600{options}", Registry(), now_ms)
        try:
            number = bytes.fromhex("0C000621A5")
            seen = Tag(EM4100, 40, bytes(reversed(number)) if options else number)
            emulated.hold(number, now_ms())
            plug.wake()
            assert await reader.next_event() == Seen(seen)
            emulated.take_away()
            assert await reader.next_event() == Gone(seen)
        finally:
            reader.close()
            plug.pull_out()

    asyncio.run(go())


@pytest.mark.req("RFID-01", "RFID-02")
def test_a_badge_that_was_read_while_nobody_listened_is_no_tap(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.readers.ascii125k.DEAF_S", 0.0)

    async def go() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        pipe = await Registry().open(os.ttyname(slave))
        reader = Ascii125kReader(pipe, now_ms)
        os.write(master, HELD)  # an adapter gives what it has held
        await until(lambda: len(reader._line._held) == len(HELD), "all of it to be here")
        await reader.forget_the_past()
        try:
            os.write(master, frame_of(bytes.fromhex("0C000621A6"), False))
            async with asyncio.timeout(LIMIT_S):
                assert await reader.next_event() == Seen(Tag(EM4100, 40, bytes.fromhex("0C000621A6")))
        finally:
            reader.close()
            os.close(master)
            os.close(slave)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("twn5:///dev/ttyACM0", "no kind of reader; write one of twn4://"),
        ("twn4://", "names no port; write for example twn4:///dev/ttyACM0"),
        ("twn4:///dev/x?speed=3", "has no option speed; it has form, baud, bytes"),
        ("twn4:///dev/x?form=hex", "form=hex is not known; write ascii or ascii-crc"),
        ("ascii125k:///dev/x?baud=fast", "baud=fast is no baud rate"),
    ],
)
def test_what_is_wrong_with_a_url_is_one_line(url: str, why: str):
    with pytest.raises(ReaderError, match=why.replace("?", r"\?")):
        parse_reader_url(url)


def test_a_port_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(ReaderError, match="no such port; plug the board in"):
        asyncio.run(open_reader(f"twn4://{tmp_path}/none", Registry(), now_ms))


def test_known_readers_that_cannot_be_used_say_what_to_do():
    assert unsupported_reader(0x09D8, 0x0410).startswith("reader 09d8:0410 is a TWN4 with keyboard firmware")
    assert unsupported_reader(0x09D8, 0x0420) == ""


def test_a_reader_that_wakes_up_while_it_is_asked_is_understood_all_the_same(tmp_path: Path):
    async def go() -> None:
        emulated = EmulatedTwn4(now_ms)
        emulated.mute = True  # it hears questions in every form, and says nothing

        def wake() -> None:
            emulated.mute = False

        asyncio.get_running_loop().call_later(1.0, wake)
        async with opened(tmp_path, emulated) as (reader, _plug):
            assert isinstance(reader, Twn4Reader)
            assert (reader.form.binary, reader.form.crc) == (False, False)

    asyncio.run(go())
