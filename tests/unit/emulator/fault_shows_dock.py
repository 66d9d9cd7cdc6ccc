"""Shows, the second part: contacts, converters, links and the USB bus. See fault_shows."""

from __future__ import annotations

import itertools

from firmware.version import VERSION
from host_tools.emulator.fault_effects import OLDER_VERSION
from host_tools.emulator.memory_bus import MemoryBus
from host_tools.protocol.connection import Connection
from tests.unit.emulator.fault_shows import SHOWS, Show, reseat, show
from tests.unit.emulator.virtual import Bench

ASKS_MAX = 3_000
ALL: dict[tuple[str, str], Show] = SHOWS  # both parts

# -- firmware, of either kind of board


@show("firmware", "wrong")
def firmware_wrong(bench: Bench) -> None:
    for kind, version in (("wrong", OLDER_VERSION), ("ok", VERSION)):
        bench.inject("dock-1", "firmware", kind)
        bench.run(1)
        connection = bench.connect()
        assert bench.ask(connection)[0]["firmware"] == version
        bench.do(connection.close)


# -- contacts


@show("contact", "off")
def contact_off(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "off", 1)
    bench.wait(lambda: bench.bay() == "free", 2)
    bench.wait(lambda: "CAM-0001" not in serials(bench), 2)
    bench.inject("dock-1", "contact", "ok", 1)
    bench.wait(lambda: bench.bay() == "docked" and "CAM-0001" in serials(bench), 5)


@show("contact", "stuck")
def contact_stuck(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "stuck", 3)
    bench.wait(lambda: bench.bay(3) not in ("free", "settling"), 5)
    bench.inject("dock-1", "contact", "ok", 3)
    bench.wait(lambda: bench.bay(3) == "free", 5)


@show("contact", "wrong")
def contact_wrong(bench: Bench) -> None:
    camera = bench.camera(1)
    assert camera.contacts is not None
    bench.wait(lambda: camera.contacts is not None and camera.contacts.current_ua() > 300_000)
    good_uv, good_c = camera.supply_uv(), camera.contacts.contact_c()
    bench.inject("camera-1", "contact", "wrong")
    bench.run(60)
    assert camera.supply_uv() < good_uv - 100_000
    assert camera.contacts.contact_c() > good_c + 5
    bench.inject("camera-1", "contact", "ok")
    bench.run(120)
    assert camera.supply_uv() > good_uv - 30_000


@show("contact", "garbage")
def contact_garbage(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "garbage", 3)
    bench.do(lambda: bench.bench.put_in("camera-2", "dock-1", 3))
    bench.wait(lambda: bench.bay(3) == "fault", 5)
    assert not bench.camera().is_fed()
    bench.inject("dock-1", "contact", "ok")
    reseat(bench, "camera-2", 3)
    bench.wait(lambda: bench.bay(3) == "docked", 5)


@show("contact", "brownout")
def contact_brownout(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "brownout", 1)
    bench.wait(lambda: bench.bay() == "fault", 2)
    bench.inject("dock-1", "contact", "ok", 1)
    reseat(bench)
    bench.wait(lambda: bench.bay() == "docked", 5)


@show("contact", "intermittent")
def contact_intermittent(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "intermittent", 1)
    bench.wait(lambda: bench.bay() != "docked", 60)
    bench.inject("dock-1", "contact", "ok", 1)
    bench.wait(lambda: bench.bay() == "docked", 5)
    bench.run(30)
    assert bench.bay() == "docked"


@show("contact", "hot")
def contact_hot(bench: Bench) -> None:
    bench.inject("dock-1", "contact", "hot", 1)
    bench.wait(lambda: bench.bay() == "fault", 10)
    assert bench.bench.docks["dock-1"].bays[1].block_c() > 57
    bench.inject("dock-1", "contact", "ok", 1)
    bench.wait(lambda: bench.bay() == "docked", 60)


@show("contact", "delayed")
def contact_delayed(bench: Bench) -> None:
    def settled() -> int:
        reseat(bench)
        bench.wait(lambda: bench.bay() == "docked", 5)
        return bench.dock_app().bays[0].settle_ms()

    good = [settled() for _ in range(5)]
    bench.inject("dock-1", "contact", "delayed", 1)
    loose = [settled() for _ in range(5)]
    assert max(loose) > 2 * max(good), (good, loose)
    bench.inject("dock-1", "contact", "ok", 1)
    assert max(settled() for _ in range(5)) < max(loose)


# -- converters


@show("adc", "off")
def adc_off(bench: Bench) -> None:
    bench.inject("dock-1", "adc", "off", 1)
    bench.wait(lambda: bench.bay() == "fault", 2)
    bench.inject("dock-1", "adc", "ok", 1)
    bench.wait(lambda: bench.bay() == "docked", 5)


@show("adc", "stuck")
def adc_stuck(bench: Bench) -> None:
    bench.inject("dock-1", "adc", "stuck")
    bench.run(1)
    bench.do(lambda: bench.bench.put_in("camera-2", "dock-1", 3))
    bench.run(5)
    assert bench.bay(3) == "free"
    bench.inject("dock-1", "adc", "ok")
    bench.wait(lambda: bench.bay(3) == "docked", 5)


@show("adc", "garbage")
def adc_garbage(bench: Bench) -> None:
    bench.inject("dock-1", "adc", "garbage", 1)
    bench.wait(lambda: bench.bay() != "docked", 5)
    bench.inject("dock-1", "adc", "ok", 1)
    bench.run(1)
    reseat(bench)
    bench.wait(lambda: bench.bay() == "docked", 5)


@show("adc", "wrong")
def adc_wrong(bench: Bench) -> None:
    bay = bench.dock_app().bays[0]
    good_uv = bay.supply_uv
    bench.inject("dock-1", "adc", "wrong", 1)
    bench.run(1)
    assert bay.supply_uv > 1.1 * good_uv
    bench.inject("dock-1", "adc", "ok", 1)
    bench.run(1)
    assert bay.supply_uv < 1.05 * good_uv


@show("adc", "intermittent")
def adc_intermittent(bench: Bench) -> None:
    bench.inject("dock-1", "adc", "intermittent", 1)
    bench.wait(lambda: bench.bay() != "docked", 5)
    bench.inject("dock-1", "adc", "ok", 1)
    bench.wait(lambda: bench.bay() == "docked", 5)


# -- links


def latency_s(bench: Bench, connection: Connection) -> float:
    """Of the slowest of some questions."""
    return max(bench.ask(connection)[1] for _ in range(4))


@show("link", "off")
def link_off(bench: Bench) -> None:
    loses_session(bench, "off")


@show("link", "stuck")
def link_stuck(bench: Bench) -> None:
    loses_session(bench, "stuck")


def loses_session(bench: Bench, kind: str) -> None:
    connection = bench.connect()
    bench.ask(connection)
    bench.inject("dock-1", "link", kind)
    bench.wait(connection.closed.done)
    assert "DOCK-0001" in serials(bench), "the port is still there"
    bench.inject("dock-1", "link", "ok")
    again = bench.connect()
    assert bench.ask(again)[0]["serial"] == "DOCK-0001"
    bench.do(again.close)


@show("link", "slow")
def link_slow(bench: Bench) -> None:
    slower(bench, "slow", 0.005, 0.004)


@show("link", "delayed")
def link_delayed(bench: Bench) -> None:
    slower(bench, "delayed", 0.8, 0.1)


def slower(bench: Bench, kind: str, at_least_s: float, good_s: float) -> None:
    connection = bench.connect()
    assert latency_s(bench, connection) < good_s
    bench.inject("dock-1", "link", kind)
    assert latency_s(bench, connection) >= at_least_s
    bench.inject("dock-1", "link", "ok")
    bench.run(3)
    assert latency_s(bench, connection) < good_s
    bench.do(connection.close)


@show("link", "intermittent")
def link_intermittent(bench: Bench) -> None:
    connection = bench.connect()
    bench.inject("dock-1", "link", "intermittent")
    assert max(bench.ask(connection)[1] for _ in range(40)) > 0.1, "answers wait for the line to come back"
    bench.inject("dock-1", "link", "ok")
    bench.run(5)
    assert latency_s(bench, connection) < 0.1
    bench.do(connection.close)


@show("link", "torn")
def link_torn(bench: Bench) -> None:
    damages(bench, "torn")


@show("link", "bitflip")
def link_bitflip(bench: Bench) -> None:
    damages(bench, "bitflip")


@show("link", "garbage")
def link_garbage(bench: Bench) -> None:
    damages(bench, "garbage")


def damages(bench: Bench, kind: str) -> None:
    """Frames are spoilt, the session bears it, and every question gets its answer."""
    connection = bench.connect()
    bench.inject("dock-1", "link", kind)
    asks = 0
    while not connection.health().bad_frames:
        assert bench.ask(connection)[0]["serial"] == "DOCK-0001"
        asks += 1
        assert asks < ASKS_MAX
    bench.inject("dock-1", "link", "ok")
    bench.run(5)
    before = connection.health().bad_frames
    for _ in range(asks // 4 + 10):
        bench.ask(connection)
    assert connection.health().bad_frames == before
    bench.do(connection.close)


@show("link", "duplicated")
def link_duplicated(bench: Bench) -> None:
    connection = bench.connect()
    good = bytes_of_asks(bench, connection)
    bench.inject("dock-1", "link", "duplicated")
    doubled = bytes_of_asks(bench, connection)
    bench.inject("dock-1", "link", "ok")
    assert doubled > 1.1 * good
    assert bytes_of_asks(bench, connection) < 1.05 * good
    bench.do(connection.close)


def bytes_of_asks(bench: Bench, connection: Connection) -> int:
    """That pass to the host while it asks forty times, each answered once."""
    tap = bench.do(lambda: bench.bench.tap("dock-1"))
    before = tap.bytes_to_host
    for _ in range(40):
        bench.ask(connection)
    return tap.bytes_to_host - before


@show("link", "reordered")
def link_reordered(bench: Bench) -> None:
    connection = bench.connect()
    bench.inject("dock-1", "link", "reordered")
    slow = [bench.ask(connection)[1] for _ in range(40)]
    assert max(slow) > 0.015
    bench.inject("dock-1", "link", "ok")
    bench.run(3)
    assert latency_s(bench, connection) < 0.01
    bench.do(connection.close)


@show("link", "unplug")
def link_unplug(bench: Bench) -> None:
    bench.inject("camera-1", "link", "unplug")
    assert serials(bench) == {"DOCK-0001"}
    assert (bench.app(1).is_docked(), bench.bay()) == (True, "docked"), "power stays"
    bench.inject("camera-1", "link", "ok")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)


# -- the USB bus


def serials(bench: Bench) -> set[str]:
    """What a controller would find."""
    return {port.serial for port in bench.finder.look()}


def bus(bench: Bench) -> MemoryBus:
    """The bench's."""
    assert isinstance(bench.bench.usb, MemoryBus)
    return bench.bench.usb


CAMERA_AT = "1-1.2.1"


@show("usb", "off")
def usb_off(bench: Bench) -> None:
    gone_and_back(bench, "off", "not-attached", 0)


@show("usb", "stuck")
def usb_stuck(bench: Bench) -> None:
    gone_and_back(bench, "stuck", "default", 0)


@show("usb", "brownout")
def usb_brownout(bench: Bench) -> None:
    gone_and_back(bench, "brownout", "not-attached", 4)


def gone_and_back(bench: Bench, kind: str, state: str, over_currents: int) -> None:
    bench.inject("camera-1", "usb", kind)
    bench.run(30)
    assert serials(bench) == {"DOCK-0001"}
    assert bus(bench).ports[CAMERA_AT] == (state, over_currents)
    bench.inject("camera-1", "usb", "ok")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)
    assert bus(bench).ports[CAMERA_AT].state == "configured"


@show("usb", "slow")
def usb_slow(bench: Bench) -> None:
    bench.inject("camera-1", "usb", "slow")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)
    assert bus(bench).devices[CAMERA_AT].speed_mbps == 12
    bench.inject("camera-1", "usb", "ok")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)
    assert bus(bench).devices[CAMERA_AT].speed_mbps == 480


@show("usb", "delayed")
def usb_delayed(bench: Bench) -> None:
    bench.inject("camera-1", "usb", "delayed")
    assert bench.wait(lambda: "CAM-0001" in serials(bench), 10) > 5
    bench.inject("camera-1", "usb", "ok")
    assert bench.wait(lambda: "CAM-0001" in serials(bench), 10) < 1


@show("usb", "intermittent")
def usb_intermittent(bench: Bench) -> None:
    bench.inject("camera-1", "usb", "intermittent")
    seen: list[bool] = []
    for _ in range(200):
        bench.run(0.1)
        seen.append("CAM-0001" in serials(bench))
    assert sum(first != second for first, second in itertools.pairwise(seen)) >= 6
    bench.inject("camera-1", "usb", "ok")
    bench.run(1)
    for _ in range(100):
        bench.run(0.1)
        assert "CAM-0001" in serials(bench)


@show("usb", "garbage")
def usb_garbage(bench: Bench) -> None:
    bench.inject("camera-1", "usb", "garbage")
    bench.wait(lambda: CAMERA_AT in bus(bench).devices, 2)
    assert bus(bench).devices[CAMERA_AT].identity.serial == ""
    bench.inject("camera-1", "usb", "ok")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)


@show("usb", "wrong")
def usb_wrong(bench: Bench) -> None:
    bench.inject("camera-1", "usb", "wrong")
    bench.wait(lambda: CAMERA_AT in bus(bench).devices, 2)
    assert serials(bench) == {"DOCK-0001"}, "a device without an interface has no port"
    assert bus(bench).ports[CAMERA_AT].state == "addressed"
    bench.inject("camera-1", "usb", "ok")
    bench.wait(lambda: "CAM-0001" in serials(bench), 2)
