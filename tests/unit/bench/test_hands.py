"""Hands of a bench of real boards: commands, switches, URLs, a bay of a dock, a person; and what none can do."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from host_tools.bench.board_hands import OFF_S, BoardHands
from host_tools.bench.errors import HandsFailed, Unsupported
from host_tools.bench.hands import Person
from host_tools.bench.scenario_parts import Bench
from tests.unit.bench.parts import BENCH, Desk, swapped

NOTE = f'{sys.executable} -c \\"import sys; open(sys.argv[1], chr(97)).write(sys.argv[2])\\"'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def hands(desk: Desk, part: str = "", person: Person | None = None, text: str = BENCH) -> BoardHands:
    """Of a bench with that [hands] table."""
    return BoardHands(desk.bench(text + (f"\n[hands]\n{part}\n" if part else "")), person, desk.root / "log")


def somebody(*answers: str) -> tuple[Person, io.StringIO]:
    """A person who answers that, and what is asked of them."""
    told = io.StringIO()
    return Person(io.StringIO("".join(answer + "\n" for answer in answers)), told), told


def test_a_command_is_filled_in_and_run_without_a_shell(desk: Desk):
    target = desk.root / "done; rm x"
    note = NOTE + f" '{target}' "
    part = f'dock = "{note} {{board}}/{{serial}}/{{dock}}/{{bay}}"\nundock = "{note} -{{board}}"\nperson = false'
    made = hands(desk, part)
    made.put_in("camera-2", "dock-1", 7)
    assert target.read_text() == "camera-2/CAM-2/dock-1/7"
    made.tidy()
    made.tidy()
    assert target.read_text() == "camera-2/CAM-2/dock-1/7-camera-2", "what was docked is taken out, once"
    assert "camera-2/CAM-2/dock-1/7" in (desk.root / "log").read_text()
    assert made.can_dock(desk.bench().find("camera-2"))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("false", "false: ended with 1 (said nothing)"),
        ("/nowhere/arm", "/nowhere/arm: cannot be run (No such file or directory); correct the bench file"),
        (f"{sys.executable} -c 'raise SystemExit(chr(110)+chr(111))'", "(no)"),
    ],
)
def test_a_command_that_fails_is_one_line(desk: Desk, command: str, told: str):
    with pytest.raises(HandsFailed) as caught:
        hands(desk, f'press = "{command}"').press("camera-1", "record", 0.2)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_camera_that_stays_in_its_bay_is_docked_by_its_switch(desk: Desk):
    target = desk.root / "power"
    text = swapped('on = "true", off = "true"', f"on = \"{NOTE} '{target}' 1\", off = \"{NOTE} '{target}' 0\"")
    made = hands(desk, "person = false", text=text)
    made.put_in("camera-1", "dock-1", 1)
    made.take_out("camera-1")
    assert target.read_text() == "10"
    with pytest.raises(Unsupported, match="camera-1 stays in bay 1, not 3; a scenario asks for its bay: `bay`"):
        made.put_in("camera-1", "dock-1", 3)
    with pytest.raises(Unsupported, match="no way to do this, and nobody is at a terminal"):
        made.put_in("camera-2", "dock-1", 3)
    assert made.features == frozenset()


def test_a_bay_of_a_dock_is_a_switch_while_a_controller_runs(desk: Desk):
    switched: list[tuple[str, int, bool]] = []
    made = hands(desk, text=swapped('on = "true", off = "true"', 'dock = "dock-1", bay = 1'))
    with pytest.raises(
        HandsFailed, match="camera-1 is switched by dock-1, through its controller, and none is running"
    ):
        made.put_in("camera-1", "dock-1", 1)
    made.bay_power = lambda dock, bay, on: switched.append((dock, bay, on))
    made.put_in("camera-1", "dock-1", 1)
    made.take_out("camera-1")
    assert switched == [("DOCK-1", 1, True), ("DOCK-1", 1, False)]


class Relay(BaseHTTPRequestHandler):
    """A power switch on a network; what is asked of it is kept by its server."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # pyright: ignore[reportAttributeAccessIssue]
        self.send_response(500 if "broken" in self.path else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def relay() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Relay) as server:
        server.asked = []  # pyright: ignore[reportAttributeAccessIssue]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_url_is_a_switch(desk: Desk, relay: HTTPServer):
    base = f"http://127.0.0.1:{relay.server_port}"
    text = swapped('on = "true", off = "true"', f'on_url = "{base}/relay/0?turn=on", off_url = "{base}/broken"')
    made = hands(desk, text=text)
    made.put_in("camera-1", "dock-1", 1)
    assert relay.asked == ["/relay/0?turn=on"]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(HandsFailed, match="/broken: the power switch does not do it"):
        made.take_out("camera-1")


def test_a_person_does_what_nothing_else_can(desk: Desk):
    person, told = somebody("", "", "", "n", "x")
    made = hands(desk, person=person)
    assert {"any-bay", "press", "power"} <= made.features
    assert not {"look", "slow-link", "truth"} & made.features
    made.put_in("camera-2", "dock-1", 4)
    made.press("camera-2", "record", 3.3)
    assert made.shows("camera-2", {"green": True, "red": False}, steady_s=0.3)
    assert not made.shows("camera-2", {"green": False, "red": False})
    with pytest.raises(HandsFailed, match="the person at the bench could not do it: Switch camera-2"):
        made.set_power("camera-2", False)
    asked = told.getvalue()
    assert ">>> Put camera-2 (CAM-2) into bay 4 of dock-1, then press Enter" in asked
    assert ">>> Hold for 3 s the record button of camera-2" in asked
    assert ">>> camera-2 shows a steady green lamp: press Enter as soon as it does" in asked
    with pytest.raises(HandsFailed, match="nobody is there to be asked"):
        made.take_out("camera-2")


def test_lamps_are_read_by_a_command(desk: Desk):
    made = hands(desk, 'look = "echo green"')
    assert made.lamps("camera-1") == {"green": True, "red": False}
    assert made.shows("camera-1", {"green": True, "red": False}, steady_s=0.01)
    assert not made.shows("camera-1", {"green": False, "red": True})
    with pytest.raises(Unsupported, match="nothing on bench lab sees the lamps of camera-1"):
        hands(desk).lamps("camera-1")


def test_a_link_is_made_slow_and_fast_again(desk: Desk):
    target = desk.root / "rate"
    note = NOTE + f" '{target}' "
    made = hands(desk, f'slow = "{note} {{bytes_per_s}}"\nfast = "{note} !"')
    made.limit_link("camera-1", None)
    made.limit_link("camera-1", 500)
    made.tidy()
    made.tidy()
    assert target.read_text() == "500!"
    with pytest.raises(Unsupported, match="nothing on bench lab makes a link slow"):
        hands(desk).limit_link("camera-1", 500)


@pytest.mark.req("HIL-01")
def test_what_a_real_board_cannot_do_is_unsupported_and_never_nothing(desk: Desk):
    person, told = somebody("")
    made = hands(desk, person=person)
    for component, fault in (("card", "torn"), ("power", "torn"), ("usb", "unplug")):
        with pytest.raises(
            Unsupported, match=f"{component} {fault} cannot be done to camera-1, a real board; possible: "
        ):
            made.inject("camera-1", component, fault, 0)
    made.inject("camera-2", "power", "off", 0)
    assert "Switch camera-2 (CAM-2) off" in told.getvalue()
    with pytest.raises(Unsupported, match="use the trace"):
        made.served("camera-1")
    assert (made.truths("CAM-1"), made.crashes()) == ([], [])


@pytest.mark.req("HIL-01")
def test_a_cell_is_put_in_by_a_command_and_its_own_comes_back_when_all_is_tidy(desk: Desk):
    target = desk.root / "cells"
    made = hands(desk, f"cell = \"{NOTE} '{target}' '{{board}} {{percent}};'\"\nperson = false")
    assert "cell" in made.features
    made.put_cell("camera-2", 3)
    made.put_cell("camera-2", 12.5)
    made.tidy()
    made.tidy()
    assert target.read_text() == "camera-2 3;camera-2 12.5;camera-2 85.0;", "as others expect it, once"


def test_a_cell_that_could_not_be_put_back_is_tried_again(desk: Desk):
    made = hands(desk, f'cell = "test -e {desk.root}/cells"\nperson = false')
    (desk.root / "cells").touch()
    made.put_cell("camera-1", 3)
    (desk.root / "cells").unlink()
    for _ in range(2):
        with pytest.raises(HandsFailed, match="cells: ended with 1"):
            made.tidy()
    (desk.root / "cells").touch()
    made.tidy()


def test_a_person_puts_a_cell_in_and_nobody_is_unsupported(desk: Desk):
    person, told = somebody("", "")
    made = hands(desk, person=person)
    assert "cell" in made.features
    made.put_cell("camera-1", 3)
    made.tidy()
    assert ">>> Put a cell that is charged to 3 % into camera-1 (CAM-1), then press Enter" in told.getvalue()
    assert ">>> Put a cell that is charged to 85 % into camera-1 (CAM-1)" in told.getvalue()
    alone = hands(desk, "person = false")
    assert "cell" not in alone.features
    with pytest.raises(Unsupported, match="bench lab has no way to do this, and nobody is at a terminal"):
        alone.put_cell("camera-1", 3)
    alone.tidy()


@pytest.mark.req("HIL-01")
def test_hours_pass_where_the_bench_lets_them_and_are_unsupported_elsewhere(desk: Desk):
    waited_s: list[float] = []
    text = swapped('name = "lab"', 'name = "lab"\nfeatures = ["hours"]')
    made = BoardHands(desk.bench(text), None, desk.root / "log", waited_s.append)
    made.let_stand("camera-1", 10)
    assert waited_s == [36_000]
    assert "camera-1 stands for 10 h" in (desk.root / "log").read_text()
    short = BoardHands(desk.bench(), None, None, waited_s.append)
    with pytest.raises(Unsupported, match="bench lab lets no scenario last for 10 h; `hours` in its features does"):
        short.let_stand("camera-1", 10)
    assert waited_s == [36_000]


def test_a_reset_leaves_the_board_without_power_long_enough(desk: Desk):
    person, told = somebody("", "")
    waited_s: list[float] = []
    BoardHands(desk.bench(), person, None, waited_s.append).inject("camera-2", "power", "brownout", 0)
    assert waited_s == [OFF_S]
    off, on = told.getvalue().index("Switch camera-2 (CAM-2) off"), told.getvalue().index("Switch camera-2 (CAM-2) on")
    assert off < on


CAMERA = """
import sys
lamp, hold_s = sys.argv[1], float(sys.argv[2])
open(lamp, "w").write("green" if hold_s > 3 else "red")
"""


def test_where_nobody_knows_the_bits_the_hands_know_how_long_it_was(desk: Desk):
    (desk.root / "camera.py").write_text(CAMERA)
    lamp = desk.root / "lamp"
    lamp.write_text("green")
    press = f'press = "{sys.executable} {desk.root}/camera.py {lamp} {{hold_s}}"'
    made = hands(desk, f'{press}\nlook = "cat {lamp}"\ndock = "true"\nperson = false')
    bench = Bench(made, {"camera-2": "CAM-2"}, {"dock-1": "DOCK-1"})
    camera = bench.camera(1)
    before_s = time.monotonic()
    bench.start_recording(camera)
    bench.let_pass(0.05)
    camera.stop_recording()
    took_ms = (time.monotonic() - before_s) * 1000
    camera.dock(3)
    (truth,) = camera.truths()
    low_ms, high_ms = truth["duration_ms"]
    assert truth["sha256"] is None
    assert 50 <= low_ms <= high_ms <= took_ms
    assert bench.used == [("CAM-2", "camera-2")]
