"""A cable in memory and a cable with faults: streams like any other, and what each fault does to bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from firmware.ports import stream_suite
from firmware.ports.memory_stream import MemoryStream
from host_tools.emulator.line import KINDS, FaultyLine
from host_tools.emulator.memory_plug import CAPACITY_BYTES, HostEnd, MemoryPlug
from host_tools.simulation.loop import VirtualLoop
from host_tools.transports.errors import LinkLost, PortMissing

T = TypeVar("T")
SENT = bytes(n * 31 & 255 for n in range(120_000))
RATE = 11_520


class PlugOfStream(MemoryStream):
    """A stream with the bell of a plug, which nobody here needs."""

    def want_write(self, wanted: bool) -> None:
        """See line.Plug."""


class Rig:
    """A faulty line on virtual time; ``far`` is its other end."""

    def __init__(self, seed: str = "7") -> None:
        self.now_s = 0.0
        self.wakes: list[float] = []
        near = PlugOfStream(1 << 20)
        self.far = MemoryStream(1 << 20)
        near.join(self.far)
        self.far.join(near)
        self.line = FaultyLine(near, seed, lambda: self.now_s, lambda delay_s: self.wakes.append(self.now_s + delay_s))

    def send(self, data: bytes, seconds: float = 60.0) -> bytes:
        """From the board, as it writes: what arrives at the far end in that time."""
        left, arrived, buffer = memoryview(data), bytearray(), bytearray(4_096)
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            if len(left):
                left = left[self.line.write(left[:1_000]) :]
            self.line.read_into(bytearray(1))
            while count := self.far.read_into(buffer):
                arrived += buffer[:count]
            self.now_s += 0.002
        return bytes(arrived)


def test_a_good_line_is_a_stream():
    def pair() -> tuple[FaultyLine, MemoryStream]:
        near, far = PlugOfStream(256), MemoryStream(256)
        near.join(far)
        far.join(near)
        return FaultyLine(near, "7", lambda: 0.0, lambda delay_s: None), far

    for case in stream_suite.CASES:
        case(pair)


@pytest.mark.req("EMU-04")
def test_each_fault_does_to_bytes_what_it_is_called():
    arrived: dict[str, bytes] = {}
    for kind in KINDS:
        rig = Rig()
        rig.line.set_fault(kind)
        if kind == "intermittent":
            rig.line.limit(len(SENT) // 4)
        arrived[kind] = rig.send(SENT, 5.0)
    assert arrived["off"] == b""
    assert arrived["stuck"] == b""
    assert arrived["delayed"] == SENT
    assert len(arrived["slow"]) == pytest.approx(5 * RATE, rel=0.05)
    assert SENT.startswith(arrived["slow"])
    assert len(arrived["torn"]) < len(SENT)
    assert len(arrived["bitflip"]) == len(SENT)
    assert 1 <= sum(a != b for a, b in zip(arrived["bitflip"], SENT, strict=True)) <= 20
    assert len(arrived["garbage"]) > len(SENT)
    assert len(arrived["duplicated"]) > 1.1 * len(SENT)
    assert sorted(arrived["reordered"]) == sorted(SENT)
    assert arrived["reordered"] != SENT
    assert 0 < len(arrived["intermittent"]) < len(SENT)


def test_the_same_seed_is_the_same_damage_and_another_is_another():
    def damage(seed: str) -> bytes:
        rig = Rig(seed)
        rig.line.set_fault("garbage")
        return rig.send(SENT, 3.0)

    assert damage("1") == damage("1")
    assert damage("1") != damage("2")


def test_what_is_under_way_arrives_after_the_fault_has_gone():
    rig = Rig()
    rig.line.set_fault("delayed")
    assert rig.send(b"before", 0.1) == b""
    rig.line.clear_fault("delayed")
    assert rig.send(b" after", 1.0) == b"before after"


def test_a_slow_lines_writer_gets_short_writes_and_is_told_when_to_try_again():
    rig = Rig()
    rig.line.limit(1_000)
    taken = rig.line.write(bytes(5_000))
    assert 0 < taken < 200
    assert rig.line.write(bytes(5_000)) == 0
    rig.wakes.clear()
    rig.line.want_write(True)
    assert rig.now_s < rig.wakes[-1] < 1
    rig.line.limit(None)
    assert len(rig.send(bytes(20_000), 2.0)) >= 20_000


def test_a_pulled_plug_forgets_what_was_under_way():
    rig = Rig()
    rig.line.set_fault("delayed")
    rig.send(b"lost", 0.1)
    rig.line.forget()
    assert rig.send(b"", 1.0) == b""


# -- the plug in memory


def on_loop(act: Callable[[], T], seconds: float = 0.01) -> T:
    """Call something on a loop of virtual time, and let some of it pass."""
    loop = VirtualLoop(lambda text: pytest.fail(text))

    async def acting() -> T:
        result = act()
        await asyncio.sleep(seconds)
        return result

    found: T = loop.run_until_complete(acting())
    loop.close()
    return found


class Collector:
    """A Receiver."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.error = ""
        self._room = bytearray(1_024)

    def space(self) -> memoryview:
        return memoryview(self._room)

    def filled(self, count_bytes: int) -> None:
        self.got += self._room[:count_bytes]

    def turn_over(self) -> None:
        pass

    def lost(self, error: LinkLost) -> None:
        self.error = str(error)


def test_a_plug_in_memory_carries_bytes_both_ways_and_hangs_up():
    woken: list[int] = []
    plug = MemoryPlug("dock-1", lambda: woken.append(1))
    collector = Collector()

    def talk() -> HostEnd:
        plug.put_in()
        plug.write(b"said before anybody listened")
        host = plug.open_host()
        host.start(collector)
        assert plug.write(b"hello") == 5
        assert host.write([b"who ", b"are you"]) == 11
        return host

    host = on_loop(talk)
    assert bytes(collector.got) == b"hello"
    buffer = bytearray(64)
    assert bytes(buffer[: plug.read_into(buffer)]) == b"who are you"
    assert (host.url, host.kind, host.nominal_bytes_per_s) == ("memory://dock-1", "usb-serial", None)
    on_loop(plug.pull_out)
    assert "plug it in again" in collector.error
    assert (plug.is_open(), plug.write(b"x"), host.write([b"x"])) == (False, 0, 0)
    with pytest.raises(PortMissing, match="nothing is plugged in"):
        plug.open_host()


def test_a_plug_in_memory_takes_no_more_than_it_holds_and_rings_when_there_is_room():
    woken: list[int] = []
    plug = MemoryPlug("dock-1", lambda: woken.append(1))

    def flood() -> None:
        plug.put_in()
        assert plug.write(bytes(2 * CAPACITY_BYTES)) == CAPACITY_BYTES
        assert plug.write(b"x") == 0
        plug.want_write(True)
        woken.clear()
        plug.open_host()

    on_loop(flood)
    assert woken, "opening throws away what came before"
