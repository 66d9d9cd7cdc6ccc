"""Faults between a board and what it measures with or films with: wrappers with the same ports."""

from __future__ import annotations

import random

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault, SensorFault
from firmware.ports.sensor import Fragment, Sensor, SensorSettings
from host_tools.emulator.truth import PoweredSensor

FULL_SCALE_UV = 5_000_000
WRONG_FACTOR = 1.15  # a reference that is off by 15 %
FAILS_ONE_IN = 4
ADC_KINDS = ("off", "stuck", "garbage", "wrong", "intermittent")
SENSOR_KINDS = ("off", "stuck", "intermittent")


class FaultyAdc(Adc):
    """``faults``: kind and instance; an instance is the number in a channel's name (``bay3.supply``), 0 all of them."""

    def __init__(self, adc: Adc, seed: str, faults: set[tuple[str, int]]) -> None:
        self._adc = adc
        self._faults = faults
        self._random = random.Random(f"adc {seed}")
        self._last_uv: dict[str, int] = {}

    def read_uv(self, name: str) -> int:
        if not self._faults:
            self._last_uv[name] = found_uv = self._adc.read_uv(name)
            return found_uv
        kinds = {kind for kind, instance in self._faults if not instance or name.startswith(f"bay{instance}.")}
        if "off" in kinds or ("intermittent" in kinds and self._random.randrange(FAILS_ONE_IN) == 0):
            raise PortFault(f"{name}: the converter does not answer")
        if "stuck" in kinds and name in self._last_uv:
            return self._last_uv[name]
        found_uv = self._adc.read_uv(name)
        if "garbage" in kinds:
            found_uv = self._random.randrange(FULL_SCALE_UV)
        elif "wrong" in kinds:
            found_uv = round(found_uv * WRONG_FACTOR)
        self._last_uv[name] = found_uv
        return found_uv


class FaultySensor(Sensor):
    """``faults``: kinds."""

    def __init__(self, sensor: PoweredSensor, seed: str, faults: set[str]) -> None:
        self._sensor = sensor
        self._faults = faults
        self._random = random.Random(f"sensor {seed}")

    def start(self, settings: SensorSettings) -> None:
        self._check()
        self._sensor.start(settings)

    def stop(self) -> None:
        self._sensor.stop()

    def poll(self) -> Fragment | None:
        self._check()
        return None if "stuck" in self._faults else self._sensor.poll()

    def close(self) -> None:
        """The board loses its power."""
        self._sensor.close()

    def _check(self) -> None:
        failing = "intermittent" in self._faults and self._random.randrange(FAILS_ONE_IN) == 0
        if failing or "off" in self._faults:
            raise SensorFault("the image sensor does not answer")
