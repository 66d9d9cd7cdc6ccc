"""Resistance of a bay's power contacts from readings on both sides of them at two loads.

Law: pure. What is measured is the pair, supply and ground in series: one pin alone cannot be told by these sensors.

    R = [ (Vd2 - Vc2) - (Vd1 - Vc1) - dU ] / (I2 - I1) - W

Vd, Vc: dock and camera side, averaged over the same stretch of time; I: current by the dock; 1: light load, 2: heavy
load. Constant offsets of both sensors drop out. W: the camera's own wiring up to its sensor. dU: what its diode against
reverse polarity, where it has one, takes more at the heavier load; of that only bounds are known:

    dU = vT ln((I2 + Is) / (I1 + Is)),   vT = 27.3 +- 2.5 mV (n 1.0 to 1.15, 0 to 45 degrees),  Is from 0 to 60 mA

Uncertainty: all parts as standard uncertainties, added as squares (Guide to the Expression of Uncertainty in
Measurement, 5.1); stated doubled, that is with 95 %. Noise counts by the scatter of the readings themselves; noise that
averages a converter's steps away is not relied upon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from host_tools.controller.contact_sensors import ROOT_3, Sensor

COVERAGE = 2.0  # standard uncertainties on each side: 95 %
CONFIDENCE_PERCENT = 95
THERMAL_UV = 27_300.0
THERMAL_HALF_UV = 2_500.0
SATURATION_UA_MAX = 60_000.0
SPAN_UA_MIN = 250_000  # less difference of load says nothing about milliohms
UNCERTAINTY_UOHM_MAX = 40_000  # stated; a figure that is worth less is not given
STEADY_UA_MAX = 25_000  # scatter of the current within a reading: above, the load was not constant


@dataclass(frozen=True)
class Reading:
    """An average, with the scatter of one sample and how many there were."""

    value: float
    deviation: float
    samples: int

    def noise(self) -> float:
        """Standard uncertainty of the mean by its scatter."""
        return self.deviation / math.sqrt(max(self.samples, 1))


@dataclass(frozen=True)
class AtLoad:
    """Both sides at one load: microvolts and microamperes."""

    dock_uv: Reading
    camera_uv: Reading
    current_ua: Reading


@dataclass(frozen=True)
class Path:
    """Of a camera: wiring between contacts and sensor, and whether a diode is in it."""

    wiring_uohm: int
    wiring_tolerance_uohm: int
    junction: bool


@dataclass(frozen=True)
class Sensors:
    """Who measured."""

    dock_uv: Sensor
    camera_uv: Sensor
    current_ua: Sensor


@dataclass(frozen=True)
class Resistance:
    """``uncertainty_uohm``: half-width that holds the truth with CONFIDENCE_PERCENT."""

    uohm: float
    uncertainty_uohm: float


def resistance(light: AtLoad, heavy: AtLoad, path: Path, sensors: Sensors) -> Resistance | str:
    """The pair's resistance, or why these readings do not give it."""
    span_ua = heavy.current_ua.value - light.current_ua.value
    if light.current_ua.value <= 0:
        return "this dock's sensor says that no current flows while the camera draws: check its amplifier"
    if span_ua < SPAN_UA_MIN:
        return f"the camera drew only {span_ua / 1000:.0f} mA more at the heavier load: its battery takes no more now"
    if max(light.current_ua.deviation, heavy.current_ua.deviation) > STEADY_UA_MAX:
        return "the camera's load was not steady: ask again"
    drop_uv = (heavy.dock_uv.value - heavy.camera_uv.value) - (light.dock_uv.value - light.camera_uv.value)
    junction_uv, junction_error_uv = _junction(light, heavy) if path.junction else (0.0, 0.0)
    loop_ohm = (drop_uv - junction_uv) / span_ua
    error_uv = math.hypot(
        sensors.dock_uv.span_uncertainty(heavy.dock_uv.value, light.dock_uv.value),
        sensors.camera_uv.span_uncertainty(heavy.camera_uv.value, light.camera_uv.value),
        junction_error_uv,
        *(side.noise() for at in (light, heavy) for side in (at.dock_uv, at.camera_uv)),
    )
    error_ua = math.hypot(
        sensors.current_ua.span_uncertainty(light.current_ua.value, heavy.current_ua.value),
        light.current_ua.noise(),
        heavy.current_ua.noise(),
    )
    error_ohm = math.hypot(error_uv / span_ua, loop_ohm * error_ua / span_ua, path.wiring_tolerance_uohm / 1e6 / ROOT_3)
    uncertainty_uohm = COVERAGE * error_ohm * 1e6
    if uncertainty_uohm > UNCERTAINTY_UOHM_MAX:
        return f"these sensors would give it within {uncertainty_uohm / 1000:.0f} mΩ only"
    uohm = loop_ohm * 1e6 - path.wiring_uohm
    if uohm + uncertainty_uohm < 0:
        wrong = "the camera's wiring is not what supply_path in its board.toml says"
        return f"{uohm / 1000:.0f} mΩ is less than nothing: {wrong}"
    return Resistance(uohm, uncertainty_uohm)


def mean_of(several: list[Resistance]) -> Resistance:
    """Of repeated measurements: scatter averages, what all have in common does not, so the largest is stated."""
    return Resistance(sum(each.uohm for each in several) / len(several), max(each.uncertainty_uohm for each in several))


def probability_between(value: float, uncertainty: float, low: float, high: float) -> float:
    """That the truth lies within limits, for a value with that 95 % uncertainty."""
    sigma = max(uncertainty / COVERAGE, 1e-9)
    return 0.5 * (math.erf((high - value) / sigma / math.sqrt(2)) - math.erf((low - value) / sigma / math.sqrt(2)))


def _junction(light: AtLoad, heavy: AtLoad) -> tuple[float, float]:
    """What the diode takes more, and the standard uncertainty of that, in microvolts."""
    first, second = light.current_ua.value, heavy.current_ua.value
    most = math.log(second / max(first, 1.0))
    least = math.log((second + SATURATION_UA_MAX) / (first + SATURATION_UA_MAX))
    middle, half = (most + least) / 2, (most - least) / 2
    return THERMAL_UV * middle, math.hypot(THERMAL_HALF_UV * middle, THERMAL_UV * half) / ROOT_3
