"""What the page shows, as rows that change one by one: ``{kind, key, value}``, made of the bench's own state.

Law: pure but for the bench that it looks at; ``now_unix_ms`` and ``seconds`` are given. Figures that only compare two
looks (bytes a second) are made here, everything else is the bench's word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.faults import table
from host_tools.emulator.models.imu import ACTIVITIES, DOCKED

RATE_S = 1.0  # a link's speed is told over so long at least
CLOCK_STEP_MS = 100  # a board's clock is compared with the machine's in such steps
CRASH_LINES = 12  # the end of a traceback, which names the place
Key = tuple[str, str]
Rows = dict[Key, Any]


class View:
    """Rows of one bench."""

    def __init__(self, bench: EmulatedBench) -> None:
        self._bench = bench
        self._counted: dict[str, tuple[float, int, int]] = {}
        self._rates: dict[str, dict[str, int]] = {}

    def about(self) -> dict[str, Any]:
        """What does not change while the bench runs: boards, bays, buttons, and the table of faults."""
        bench = self._bench
        return {
            "name": bench.bench.name,
            "seed": bench.bench.seed,
            "docks": [
                {
                    "name": name,
                    "title": dock.board.title,
                    "bays": list(dock.bays),
                    "lacks": bench.faults.lacking(name),
                }
                for name, dock in bench.docks.items()
            ],
            "cameras": [
                {
                    "name": name,
                    "title": camera.board.title,
                    "buttons": [each.name for each in camera.board.buttons],
                    "activities": [each for each in ACTIVITIES if each != DOCKED] if camera.motion_chip else [],
                    "lacks": bench.faults.lacking(name),
                }
                for name, camera in bench.cameras.items()
            ],
            "readers": [
                {"name": name, "title": reader.kind, "lacks": bench.faults.lacking(name)}
                for name, reader in bench.readers.items()
            ],
            "faults": table(),
        }

    def lamps(self) -> Rows:
        """The lamps alone: what must be looked at often."""
        bench = self._bench
        rows: Rows = {
            ("lamp", f"{name}/{bay}"): dock.lamps(bay) for name, dock in bench.docks.items() for bay in dock.bays
        }
        rows.update({("lamp", name): camera.lamps() for name, camera in bench.cameras.items()})
        rows.update({("lamp", name): reader.state()["lamps"] for name, reader in bench.readers.items()})
        return rows

    def rows(self, now_unix_ms: int, seconds: float) -> Rows:
        """Everything but lamps and clock."""
        state = self._bench.state()
        rows: Rows = {}
        for name, dock in state["docks"].items():
            bays: dict[str, dict[str, Any]] = dock.pop("bays")
            rows["dock", name] = self._board(name, dock, seconds)
            for number, bay in bays.items():
                del bay["lamps"]
                rows["bay", f"{name}/{number}"] = {"dock": name, "bay": int(number), **bay}
        for name, camera in state["cameras"].items():
            del camera["lamps"]
            camera["clock"] = _clock(camera["clock"], now_unix_ms)
            rows["camera", name] = self._board(name, camera, seconds)
        for name, reader in state["readers"].items():
            del reader["lamps"]
            rows["reader", name] = {"name": name, **reader}
        for fault in state["faults"]:
            rows["fault", "{board} {component} {type} {instance}".format(**fault)] = fault
        return rows

    def clock(self, now_unix_ms: int) -> Rows:
        """The bench's own time beside the machine's."""
        value = {"world_ms": self._bench.world_ms(), "unix_ms": now_unix_ms}
        return {("bench", self._bench.bench.name): value}

    def _board(self, name: str, state: dict[str, Any], seconds: float) -> dict[str, Any]:
        crashes: list[str] = state.pop("crashes")
        link = state["link"]
        link.update(self._rate(name, link["bytes_to_board"], link["bytes_to_host"], seconds))
        crash = "\n".join(crashes[-1].splitlines()[-CRASH_LINES:]) if crashes else ""
        return {"name": name, **state, "crashes": len(crashes), "crash": crash}

    def _rate(self, name: str, to_board: int, to_host: int, seconds: float) -> dict[str, int]:
        before_s, board_before, host_before = self._counted.setdefault(name, (seconds, to_board, to_host))
        passed_s = seconds - before_s
        if passed_s >= RATE_S:
            self._counted[name] = seconds, to_board, to_host
            self._rates[name] = {
                "to_board_per_s": round((to_board - board_before) / passed_s),
                "to_host_per_s": round((to_host - host_before) / passed_s),
            }
        return self._rates.get(name, {"to_board_per_s": 0, "to_host_per_s": 0})


def changes(before: Rows, now: Rows) -> Iterable[tuple[Key, Any]]:
    """What is new, different, or (None) gone."""
    for key, value in now.items():
        if key not in before or before[key] != value:
            yield key, value
    for key in before:
        if key not in now:
            yield key, None


def as_row(key: Key, value: Any) -> dict[str, Any]:
    """As browsers get it."""
    return {"kind": key[0], "key": key[1], "value": value}


def _clock(clock: dict[str, Any] | None, now_unix_ms: int) -> dict[str, Any] | None:
    """A board's clock by how far it is ahead of the machine's; its time itself would be news at every look."""
    if clock is None:
        return None
    ahead_ms = clock["unix_ms"] - now_unix_ms
    return {"source": clock["source"], "ahead_ms": round(ahead_ms / CLOCK_STEP_MS) * CLOCK_STEP_MS}
