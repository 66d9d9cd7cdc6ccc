"""Measurements in OpenHTF's words: a name, a value with units, limits with a marginal band, an outcome.

Law: values in, judgements out; no clock, no file, no pytest. A limit is inclusive. Inside the limits and outside the
marginal limits a value is marginal: good enough today, and worth a look before it is not.

OpenHTF is https://github.com/google/openhtf; names of fields follow its JSON, so that whoever reads that reads ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Value = bool | int | float | str | None
Outcome = Literal["pass", "marginal", "fail", "unset"]

NAME = re.compile(r"[a-z0-9][a-z0-9 _./-]{0,79}", re.IGNORECASE)
WORST_FIRST: tuple[Outcome, ...] = ("fail", "unset", "marginal", "pass")


class MeasurementError(ValueError):
    """That is no measurement: who wrote the test mends it. One line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be. Numbers: the four bounds, each None for open; anything else: ``expected`` or ``pattern``."""

    minimum: float | None = None
    maximum: float | None = None
    marginal_minimum: float | None = None
    marginal_maximum: float | None = None
    expected: Value = None
    pattern: str = ""

    def judge(self, value: Value) -> Outcome:
        """Where a value lies. A number that is none (NaN) is out of every limit."""
        if value is None:
            return "unset"
        if self.pattern:
            return "pass" if re.fullmatch(self.pattern, str(value)) else "fail"
        if self.expected is not None:
            same_kind = isinstance(value, bool) == isinstance(self.expected, bool)  # 1 is not True
            return "pass" if value == self.expected and same_kind else "fail"
        if isinstance(value, (str, bool)) or not _within(value, self.minimum, self.maximum):
            return "fail"
        return "pass" if _within(value, self.marginal_minimum, self.marginal_maximum) else "marginal"

    def __str__(self) -> str:
        """As a person reads it: ``0 to 120, marginal above 60``."""
        if self.pattern:
            return f"matches {self.pattern}"
        if self.expected is not None:
            return f"is {self.expected}"
        text = _bounds_text(self.minimum, self.maximum)
        margins = [f"below {self.marginal_minimum:g}"] if self.marginal_minimum is not None else []
        margins += [f"above {self.marginal_maximum:g}"] if self.marginal_maximum is not None else []
        return text + (f", marginal {' or '.join(margins)}" if margins else "")

    def as_json(self) -> dict[str, Any]:
        """Only what is set."""
        names = ("minimum", "maximum", "marginal_minimum", "marginal_maximum", "expected", "pattern")
        return {name: getattr(self, name) for name in names if getattr(self, name) not in (None, "")}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value and what is thought of it. ``name`` tells it from every other of its unit and run."""

    name: str
    measured_value: Value
    units: str
    outcome: Outcome
    limits: Limits | None = None
    doc: str = ""

    def __str__(self) -> str:
        """``bay 3 contact loop: 41 mΩ (0 to 120, marginal above 60): pass``."""
        value = "nothing" if self.measured_value is None else _value_text(self.measured_value)
        limits = f" ({self.limits})" if self.limits is not None else ""
        return f"{self.name}: {value}{f' {self.units}' if self.units else ''}{limits}: {self.outcome}"

    def as_json(self) -> dict[str, Any]:
        """As OpenHTF writes it, but for ``limits``, which has its validators as numbers and not as text."""
        found: dict[str, Any] = {
            "measured_value": self.measured_value,
            "units": self.units,
            "outcome": "PASS" if self.outcome == "marginal" else self.outcome.upper(),
            "marginal": self.outcome == "marginal",
        }
        if self.limits is not None:
            found |= {"validators": [str(self.limits)], "limits": self.limits.as_json()}
        return found | ({"docstring": self.doc} if self.doc else {})


def judge(name: str, value: Value, units: str = "", limits: Limits | None = None, doc: str = "") -> Measurement:
    """A measurement of this value. Without limits it is told and passes; a value of None is unset.

    MeasurementError: the name or the value is of no use."""
    if not NAME.fullmatch(name):
        raise MeasurementError(f"{name!r} is no name of a measurement; write letters, digits, spaces and _ . / -")
    if isinstance(value, float) and not math.isfinite(value):
        return Measurement(name, str(value), units, "fail", limits, doc)  # JSON has no word for it
    outcome: Outcome = "unset" if value is None else limits.judge(value) if limits is not None else "pass"
    return Measurement(name, value, units, outcome, limits, doc)


def in_range(
    minimum: float | None = None,
    maximum: float | None = None,
    marginal_minimum: float | None = None,
    marginal_maximum: float | None = None,
) -> Limits:
    """From ``minimum`` to ``maximum``, both allowed; marginal outside of the two marginal bounds."""
    if minimum is None and maximum is None:
        raise MeasurementError("in_range needs a minimum or a maximum; without limits leave it out")
    bounds = [each for each in (minimum, marginal_minimum, marginal_maximum, maximum) if each is not None]
    if bounds != sorted(bounds):
        raise MeasurementError(
            f"in_range: {bounds} do not rise; the order is minimum, marginal_minimum, marginal_maximum, maximum"
        )
    return Limits(minimum, maximum, marginal_minimum, marginal_maximum)


def within_percent(nominal: float, percent: float, marginal_percent: float | None = None) -> Limits:
    """So many percent around a nominal value; marginal where it is more than ``marginal_percent`` away."""
    span = abs(nominal) * percent / 100
    inner = None if marginal_percent is None else abs(nominal) * marginal_percent / 100
    return in_range(
        nominal - span,
        nominal + span,
        None if inner is None else nominal - inner,
        None if inner is None else nominal + inner,
    )


def equals(expected: bool | int | float | str) -> Limits:
    """Exactly that."""
    return Limits(expected=expected)


def matches(pattern: str) -> Limits:
    """Text that this regular expression fits from end to end."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise MeasurementError(f"{pattern!r} is no regular expression ({error}); correct it") from error
    return Limits(pattern=pattern)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Of several; "pass" of none."""
    found = set(outcomes)
    for outcome in WORST_FIRST:
        if outcome in found:
            return outcome
    return "pass"


def from_json(name: str, fields: Mapping[str, Any]) -> Measurement:
    """One that was written by ``as_json``."""
    limits = Limits(**fields["limits"]) if "limits" in fields else None
    outcome: Outcome = "marginal" if fields.get("marginal") else fields["outcome"].lower()
    return Measurement(name, fields["measured_value"], fields["units"], outcome, limits, fields.get("docstring", ""))


def _within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def _bounds_text(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return f"at most {maximum:g}"
    return f"at least {minimum:g}" if maximum is None else f"{minimum:g} to {maximum:g}"


def _value_text(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
