"""What faults of a reader do: see ``fault_shows``. The controller's own desk is at the reader, on the bench's time:
whatever a reader does, somebody's badge counts once or not at all, the desk says what is wrong with the reader, and it
works again by itself when the reader does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from host_tools.controller.happenings import Happenings
from host_tools.controller.readers import ReaderDesk, ReaderPlace, ReaderView
from host_tools.emulator.memory_bus import MemoryBus
from host_tools.emulator.reader_faults import SLOW_S
from host_tools.readers.tags import Tag
from host_tools.simulation.emulated import BenchReaders
from tests.unit.emulator.fault_shows import Show, show
from tests.unit.emulator.fault_shows_radio import ALL as SHOWS
from tests.unit.emulator.virtual import Bench

ALL: dict[tuple[str, str], Show] = SHOWS  # all parts
TWN4, LOW = "reader-1", "reader-2"  # one that answers; one that talks by itself, at 125 kHz
ADA, GRACE = "04A1B2C3D4E5F6", "04AA11BB22CC33"
LOW_ADA, LOW_GRACE = "0C000621A5", "0C00062222"
LATE_S = 17.0  # after which a reader that is well again is served again: it is asked in four forms, ten seconds apart


class Desk:
    """A controller's readers, without the rest of it. ``taps``: numbers, in hexadecimal."""

    def __init__(self, bench: Bench) -> None:
        self.taps: list[str] = []
        self.bench = bench
        self.states: list[str] = []
        assert isinstance(bench.bench.usb, MemoryBus)
        assert {port.serial for port in bench.finder.look()} == {"DOCK-0001", "CAM-0001"}, "a reader is no board"
        named = ReaderPlace(f"ascii125k://memory%3A%2F%2F{LOW}")
        self._desk = ReaderDesk(
            BenchReaders(bench.bench.usb, [named]), bench.finder.registry(), self._now_ms, self._told(), self._tapped
        )
        self._task = bench.do(lambda: asyncio.get_running_loop().create_task(self._desk.run()))
        bench.wait(lambda: self.view(TWN4) is not None and not self._desk.problems(), 5)

    def close(self) -> None:
        """The controller ends."""

        async def closing() -> None:
            self._task.cancel()
            await asyncio.wait({self._task})

        self.bench.loop.run_until_complete(closing())

    def view(self, reader: str) -> ReaderView | None:
        """What status shows of it, once it has been ready."""
        return next((each for each in self._desk.views.values() if reader in each.url and each.model), None)

    def state(self, reader: str = TWN4) -> str:
        """As status has it; empty where it is not plugged in."""
        return next((each.state for each in self._desk.views.values() if reader in each.url), "")

    def problem(self, reader: str = TWN4) -> str:
        """The line of what is wrong with it."""
        return next((text for name, text in self._desk.problems().items() if reader in name), "")

    def tap(self, uid: str, reader: str = TWN4, seconds: float = 0.6) -> list[str]:
        """Somebody holds a badge to it; whose badges were heard until five seconds later."""
        before = len(self.taps)
        self.bench.do(lambda: self.bench.bench.show_badge(reader, uid, seconds))
        self.bench.run(5)
        return self.taps[before:]

    def seconds_to(self, uid: str, reader: str) -> float:
        """From when a badge is held to it until it is heard."""
        before = len(self.taps)
        self.bench.do(lambda: self.bench.bench.show_badge(reader, uid))
        passed_s = self.bench.wait(lambda: len(self.taps) > before, 5)
        self.bench.run(5)
        return passed_s

    def _now_ms(self) -> int:
        return self.bench.loop.world.now_us // 1000

    def _told(self) -> Happenings:
        made = Happenings(self._now_ms)
        made.listen(self._hear)
        return made

    def _hear(self, event: dict[str, Any]) -> None:
        if TWN4 in event["url"]:
            self.states.append(event["state"])

    def _tapped(self, _view: ReaderView, tag: Tag) -> None:
        self.taps.append(tag.uid.hex().upper())


def at_the_desk(kind: str) -> Callable[[Callable[[Desk], None]], None]:
    """Register a show of a reader's fault: with a desk, a badge that is heard before, and one that is heard after
    ``ok``. LATE_S is for the desk to notice."""

    def keep(function: Callable[[Desk], None]) -> None:
        def shown(bench: Bench) -> None:
            desk = Desk(bench)
            try:
                assert desk.tap(ADA) == [ADA]
                function(desk)
                for reader in (TWN4, LOW):
                    bench.inject(reader, "reader", "ok")
                bench.wait(lambda: (desk.state(), desk.problem(), desk.problem(LOW)) == ("ready", "", ""), LATE_S)
                bench.run(3)  # a badge that lay there has been away for long enough to be another tap
                assert (desk.tap(GRACE), desk.tap(LOW_GRACE, LOW)) == ([GRACE], [LOW_GRACE])
                assert bench.bench.state()["readers"][TWN4]["lamps"]["green"]
            finally:
                desk.close()

        show("reader", kind)(shown)

    return keep


def broken(desk: Desk, kind: str, readers: Iterable[str] = (TWN4, LOW)) -> None:
    """Both have it."""
    for reader in readers:
        desk.bench.inject(reader, "reader", kind)


@at_the_desk("off")
def reader_off(desk: Desk) -> None:
    broken(desk, "off")
    desk.bench.wait(lambda: desk.state() == "lost", 5)
    assert "does not answer; unplug it and plug it in again" in desk.problem()
    assert (desk.tap(ADA), desk.tap(LOW_ADA, LOW)) == ([], [])
    assert desk.state(LOW) == "ready", "one that only talks, and says nothing, is as one without a badge"


@at_the_desk("stuck")
def reader_stuck(desk: Desk) -> None:
    broken(desk, "stuck")
    assert (desk.tap(ADA), desk.tap(LOW_ADA, LOW)) == ([ADA], [LOW_ADA]), "a badge that lies there is one tap"
    desk.bench.run(60)
    assert desk.taps[-2:] == [ADA, LOW_ADA]
    assert len(desk.taps) == 3, "and no other for as long as it lies there"
    desk.bench.do(lambda: desk.bench.bench.plug_reader(TWN4, False))
    desk.bench.run(5)
    desk.bench.do(lambda: desk.bench.bench.plug_reader(TWN4, True))
    desk.bench.wait(lambda: desk.taps[3:] == [ADA], LATE_S)  # whoever opens the reader now finds it in its field
    assert desk.tap(GRACE) == [GRACE], "somebody else is heard"


@at_the_desk("garbage")
def reader_garbage(desk: Desk) -> None:
    broken(desk, "garbage")
    desk.bench.wait(lambda: desk.state() != "ready", 10)
    assert desk.problem().count("\n") == 0
    assert "memory" in desk.problem(), "it is named"
    assert (desk.tap(ADA), desk.tap(LOW_ADA, LOW)) == ([], [])
    desk.bench.run(120)
    assert desk.taps == [ADA], "noise is nobody's badge"


@at_the_desk("wrong")
def reader_wrong(desk: Desk) -> None:
    broken(desk, "wrong")
    turned = bytes(reversed(bytes.fromhex(ADA))).hex().upper()
    low_turned = bytes(reversed(bytes.fromhex(LOW_ADA))).hex().upper()
    assert (desk.tap(ADA), desk.tap(LOW_ADA, LOW)) == ([turned], [low_turned]), "it is believed: the system asks whose"


@at_the_desk("slow")
def reader_slow(desk: Desk) -> None:
    broken(desk, "slow")
    for uid, reader in ((ADA, TWN4), (LOW_ADA, LOW)) * 3:
        assert SLOW_S <= desk.seconds_to(uid, reader) < 2 * SLOW_S + 0.2
    assert (desk.state(), desk.problem()) == ("ready", "")
    broken(desk, "ok")
    assert max(desk.seconds_to(GRACE, TWN4), desk.seconds_to(LOW_GRACE, LOW)) < 0.2


@at_the_desk("intermittent")
def reader_intermittent(desk: Desk) -> None:
    broken(desk, "intermittent")
    for _ in range(5):
        assert desk.tap(ADA, seconds=2) == [ADA], "held for two seconds it is felt, and is one tap"
        assert desk.tap(LOW_ADA, LOW, seconds=2) == [LOW_ADA]


@at_the_desk("bitflip")
def reader_bitflip(desk: Desk) -> None:
    broken(desk, "bitflip")
    for _ in range(10):
        assert desk.tap(LOW_ADA, LOW, seconds=2) == [LOW_ADA], "its frames have a check"
    desk.bench.inject(TWN4, "reader", "ok")
    desk.bench.run(LATE_S)


@at_the_desk("duplicated")
def reader_duplicated(desk: Desk) -> None:
    broken(desk, "duplicated")
    for _ in range(3):
        assert (desk.tap(ADA), desk.tap(LOW_ADA, LOW)) == ([ADA], [LOW_ADA])
    assert desk.problem() == ""


@at_the_desk("brownout")
def reader_brownout(desk: Desk) -> None:
    desk.states.clear()
    broken(desk, "brownout")
    assert not desk.bench.bench.readers[TWN4].plug.is_open()
    desk.bench.run(10)
    assert desk.states[-1] == "ready"
    assert desk.states[0] in ("unplugged", "lost")
    assert desk.bench.bench.faults.active() == [], "it is over by itself"


@at_the_desk("unplug")
def reader_unplug(desk: Desk) -> None:
    broken(desk, "unplug")
    desk.bench.wait(lambda: desk.state() == "", 5)
    desk.bench.wait(lambda: desk.state(LOW) == "lost", 5)
    assert f"{LOW} is gone" in desk.problem(LOW)
    assert desk.tap(ADA) == []
