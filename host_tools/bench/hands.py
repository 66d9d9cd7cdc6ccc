"""Whatever moves boards and looks at them: a protocol with two implementations, and the person at the terminal.

Law: the same words for both benches. ``EmulatedHands`` here speaks to the socket of an emulated bench;
``board_hands.BoardHands`` runs commands and switches, and asks a person for the rest. What a bench cannot do it does
not claim among its ``features``, and refuses with ``Unsupported``: never silently nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from host_tools.bench.errors import HandsFailed, Unsupported
from host_tools.bench.features import BENCH_FEATURES
from host_tools.transports.local import LocalClient, LocalError

Lamps = Mapping[str, bool]
LOW_HZ_MAX = 2_200  # a reader that refuses sounds 2057 Hz; one that accepts, 2400
POLL_S = 0.02  # between two looks at lamps that have to be steady
GIVE_UP = "x"
NO = "n"


class Hands(Protocol):
    """Boards by their names on the bench. HandsFailed, Unsupported."""

    @property
    def features(self) -> frozenset[str]:
        """What can be done here, in the words of ``features``."""
        ...

    def put_in(self, camera: str, dock: str, bay: int) -> None:
        """Put a camera into a bay."""
        ...

    def take_out(self, camera: str) -> None:
        """Pull it out of its bay."""
        ...

    def press(self, camera: str, button: str, hold_s: float) -> None:
        """Press a button for so long. May answer before it is let go."""
        ...

    def put_cell(self, camera: str, percent: float) -> None:
        """Put a cell into a camera that is charged so far. It has its own again when all is tidy."""
        ...

    def let_stand(self, camera: str, hours: float) -> None:
        """Leave a camera as it is for hours."""
        ...

    def reader_refuses(self) -> bool:
        """Whether the reader has refused, to be seen or heard, the badge that was held to it last."""
        ...

    def show_badge(self, uid: str, seconds: float) -> None:
        """Hold a badge of that number to the reader, for so long unless it is taken away. May answer before."""
        ...

    def take_badge_away(self, uid: str) -> None:
        """Take it away, if it is still held there."""
        ...

    def set_power(self, board: str, on: bool) -> None:
        """A board's own supply: a camera's battery, a dock's mains adapter."""
        ...

    def reset(self, board: str) -> None:
        """Make it boot anew."""
        ...

    def lamps(self, board: str, bay: int = 0) -> dict[str, bool]:
        """Which lamps are lit at this moment: a camera's, or those of a dock's bay."""
        ...

    def shows(self, board: str, wanted: Lamps, bay: int = 0, steady_s: float = 0.0) -> bool:
        """Whether it shows exactly that, for so long; a person is asked once and answers when it does."""
        ...

    def limit_link(self, board: str, bytes_per_s: int | None) -> None:
        """Make a line slow, or (None) as fast as before."""
        ...

    def inject(self, board: str, component: str, fault: str, instance: int) -> None:
        """A fault by name, ``ok`` to end it. Unsupported says what is possible."""
        ...

    def tidy(self) -> None:
        """Everything as a scenario finds it: boards on, cameras in nobody's bay, links fast, nothing faulty."""
        ...

    def crashes(self) -> list[str]:
        """What firmware has crashed, a traceback each, as far as that can be known."""
        ...

    def truths(self, serial: str) -> list[dict[str, Any]]:
        """What a camera's encoder has made. Empty where nobody can know."""
        ...

    def served(self, board: str) -> list[list[Any]]:
        """Ranges of recordings that a board has sent: recording, part, start, end."""
        ...


class EmulatedHands:
    """An emulated bench in another process."""

    def __init__(self, client: LocalClient) -> None:
        self._client = client
        self._cells: dict[str, float] = {}  # what was in cameras before a hand changed it
        self._tones = 0  # that the reader had sounded before the badge was shown

    @property
    def features(self) -> frozenset[str]:
        return frozenset(BENCH_FEATURES)

    def put_in(self, camera: str, dock: str, bay: int) -> None:
        self._client.call("put_in", camera=camera, bay=bay, dock=dock)

    def take_out(self, camera: str) -> None:
        self._client.call("take_out", camera=camera)

    def press(self, camera: str, button: str, hold_s: float) -> None:
        self._client.call("press", camera=camera, button=button, hold_s=hold_s)

    def put_cell(self, camera: str, percent: float) -> None:
        self._note_cell(camera)
        self._client.call("put_cell", camera=camera, percent=percent)

    def let_stand(self, camera: str, hours: float) -> None:
        self._note_cell(camera)
        self._client.call("let_stand", camera=camera, hours=hours)

    def reader_refuses(self) -> bool:
        _reader, state = self._reader()
        return any(hertz <= LOW_HZ_MAX for hertz in state["tones"][self._tones :])

    def show_badge(self, uid: str, seconds: float) -> None:
        reader, state = self._reader()
        self._tones = len(state["tones"]) if seconds else self._tones
        self._client.call("badge", reader=reader, uid=uid, seconds=seconds)

    def take_badge_away(self, uid: str) -> None:
        self.show_badge(uid, 0.0)

    def set_power(self, board: str, on: bool) -> None:
        self._client.call("set_power", board=board, on=on)

    def reset(self, board: str) -> None:
        self._client.call("reset", board=board)

    def lamps(self, board: str, bay: int = 0) -> dict[str, bool]:
        state = self._client.call("state")
        lit: dict[str, bool] = (state["docks"][board]["bays"][str(bay)] if bay else state["cameras"][board])["lamps"]
        return lit

    def shows(self, board: str, wanted: Lamps, bay: int = 0, steady_s: float = 0.0) -> bool:
        return shows_steadily(self, board, wanted, bay, steady_s)

    def limit_link(self, board: str, bytes_per_s: int | None) -> None:
        self._client.call("limit_link", board=board, bytes_per_s=bytes_per_s)

    def inject(self, board: str, component: str, fault: str, instance: int) -> None:
        try:
            answer = self._client.call("fault", board=board, component=component, type=fault, instance=instance)
        except LocalError as error:
            raise HandsFailed(str(error)) from error
        if answer["outcome"] == "unsupported":
            raise Unsupported(answer["text"])

    def tidy(self) -> None:
        state = self._client.call("state")
        for name, board in [*state["docks"].items(), *state["cameras"].items()]:
            if not board["on"]:
                self.set_power(name, True)
        for name, camera in state["cameras"].items():
            self.limit_link(name, None)
            if camera["bay"]:
                self.take_out(name)
        for name, percent in self._cells.items():
            self._client.call("put_cell", camera=name, percent=percent)
        self._cells.clear()

    def crashes(self) -> list[str]:
        state = self._client.call("state")
        return [crash for board in [*state["docks"].values(), *state["cameras"].values()] for crash in board["crashes"]]

    def truths(self, serial: str) -> list[dict[str, Any]]:
        return [line for line in self._client.call("truth") if line["camera"] == serial]

    def served(self, board: str) -> list[list[Any]]:
        found: list[list[Any]] = self._client.call("tap", board=board)["served"]
        return found

    def _reader(self) -> tuple[str, dict[str, Any]]:
        readers: dict[str, dict[str, Any]] = self._client.call("state")["readers"]
        if not readers:
            raise Unsupported("this bench has no reader: add [[reader]] to its file")
        return next(iter(readers.items()))

    def _note_cell(self, camera: str) -> None:
        state = self._client.call("state")["cameras"][camera]
        self._cells.setdefault(camera, state["battery_percent"])


class Person:
    """Somebody at a terminal, who reads ``told`` and answers into ``heard``."""

    def __init__(self, heard: TextIO, told: TextIO) -> None:
        self._heard = heard
        self._told = told

    def close(self) -> None:
        """The terminal is needed no more."""
        self._heard.close()
        self._told.close()

    def please(self, text: str) -> None:
        """Ask for something to be done, and wait until it is. HandsFailed if it is not."""
        self._answer(f"{text}, then press Enter ({GIVE_UP}: cannot be done)")

    def sees(self, text: str) -> bool:
        """Ask whether something is to be seen, and wait for the word."""
        return self._answer(f"{text}: press Enter as soon as it does ({NO}: it does not, {GIVE_UP}: give up)") != NO

    def _answer(self, text: str) -> str:
        self._told.write(f"\n>>> {text} ")
        self._told.flush()
        line = self._heard.readline()
        if not line:
            raise HandsFailed(f"nobody is there to be asked: {text}; run it at a terminal, or name a command")
        answer = line.strip().lower()
        if answer == GIVE_UP:
            raise HandsFailed(f"the person at the bench could not do it: {text}")
        return answer


def shows_steadily(hands: Hands, board: str, wanted: Lamps, bay: int, steady_s: float) -> bool:
    """By looking again and again: some patterns look like another for a moment."""
    end_s = time.monotonic() + steady_s
    while hands.lamps(board, bay) == dict(wanted):
        if time.monotonic() >= end_s:
            return True
        time.sleep(POLL_S)
    return False
