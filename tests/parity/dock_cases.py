"""The dock application with simulated ports and a real host session: one journey, told alike by either interpreter.

Portable.
"""

from binascii import crc32

from firmware.dock import states
from firmware.link import schema
from firmware.ports.lossy_stream import LossyStream
from tests.unit.dock.portable import BOARD, LOAD_SHUNT_UV, DockBench, journey

DOCKED_MS = 1500  # settling, checking, measuring the load


def a_camera_comes_is_charged_and_goes():
    story = journey()
    assert {"2 docked", "2 free"} <= set(story), story
    return str(story)


def all_bays_are_used_at_once():
    bench = DockBench()
    bench.open()
    bench.world.load_uv = LOAD_SHUNT_UV
    for bay in BOARD["bays"]:
        bench.insert(bay)
        bench.run(40)
    bench.run(DOCKED_MS)
    _, answer = bench.ask("get_bays")
    assert [entry["state"] for entry in answer["entries"]] == [states.DOCKED] * len(BOARD["bays"])
    assert len(bench.pushed("contacts")) == len(BOARD["bays"])
    return rows_of(answer["entries"])


def what_cannot_be_done_is_refused():
    bench = DockBench()
    bench.open()
    answers = []
    for name, fields in (
        ("set_lamp", {"bay": 8, "pattern": 1}),
        ("set_lamp", {"bay": 0, "pattern": 1}),
        ("set_lamp", {"bay": 1, "pattern": 15}),
        ("set_bay_power", {"bay": 1, "powered": True}),
        ("check_contacts", {"bay": 1}),
        ("get_camera", {}),
    ):
        answer, fields = bench.ask(name, fields)
        assert answer == "error", (name, answer)
        answers.append((name, fields["code"], fields["text"]))
    return str(answers)


def a_controller_that_goes_leaves_power_and_lamps_as_they_should_be():
    bench = DockBench()
    bench.open()
    bench.insert(1)
    bench.run(DOCKED_MS)
    assert bench.ask("set_lamp", {"bay": 1, "pattern": 5})[0] == "done"
    assert bench.ask("set_bay_power", {"bay": 1, "powered": False})[0] == "done"
    bench.host_end.unplug()
    bench.run(DOCKED_MS)
    bench.host_end.plug()
    bench.run(20)
    bench.open()
    _, answer = bench.ask("get_bays")
    assert answer["entries"][0]["powered"]
    return rows_of(answer["entries"])


def a_bad_cable_only_makes_it_slower():
    bench = DockBench()
    damage = LossyStream(bench.host_end, 3, drop_ppm=8000, flip_ppm=8000)
    bench.host_end = damage
    bench.open()
    bench.run(1000)
    bench.insert(3)
    bench.run(6000)
    states_told = [row["state"] for fields in bench.pushed("bay_changed") for row in fields["entries"]]
    assert states_told[-1] == states.DOCKED, states_told
    assert damage.dropped + damage.flipped > 0
    return str(states_told)


def rows_of(entries):
    """Records as text without regard to the order in which an interpreter keeps a dict."""
    text = str([sorted(entry.items()) for entry in entries])
    words = " ".join(schema.word_of(schema.BAY_STATES, entry["state"]) for entry in entries)
    return "%s %08x" % (words, crc32(text.encode()))


CASES = tuple(
    (function.__name__, function)
    for function in (
        a_camera_comes_is_charged_and_goes,
        all_bays_are_used_at_once,
        what_cannot_be_done_is_refused,
        a_controller_that_goes_leaves_power_and_lamps_as_they_should_be,
        a_bad_cable_only_makes_it_slower,
    )
)
