"""What faults of the radio do: see ``fault_shows``. A camera that hears nothing, or noise, still records on its button.

Camera-2 is called by a colleague's camera that stands beside it. Who called, and whether it was heard, is the
firmware's own word.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from firmware.secure.broadcast import Call, encode, sender_of
from host_tools.emulator.air import LATE_S
from tests.unit.emulator.fault_shows import Show, set_noon, show
from tests.unit.emulator.fault_shows_gnss import ALL as SHOWS
from tests.unit.emulator.virtual import Bench

ALL: dict[tuple[str, str], Show] = SHOWS  # all parts
KEY, NUMBER = bytes(range(32)), 1
CALL_S = 5.0
BESIDE, ACROSS_THE_STREET = 2.0, 40.0
TURNS = itertools.count(1)


def ready_to_hear(bench: Bench) -> None:
    """Camera-2 knows the time and the system's key, and listens."""
    set_noon(bench)
    app = bench.app()
    bench.do(lambda: app.behaviour.keep("night", {"broadcast_receive": True, "broadcast_send": "high"}))
    bench.do(lambda: app.broadcasts.handlers()["set_broadcast_key"]({"number": NUMBER, "key": KEY}))
    bench.do(bench.camera().emulated.wake)
    bench.run(1)


def call(bench: Bench, away_m: float = BESIDE, seconds: float = CALL_S, late_s: int = 0) -> None:
    """A colleague's camera so far away begins to record, and calls; ``late_s``: how slow its clock is."""
    ports = bench.camera().emulated.ports
    assert ports is not None
    spot = bench.camera().spot
    unix_s = ports.clock.wall().unix_ms // 1000 - late_s
    message = Call("high", 4, sender_of("CAM-0009"), unix_s, next(TURNS))
    caller = bench.bench.air.radio(lambda: (spot[0] + away_m, spot[1]), lambda: None)
    bench.do(lambda: caller.broadcast(encode(message, NUMBER, KEY), 4))
    bench.run(seconds)
    bench.do(lambda: bench.bench.air.remove(caller))


def ignored(bench: Bench) -> dict[str, int]:
    """What camera-2 heard that was no call, by the word why."""
    return dict(bench.app().broadcasts.ignored)


def hears_again(bench: Bench, after_s: float = 1.0) -> None:
    """The fault is healed: a call begins a recording."""
    bench.inject("camera-2", "radio", "ok")
    bench.run(after_s)
    call(bench)
    assert bench.app().state == "recording"


@show("radio", "off")
def radio_off(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "off")
    bench.run(1)
    assert bench.app().broadcasts.reason == "the radio does not answer"
    call(bench)
    assert (bench.app().state, ignored(bench)) == ("ready", {})
    hears_again(bench, after_s=11.0)  # it is tried again every ten seconds
    assert bench.app().broadcasts.reason == ""


@show("radio", "stuck")
def radio_stuck(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "stuck")
    call(bench)
    assert (bench.app().state, bench.app().broadcasts.reason) == ("ready", "")
    assert ignored(bench) == {}
    hears_again(bench)


@show("radio", "garbage")
def radio_garbage(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "garbage")
    call(bench)
    assert bench.app().state == "ready"
    assert ignored(bench).keys() <= {"malformed", "strange", "forged"}
    assert sum(ignored(bench).values()) >= 3, "a repetition a second"
    hears_again(bench)


@show("radio", "wrong")
def radio_wrong(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "wrong")
    call(bench, ACROSS_THE_STREET)
    assert bench.app().state == "ready"
    bench.inject("camera-2", "radio", "ok")
    call(bench, ACROSS_THE_STREET)
    assert bench.app().state == "recording"


@show("radio", "delayed")
def radio_delayed(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "delayed")
    call(bench)
    assert ignored(bench) == {}
    bench.run(LATE_S)
    assert bench.app().state == "ready"
    assert ignored(bench).keys() == {"late"}
    hears_again(bench)


@show("radio", "intermittent")
def radio_intermittent(bench: Bench) -> None:
    ready_to_hear(bench)
    ear = bench.bench.air.radio(lambda: bench.camera().spot, lambda: None, bench.camera().radio_faults)
    bench.do(lambda: ear.listen(True))
    bench.inject("camera-2", "radio", "intermittent")
    call(bench, seconds=50.0)
    loose = count(ear.receive)
    bench.inject("camera-2", "radio", "ok")
    call(bench, seconds=50.0)
    good = count(ear.receive)
    assert 12 < loose < 38, "it waits for a second until it tells of another, and then for one frame in ten"
    assert good > 43, "one a second"


@show("radio", "duplicated")
def radio_duplicated(bench: Bench) -> None:
    ready_to_hear(bench)
    bench.inject("camera-2", "radio", "duplicated")
    call(bench, late_s=60)
    twice = ignored(bench)["late"]
    bench.inject("camera-2", "radio", "ok")
    call(bench, late_s=60)
    once = ignored(bench)["late"] - twice
    assert 4 <= once <= 6, "a repetition a second"
    assert twice in (8, 10, 12)
    hears_again(bench)


def count(receive: Callable[[], object | None]) -> int:
    """How much waits there, until nothing does."""

    found = 0
    while receive() is not None:
        found += 1
    return found
