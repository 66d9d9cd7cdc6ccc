"""How docked cameras are charged: what their contacts let through, smart charge, and when a person must know.

Law: contacts that are resistive or hot get less, or nothing; the dock itself cuts a bay that is too hot, and the camera
itself forgets what it was allowed when it is taken out, so nothing here has to be remembered to be safe. That somebody
has suspended smart charge is kept with the system's data; everything else is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from firmware.link import schema
from host_tools.controller.contact_readings import DERATE_UOHM, STOP_UOHM
from host_tools.system.records import Suspension
from host_tools.system.system import System

FULL_UA = schema.INPUT_LIMIT_UA_MAX  # as much as the camera's own board allows
DERATED_UA = 500_000
EMPTY_PERCENT = 5  # at docking: it went out, or was about to
EMPTY_UNTIL_PERCENT = 20  # the alert stays until there is charge to work with
UNABLE_MS = 600_000  # in the bay without a percent more, and not full
RISE_PERMILLE = 10  # that percent, from the lowest charge since the last one: a gauge wavers by less
FAULT_MS = 60_000  # a charger may stumble once; a minute of it is a fault
ENOUGH_PERCENT = 95  # a cell that takes nothing any more is not unable
FULL_PERCENT_MIN = 80  # a gauge may err; a charger that gives nothing more to a cell below has not filled it
HOUR_MS = 3_600_000
SUSPEND_HOURS_MAX = 168  # a week: who wants it for longer switches it off
SMART_CHARGE: Final = "smart_charge"
CONTENT = ("held", "unmanaged")  # states in which nothing has to come


def allowed_ua(rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """What a camera may take by what is known of its contacts, and why it is not all."""
    most_ua, why = FULL_UA, ""
    for row in rows:
        if row["verdict"] == "not_measured":
            continue
        if row["quantity"] == "contact_resistance" and row["value"] > DERATE_UOHM:
            found_ua = 0 if row["value"] > STOP_UOHM else DERATED_UA
            text = f"its contacts have {row['value'] / 1000:.0f} mΩ"
        elif row["quantity"] == "block_temperature" and row["value"] > row["high"]:
            found_ua = DERATED_UA if row["verdict"] == "marginal" else 0
            text = f"the block of contacts has {row['value'] / 1000:.0f} degrees"
        else:
            continue
        if found_ua < most_ua:
            most_ua, why = found_ua, text
    return most_ua, why


@dataclass
class ChargeWatch:
    """One camera in its bay, from docking on. ``empty`` and ``unable``: why, for people; empty while all is well."""

    empty: str = ""
    unable: str = ""
    _risen_ms: int | None = None
    _lowest_permille: int = 0  # since then
    _fault_ms: int | None = None

    def feed(self, now_ms: int, power: Mapping[str, Any]) -> None:
        """Its fields of ``power``, with the state as a word. ``now_ms``: of a clock that nobody sets."""
        percent = power["charge_permille"] // 10
        docked = power["docked_percent"]
        if docked <= EMPTY_PERCENT and percent < EMPTY_UNTIL_PERCENT:
            self.empty = f"it came with {docked} % and has {percent} %"
        else:
            self.empty = ""
        self.unable = self._unable(now_ms, power, percent)

    def no_power(self, why: str) -> None:
        """The bay gives it none."""
        self.unable = why

    def _unable(self, now_ms: int, power: Mapping[str, Any], percent: int) -> str:
        state: str = power["charging"]
        if state == "stopped":
            return "charging is stopped: its contacts are not fit to carry the current"
        if state == "fault":
            self._fault_ms = now_ms if self._fault_ms is None else self._fault_ms
            if now_ms - self._fault_ms >= FAULT_MS:
                return power["reason"] or "its charger reports a fault"
            return self.unable
        self._fault_ms = None
        is_full = state == "full" and percent >= FULL_PERCENT_MIN
        if is_full or state in CONTENT or percent >= ENOUGH_PERCENT:
            self._risen_ms = None  # what has to come later is waited for from then on
            return ""
        self._follow_charge(now_ms, power["charge_permille"])
        stood_ms = 0 if self._risen_ms is None else now_ms - self._risen_ms
        if stood_ms < UNABLE_MS:
            return ""
        if state == "full":
            return f"its charger gives nothing more at {percent} %"
        return f"no charge has come in {stood_ms // 60_000} minutes"

    def _follow_charge(self, now_ms: int, permille: int) -> None:
        """A percent more than the lowest is a rise: a cell that was drawn on for a while is charged all the same."""
        if self._risen_ms is None or permille >= self._lowest_permille + RISE_PERMILLE:
            self._risen_ms, self._lowest_permille = now_ms, permille
        self._lowest_permille = min(self._lowest_permille, permille)


class SmartCharge:
    """Whether cameras that stand docked for long are kept short of full. ``is_wanted``: by the system's settings;
    ``system``: where a suspension is kept, in memory alone where there is none."""

    def __init__(self, is_wanted: Callable[[], bool], system: System | None = None) -> None:
        self._is_wanted = is_wanted
        self._system = system or System()

    def suspend(self, now_unix_ms: int, hours: float, by: str) -> int:
        """Charge to full until then, for instance before a large event; 0 hours ends it. A restart changes nothing of
        it. Blocks. SystemFault."""
        until_ms = now_unix_ms + round(hours * HOUR_MS) if hours > 0 else 0
        with self._system.change(by, now_unix_ms) as edit:
            if until_ms:
                edit.put(Suspension(what=SMART_CHARGE, until_unix_ms=until_ms))
            elif SMART_CHARGE in edit.state.suspensions:
                edit.remove(Suspension.KIND, SMART_CHARGE)
        return until_ms

    def shown(self, now_unix_ms: int) -> dict[str, bool | int]:
        """``wanted``: by the system's settings; ``suspended_until_unix_ms``: 0 for not suspended now."""
        return {"wanted": self._is_wanted(), "suspended_until_unix_ms": self._suspended_until(now_unix_ms)}

    def is_on(self, now_unix_ms: int) -> bool:
        """Whether it is in force."""
        return self._is_wanted() and not self._suspended_until(now_unix_ms)

    def _suspended_until(self, now_unix_ms: int) -> int:
        """A clock that was set back does not make it longer than anybody may ask for."""
        kept = self._system.state.suspensions.get(SMART_CHARGE)
        if kept is None or not now_unix_ms < kept.until_unix_ms <= now_unix_ms + SUSPEND_HOURS_MAX * HOUR_MS:
            return 0
        return kept.until_unix_ms
