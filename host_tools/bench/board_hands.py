"""Hands for a bench of real boards: commands and power switches of its bench file, and a person for the rest.

Law: knows the bench file and no board. A command is run without a shell and has to end with 0; a switch that is a URL
is asked once. What neither a command, a switch nor a person can do is Unsupported.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host_tools.bench.bench_file import BenchFile, BoardPart, PowerSwitch
from host_tools.bench.commands import filled
from host_tools.bench.errors import HandsFailed, Unsupported
from host_tools.bench.hands import Lamps, Person, shows_steadily

COMMAND_LIMIT_S = 60.0  # a slow arm; hanging commands end the scenario, not the run
URL_LIMIT_S = 10.0
OWN_CELL_PERCENT = 85.0  # enough to be given to somebody, and room to be charged
OFF_S = 2.0  # between off and on again: until the capacitors of a board are empty
SAID_CHARACTERS_MAX = 300  # of a command that failed

BayPower = Callable[[str, int, bool], None]  # serial of the dock, bay, on


class BoardHands:
    """``person``: None where nobody is at a terminal. ``bay_power`` is set by whoever runs a controller; ``wait``: how
    seconds pass."""

    def __init__(
        self,
        bench: BenchFile,
        person: Person | None,
        log: Path | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.bay_power: BayPower | None = None
        self._bench = bench
        self._hands = bench.hands
        self._person = person if bench.hands.person else None
        self._log = log
        self._wait = wait
        self._docked: set[str] = set()
        self._slow: set[str] = set()
        self._cells: set[str] = set()  # cameras with a cell that is not as others expect it

    def find_docked(self, *cameras: str) -> None:
        """These were docked when the bench was found."""
        self._docked.update(cameras)

    def has_docked(self, camera: str) -> bool:
        """Whether it is in a bay, as far as the hands know."""
        return camera in self._docked

    @property
    def features(self) -> frozenset[str]:
        hands, cameras = self._hands, self._bench.of_kind("camera")
        has = {
            "any-bay": hands.dock or self._person,
            "press": hands.press or self._person,
            "look": hands.look,
            "badge": self._person,
            "power": self._person or all(camera.power is not None and not camera.bay for camera in cameras),
            "cell": hands.cell or self._person,
            "slow-link": hands.slow and hands.fast,
        }
        return frozenset({name for name, way in has.items() if way} | set(self._bench.features))

    def can_dock(self, camera: BoardPart) -> bool:
        """Whether there is any way at all to dock it and take it out again."""
        both = self._hands.dock is not None and self._hands.undock is not None
        return both or self._person is not None or (camera.bay > 0 and camera.power is not None)

    def put_in(self, camera: str, dock: str, bay: int) -> None:
        part = self._bench.find(camera)
        if self._hands.dock is not None:
            self._run(self._hands.dock, part, dock=dock, bay=bay)
        elif part.bay and part.power is not None:
            if bay != part.bay:
                raise Unsupported(f"{camera} stays in bay {part.bay}, not {bay}; a scenario asks for its bay: `bay`")
            self._switch(part, part.power, True)
        else:
            self._please(f"Put {camera} ({part.serial}) into bay {bay} of {dock}")
        self._docked.add(camera)

    def take_out(self, camera: str) -> None:
        part = self._bench.find(camera)
        if self._hands.undock is not None:
            self._run(self._hands.undock, part)
        elif part.bay and part.power is not None:
            self._switch(part, part.power, False)
        else:
            self._please(f"Pull {camera} ({part.serial}) out of its bay")
        self._docked.discard(camera)

    def press(self, camera: str, button: str, hold_s: float) -> None:
        part = self._bench.find(camera)
        if self._hands.press is not None:
            self._run(self._hands.press, part, button=button, hold_s=hold_s)
        else:
            how = "Press and let go of" if hold_s < 1 else f"Hold for {hold_s:.0f} s"
            self._please(f"{how} the {button} button of {camera} ({part.serial})")

    def put_cell(self, camera: str, percent: float) -> None:
        part = self._bench.find(camera)
        if self._hands.cell is not None:
            self._run(self._hands.cell, part, percent=percent)
        else:
            self._please(f"Put a cell that is charged to {percent:.0f} % into {camera} ({part.serial})")
        self._cells.add(camera)

    def let_stand(self, camera: str, hours: float) -> None:
        if "hours" not in self.features:
            raise Unsupported(
                f"bench {self._bench.name} lets no scenario last for {hours:g} h; `hours` in its features does"
            )
        self._note(f"{camera} stands for {hours:g} h")
        self._wait(hours * 3600)

    def reader_refuses(self) -> bool:
        return self._one().sees("the reader shows red, or sounds low")

    def show_badge(self, uid: str, seconds: float) -> None:
        self._please(f"Hold the badge {uid} to the reader until it says that it has read it")

    def take_badge_away(self, uid: str) -> None:
        return  # whoever held it there has let it go

    def set_power(self, board: str, on: bool) -> None:
        part = self._bench.find(board)
        if part.power is not None and not part.bay:
            self._switch(part, part.power, on)
        else:
            self._please(f"Switch {board} ({part.serial}) {'on' if on else 'off'}, at its own supply")

    def reset(self, board: str) -> None:
        self.set_power(board, False)
        self._wait(OFF_S)
        self.set_power(board, True)

    def lamps(self, board: str, bay: int = 0) -> dict[str, bool]:
        if self._hands.look is None:
            raise Unsupported(f"nothing on bench {self._bench.name} sees the lamps of {board}; name [hands] look")
        part = self._bench.find(board)
        lit = self._run(self._hands.look, part, bay=bay).split()
        return {lamp: lamp in lit for lamp in ("green", "red")}

    def shows(self, board: str, wanted: Lamps, bay: int = 0, steady_s: float = 0.0) -> bool:
        if self._hands.look is not None:
            return shows_steadily(self, board, wanted, bay, steady_s)
        lit = " and ".join(lamp for lamp, is_lit in wanted.items() if is_lit) or "no"
        where = f"bay {bay} of {board}" if bay else board
        return self._one().sees(f"{where} shows a steady {lit} lamp" if lit != "no" else f"{where} shows no lamp")

    def limit_link(self, board: str, bytes_per_s: int | None) -> None:
        if self._hands.slow is None or self._hands.fast is None:
            raise Unsupported(f"nothing on bench {self._bench.name} makes a link slow; name [hands] slow and fast")
        part = self._bench.find(board)
        if bytes_per_s is not None:
            self._slow.add(board)
            self._run(self._hands.slow, part, bytes_per_s=bytes_per_s)
        elif board in self._slow:
            self._slow.discard(board)
            self._run(self._hands.fast, part)

    def inject(self, board: str, component: str, fault: str, instance: int) -> None:
        actions: dict[str, Callable[[], None]] = {
            "off": lambda: self.set_power(board, False),
            "ok": lambda: self.set_power(board, True),
            "brownout": lambda: self.reset(board),
        }
        if component != "power" or fault not in actions or "power" not in self.features:
            possible = "power off, power brownout and power ok" if "power" in self.features else "none"
            raise Unsupported(f"{component} {fault} cannot be done to {board}, a real board; possible: {possible}")
        actions[fault]()

    def tidy(self) -> None:
        for camera in sorted(self._docked):
            self.take_out(camera)
        for board in sorted(self._slow):
            self.limit_link(board, None)
        for camera in sorted(self._cells):
            self.put_cell(camera, OWN_CELL_PERCENT)
            self._cells.discard(camera)

    def crashes(self) -> list[str]:
        return []  # a board says so itself, to its controller

    def truths(self, serial: str) -> list[dict[str, Any]]:
        return []

    def served(self, board: str) -> list[list[Any]]:
        raise Unsupported(f"nobody listens on the cable of {board} beside its controller; use the trace")

    def _switch(self, part: BoardPart, switch: PowerSwitch, on: bool) -> None:
        command, url = (switch.on, switch.on_url) if on else (switch.off, switch.off_url)
        if command is not None:
            self._run(command, part)
        elif url is not None:
            self._ask(switch.method, url)
        elif self.bay_power is None:
            raise HandsFailed(f"{part.name} is switched by {switch.dock}, through its controller, and none is running")
        else:
            assert switch.dock is not None
            assert switch.bay is not None
            self._note(f"bay {switch.bay} of {switch.dock}: power {'on' if on else 'off'}")
            self.bay_power(self._bench.find(switch.dock).serial, switch.bay, on)

    def _run(self, template: str, part: BoardPart, **values: object) -> str:
        """What the command says."""
        values = {"dock": "", "bay": part.bay, **values, "board": part.name, "serial": part.serial}
        command = filled(template, values)  # the bench file was not read with a command that cannot be
        self._note(shlex.join(command))
        try:
            done = subprocess.run(  # noqa: S603 - the bench file's own command, no shell
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_LIMIT_S, check=False
            )
        except OSError as error:
            raise HandsFailed(f"{command[0]}: cannot be run ({error.strerror}); correct the bench file") from error
        except subprocess.TimeoutExpired:
            raise HandsFailed(f"{shlex.join(command)}: did not end within {COMMAND_LIMIT_S:.0f} s") from None
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).decode(errors="replace").split())[-SAID_CHARACTERS_MAX:]
            raise HandsFailed(f"{shlex.join(command)}: ended with {done.returncode} ({said or 'said nothing'})")
        return done.stdout.decode(errors="replace")

    def _ask(self, method: str, url: str) -> None:
        import httpx  # half a second of imports, and only a switch with a URL needs it

        self._note(f"{method} {url}")
        try:
            httpx.request(method, url, timeout=URL_LIMIT_S).raise_for_status()
        except httpx.HTTPError as error:
            raise HandsFailed(f"{url}: the power switch does not do it ({error}); check that it is there") from error

    def _please(self, text: str) -> None:
        self._note(f"please: {text}")
        self._one().please(text)

    def _one(self) -> Person:
        if self._person is None:
            raise Unsupported(
                f"bench {self._bench.name} has no way to do this, and nobody is at a terminal to be asked"
            )
        return self._person

    def _note(self, text: str) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(text + "\n")
