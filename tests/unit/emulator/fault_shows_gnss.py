"""What faults of the satellite receiver do: see ``fault_shows``. Whatever it does, a camera records, and notes only
what the receiver has said."""

from __future__ import annotations

from firmware.camera.location import Location
from firmware.formats import canonical
from firmware.formats.track import DEGREE
from host_tools.emulator.models.gnss import WRONG_M, Said
from tests.unit.emulator.fault_shows import Show, show
from tests.unit.emulator.fault_shows_dock import ALL as SHOWS
from tests.unit.emulator.virtual import Bench

ALL: dict[tuple[str, str], Show] = SHOWS  # all parts


def recording(bench: Bench) -> Location:
    """Camera-2 notes places and has the first."""
    settings = {"profile": "street", "settings": canonical.encode({"location": "recording"})}
    bench.do(lambda: bench.app().behaviour.handlers()["configure"](settings))
    bench.press()
    location = bench.app().location
    bench.wait(lambda: location.newest is not None, 15)
    return location


def heard(bench: Bench) -> list[Said]:
    """What the receiver of camera-2 has said."""
    receiver = bench.camera().gnss
    assert receiver is not None
    return list(receiver.line.heard)


def noted_in(bench: Bench, location: Location, seconds: float) -> set[int]:
    """The receiver's times of the places that are noted meanwhile."""
    found: set[int] = set()
    for _ in range(round(seconds * 10)):
        bench.run(0.1)
        found |= {location.newest.unix_ms} if location.newest is not None else set()
    return found


@show("gnss", "off")
def gnss_off(bench: Bench) -> None:
    location = recording(bench)
    bench.inject("camera-2", "gnss", "off")
    bench.run(1)
    assert len(noted_in(bench, location, 5)) == 1, "the last one before, and no other"
    bench.inject("camera-2", "gnss", "ok")
    assert len(noted_in(bench, location, 5)) > 3
    bench.press(4.0)
    bench.wait(lambda: bench.app().state == "ready")
    assert bench.app().last_outcome is not None


@show("gnss", "stuck")
def gnss_stuck(bench: Bench) -> None:
    location = recording(bench)
    bench.inject("camera-2", "gnss", "stuck")
    bench.run(2)
    sentences = location.reader.sentences
    assert len(noted_in(bench, location, 5)) == 1, "an instant is told once"
    assert location.reader.sentences > sentences, "though it talks"
    bench.inject("camera-2", "gnss", "ok")
    assert len(noted_in(bench, location, 5)) > 3


@show("gnss", "garbage")
def gnss_garbage(bench: Bench) -> None:
    location = recording(bench)
    bench.inject("camera-2", "gnss", "garbage")
    bench.run(1)
    before = location.reader.garbage, location.reader.sentences
    assert len(noted_in(bench, location, 5)) == 1
    assert location.reader.garbage > before[0] + 5
    assert location.reader.sentences <= before[1] + 1, "at most what was under way"
    assert bench.app().state == "recording"
    bench.inject("camera-2", "gnss", "ok")
    assert len(noted_in(bench, location, 5)) > 3


@show("gnss", "wrong")
def gnss_wrong(bench: Bench) -> None:
    location = recording(bench)
    assert location.newest is not None
    right = location.newest.latitude / DEGREE
    bench.inject("camera-2", "gnss", "wrong")
    bench.run(3)
    said = [each.fix for each in heard(bench) if each.unix_ms == location.newest.unix_ms]
    assert said[0] is not None
    assert abs(location.newest.latitude / DEGREE - said[0][0]) < 2e-7, "it notes what it is told"
    assert (location.newest.latitude / DEGREE - right) * 111_195 > WRONG_M / 2
    bench.inject("camera-2", "gnss", "ok")
    bench.run(3)
    assert abs(location.newest.latitude / DEGREE - right) * 111_195 < 50


@show("gnss", "slow")
def gnss_slow(bench: Bench) -> None:
    location = recording(bench)
    bench.inject("camera-2", "gnss", "slow")
    bench.run(1)
    assert len(noted_in(bench, location, 30)) <= 4
    bench.inject("camera-2", "gnss", "ok")
    assert len(noted_in(bench, location, 5)) > 3


@show("gnss", "intermittent")
def gnss_intermittent(bench: Bench) -> None:
    location = recording(bench)
    bench.inject("camera-2", "gnss", "intermittent")
    noted = noted_in(bench, location, 60)
    fixes = {each.unix_ms for each in heard(bench) if each.fix is not None}
    assert 5 < len(noted) < 50
    assert noted <= fixes, "no place without a fix"
    bench.inject("camera-2", "gnss", "ok")
    bench.run(5)
    assert len(noted_in(bench, location, 5)) > 3
