"""Plugs: a real pseudo-terminal as a board's cable, at full speed and slow."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from host_tools.emulator.plugs import SLOW_LINE_S, PtyPlug, SlowLine
from host_tools.transports.registry import open_serial
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import until

RATE = 200_000


class Collector:
    """Whoever opened the port, reading all."""

    def __init__(self) -> None:
        self.count = 0
        self.lost_text = ""
        self._room = bytearray(65_536)

    def space(self) -> memoryview:
        return memoryview(self._room)

    def filled(self, count_bytes: int) -> None:
        self.count += count_bytes

    def turn_over(self) -> None:
        pass

    def lost(self, error: Exception) -> None:
        self.lost_text = str(error)


def test_a_slow_line_takes_a_buffer_at_once_and_the_next_when_it_is_empty():
    line = SlowLine(RATE)
    buffer_bytes = int(RATE * SLOW_LINE_S)
    assert line.room_bytes(10.0) == buffer_bytes
    line.take(1_000, 10.0)
    assert line.room_bytes(10.0) == buffer_bytes - 1_000
    line.take(buffer_bytes - 1_000, 10.0)
    assert line.room_bytes(10.0) == 0
    assert line.wait_s(10.0) == pytest.approx(SLOW_LINE_S)
    assert line.room_bytes(10.0 + SLOW_LINE_S) == buffer_bytes
    assert line.room_bytes(1_000.0) == buffer_bytes, "idle time is not saved up"


@pytest.mark.req("EMU-04")
def test_a_slow_link_carries_everything_at_its_speed(tmp_path: Path):
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        sent, total = RATE // 2, RATE // 2  # nothing yet: opening a serial port throws away what came before

        def step() -> None:
            nonlocal sent
            while sent < total and (taken := plug.write(bytes(min(50_000, total - sent)))):
                sent += taken
            plug.want_write(sent < total)

        plug = PtyPlug(tmp_path / "port", step)
        plug.put_in()
        pipe = await open_serial(str(plug.link))
        collector = Collector()
        pipe.start(collector)
        sent = 0
        plug.limit(RATE)
        started_s = loop.time()
        async with asyncio.timeout(LIMIT_S):
            while collector.count < total:  # noqa: ASYNC110  bytes have no event
                await asyncio.sleep(0.005)
        assert loop.time() - started_s >= 0.9 * (total - RATE * SLOW_LINE_S) / RATE
        pipe.close()
        plug.pull_out()

    asyncio.run(scenario())


def test_pulled_out_is_a_hang_up_and_put_in_again_a_new_port(tmp_path: Path):
    async def scenario() -> None:
        plug = PtyPlug(tmp_path / "port", lambda: None)
        assert not plug.is_open()
        assert (plug.read_into(bytearray(4)), plug.write(b"x")) == (0, 0)
        plug.put_in()
        pipe = await open_serial(str(plug.link))
        collector = Collector()
        pipe.start(collector)
        plug.pull_out()
        plug.pull_out()
        async with asyncio.timeout(LIMIT_S):
            while not collector.lost_text:  # noqa: ASYNC110  the receiver only notes it
                await asyncio.sleep(0.005)
        assert "plug it in again" in collector.lost_text
        assert not plug.link.is_symlink()
        plug.put_in()
        again = await open_serial(str(plug.link))
        assert again.write([b"abc"]) == 3
        buffer = bytearray(10)
        assert await until(lambda: plug.read_into(buffer), "the bytes to come through the terminal") == 3
        assert bytes(buffer[:3]) == b"abc"
        again.close()
        plug.pull_out()

    asyncio.run(scenario())


def test_a_port_that_an_earlier_run_left_is_replaced(tmp_path: Path):
    async def scenario() -> None:
        link = tmp_path / "port"
        link.symlink_to("/dev/pts/does-not-exist")
        plug = PtyPlug(link, lambda: None)
        plug.put_in()
        assert os.readlink(link) != "/dev/pts/does-not-exist"
        plug.pull_out()

    asyncio.run(scenario())
