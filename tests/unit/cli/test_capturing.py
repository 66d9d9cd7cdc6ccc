"""A controller's ports, recorded: what passes is what is written, and nobody notices."""

from __future__ import annotations

import asyncio
import os
import tty
from pathlib import Path

from host_tools.bench.trace import Trace
from host_tools.cli.registry import make_registry
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST, PcapngReader
from host_tools.transports.registry import Registry
from tests.unit.transports.parts import Collector

SENT, ANSWERED = b"question " * 9, b"answer " * 9


def test_what_passes_is_recorded_and_a_loss_is_one_event(tmp_path: Path):
    master, slave = os.openpty()
    tty.setraw(slave)

    async def scenario() -> None:
        pipe = await make_registry(tmp_path).open(os.ttyname(slave))
        collector = Collector()
        pipe.start(collector)
        assert pipe.write([SENT[:20], SENT[20:]]) == len(SENT)
        os.write(master, ANSWERED)
        await collector.until(lambda seen: len(seen.data) == len(ANSWERED))
        assert os.read(master, 1000) == SENT
        os.close(slave)
        os.close(master)
        await collector.until(lambda seen: bool(seen.losses))
        pipe.close()
        assert len(collector.losses) == 1

    asyncio.run(scenario())
    (path,) = Trace(tmp_path).files()
    with path.open("rb") as file:
        packets = list(PcapngReader(file, str(path)))
    told = {way: b"".join(packet.data for packet in packets if packet.direction == way) for way in (TO_BOARD, TO_HOST)}
    assert told == {TO_BOARD: SENT, TO_HOST: ANSWERED}


def test_nothing_is_recorded_unless_asked():
    assert type(make_registry()) is Registry
