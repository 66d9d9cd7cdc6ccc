"""The camera's power: its charger is told what to do, its cell watched, its supply measured when a controller asks.

Law: the only place that talks to charger and gauge. What is to be done is decided in ``charging``, what is remembered
in ``power_log``; a chip that does not answer is a state with its words, never an end of the firmware. Whatever a
controller has asked for ends by itself: a limit of the input after its time, an allowance when the camera is taken out.
A board without these chips has power all the same and says ``unmanaged``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from firmware.camera import charging
from firmware.camera.power_log import PowerLog
from firmware.drivers.bq25895 import NOT_CHARGING, Bq25895
from firmware.drivers.cable import Refusal
from firmware.drivers.max17048 import Max17048
from firmware.drivers.window import Window
from firmware.link import schema
from firmware.ports.adc import Adc
from firmware.ports.clock import Clock
from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from firmware.ports.i2c import I2c

Fields = dict[str, Any]
Answer = tuple[str, Fields] | None

SUPPLY = "supply.input"
POLL_DOCKED_MS = 2_000  # the charger's watchdog wants a sign of life every 40 s; a person wants to see it charge
POLL_AWAY_MS = 10_000  # a cell in use falls by a thousandth in ten seconds
SAMPLE_MS = 10  # of the supply, while it is averaged: the monitor converts for 35


class Power:
    """``buses``: the board's I2C by name; ``board``: board_data. ``windows``: fields of ``power_measured`` to tell."""

    def __init__(self, buses: Mapping[str, I2c], board: Fields, adc: Adc, clock: Clock, files: Files) -> None:
        self.state = "unmanaged"
        self.reason = ""
        self.windows: list[Fields] = []
        self._charger = _made(Bq25895, "BQ25895", buses, board)
        self._gauge = _made(Max17048, "MAX17048", buses, board)
        self._adc = adc
        self._clock = clock
        self._cell: Fields = board["battery"]
        self._log = PowerLog(files)
        self._allowed_ua: int = self._cell["input_limit_ua"]
        self._smart = True
        self._held = False
        self._supplied = False
        self._supplied_ms = 0
        self._polled_ms: int | None = None
        self._ready = False
        self._charge_permille: int | None = None
        self._phase = NOT_CHARGING
        self._cell_uv = 0
        self._charge_ua = 0
        self._limited_until_ms: int | None = None
        self._window: Window | None = None
        self._run = 0

    def load(self) -> None:
        """Once the card can be read."""
        if self._is_managed():
            self._log.load(self._clock.wall().unix_ms)

    def went_empty(self) -> bool:
        """Whether the camera went out for want of charge, the last time that it was on."""
        return self._log.went_empty

    def step(self, now_ms: int, docked: bool) -> None:
        """Look at the chips when it is time, and at the supply while it is measured."""
        self._sample(now_ms)
        if not self._is_managed():
            return
        if docked != self._supplied or self._polled_ms is None:
            self._follow_dock(now_ms, docked)
        if self._limited_until_ms is not None and now_ms >= self._limited_until_ms:
            self._limited_until_ms = None
            self._guarded(self._set_up)
        poll_ms = POLL_DOCKED_MS if docked else POLL_AWAY_MS
        if self._polled_ms is None or now_ms - self._polled_ms >= poll_ms:
            self._poll(now_ms)

    def next_deadline_ms(self) -> int | None:
        """When ``step`` has something to do."""
        waits: list[int] = []
        if self._window is not None:
            waits.append(self._clock.now_ms() + SAMPLE_MS)
        if self._limited_until_ms is not None:
            waits.append(self._limited_until_ms)
        if self._is_managed() and self._polled_ms is not None:
            waits.append(self._polled_ms + (POLL_DOCKED_MS if self._supplied else POLL_AWAY_MS))
        return min(waits, default=None)

    def percent(self) -> int | None:
        """Charge by the gauge; None where there is none."""
        return None if self._charge_permille is None else self._charge_permille // 10

    def handlers(self) -> dict[str, Callable[[Fields], Answer]]:
        """Message name -> function, for the cable."""
        return {
            "measure_power": self._measure_power,
            "limit_input": self._limit_input,
            "get_power": self._get_power,
            "set_charging": self._set_charging,
        }

    # -- messages

    def _measure_power(self, fields: Fields) -> Answer:
        if self._window is not None:
            raise Refusal("not_now", "this camera is measuring its supply already: ask again when it has told")
        self._run = fields["run"]
        self._window = Window(self._clock.now_ms(), fields["window_ms"])
        return None

    def _limit_input(self, fields: Fields) -> Answer:
        charger = self._charger
        if charger is None:
            raise Refusal("unsupported", "this camera has no charger that can be told")
        if not self._supplied:
            raise Refusal("not_now", "this camera has no supply: dock it")
        limit_ua = min(fields["limit_ua"], self._allowed_ua)
        if limit_ua < charging.INPUT_MIN_UA:
            raise Refusal("out_of_range", f"a charger takes {charging.INPUT_MIN_UA} uA or more, not {limit_ua}")

        def limit() -> None:
            charger.isolate(False)
            charger.enable(True)
            charger.limit_input(limit_ua)

        if not self._guarded(limit):
            raise Refusal("not_now", self.reason)
        self._limited_until_ms = self._clock.now_ms() + fields["duration_ms"]
        return None

    def _set_charging(self, fields: Fields) -> Answer:
        if self._charger is None:
            raise Refusal("unsupported", "this camera has no charger that can be told")
        self._allowed_ua = min(fields["allowed_ua"], self._cell["input_limit_ua"])
        self._smart = fields["smart"]
        self._decide(self._clock.now_ms())
        self._guarded(self._set_up)
        return None

    def _get_power(self, fields: Fields) -> Answer:
        log = self._log
        return "power", {
            "charging": schema.number_of(schema.CHARGING_STATES, self.state),
            "reason": self.reason[: schema.TEXT_BYTES_MAX // 4],
            "cell_uv": self._cell_uv,
            "charge_permille": self._charge_permille or 0,
            "charge_ua": self._charge_ua,
            "input_uv": self._supply_uv(),
            "allowed_ua": self._allowed_ua,
            "smart": self._smart,
            "docked_percent": log.docked_percent,
            "undocked_percent": log.undocked_percent,
            "cycles_percent": log.cycles_permille // 10,
            "empty_shutdowns": log.empty_shutdowns(self._clock.wall().unix_ms),
        }

    # -- chips

    def _is_managed(self) -> bool:
        return self._charger is not None or self._gauge is not None

    def _follow_dock(self, now_ms: int, docked: bool) -> None:
        first, self._supplied = self._polled_ms is None, docked
        self._supplied_ms = now_ms
        self._ready = False
        if first and self._gauge is not None:
            self._guarded(self._gauge.start)
        self._allowed_ua = self._cell["input_limit_ua"]  # other contacts now
        self._limited_until_ms = None
        self._poll(now_ms)
        if self._charge_permille is not None and not (first and not docked):
            (self._log.dock if docked else self._log.undock)(self._charge_permille)
            self._log.write()

    def _poll(self, now_ms: int) -> None:
        self._polled_ms = now_ms
        self._guarded(self._look)
        if self._charge_permille is not None:
            wall = self._clock.wall()
            self._log.follow(self._charge_permille, self._supplied, wall.unix_ms)
        self._log.write()
        held = self._held
        self._decide(now_ms)
        if self._supplied and (held != self._held or not self._ready):
            self._guarded(self._set_up)

    def _look(self) -> None:
        """PortFault. Chips that lost their settings get them again."""
        self.reason = ""
        if self._gauge is not None:
            self._charge_permille = self._gauge.read_charge_permille()
            self._cell_uv = self._gauge.read_cell_uv()
        charger = self._charger
        if charger is None or not self._supplied:
            return
        was, now = charger.faults()  # before the sign of life: it ends what is told of the watchdog
        charger.feed()
        self._ready = self._ready and not was.watchdog and not now.watchdog
        self._phase = charger.state()
        self._charge_ua = charger.read_charge_ua()
        words = [now.charge and f"charge: {now.charge}", now.temperature and f"cell: {now.temperature}"]
        self.reason = ", ".join([word for word in words if word] + ["cell: too high a voltage"] * now.battery)

    def _set_up(self) -> None:
        """PortFault. Everything the charger is told, in one go; a limit that a controller set for a while stands."""
        charger = self._charger
        if charger is None or not self._supplied:
            return
        limit_ua = max(self._allowed_ua, charging.INPUT_MIN_UA)
        if not self._ready:
            charger.start(limit_ua, self._cell["charge_ua"], self._cell["full_uv"])
            self._ready = True
        if self._limited_until_ms is not None:
            return
        charger.limit_input(limit_ua)
        charger.enable(self.state not in ("held", "stopped"))
        charger.isolate(self.state == "held" and charging.lets_down(self._charge_permille or 0))

    def _decide(self, now_ms: int) -> None:
        docked_ms = now_ms - self._supplied_ms
        if self._charge_permille is not None:
            smart = self._smart and self._supplied
            self._held = charging.holds_back(self._held, smart, docked_ms, self._charge_permille)
        seen = charging.Seen(
            supplied=self._supplied,
            managed=self._charger is not None,
            fault=self.reason,
            allowed_ua=self._allowed_ua,
            held=self._held,
            since_supply_ms=docked_ms,
            phase=self._phase if self._ready else NOT_CHARGING,
            cell_uv=self._cell_uv,
            full_uv=self._cell["full_uv"],
        )
        self.state = charging.state_of(seen)

    def _guarded(self, action: Callable[[], object]) -> bool:
        """Whether the chips took part; if not, ``reason`` says which did not."""
        try:
            action()
        except PortFault as fault:
            self.reason = str(fault)
            self._ready = False
            return False
        return True

    # -- supply

    def _sample(self, now_ms: int) -> None:
        window = self._window
        if window is None:
            return
        with suppress(PortFault):  # a window without a reading has no samples: whoever asked sees that
            window.take(self._adc.read_uv(SUPPLY))
        if window.is_over(now_ms) or now_ms - window.began_ms > 2 * schema.POWER_WINDOW_MS_MAX:
            self._window = None
            self.windows.append(
                {
                    "bay": 0,
                    "run": self._run,
                    "began_ms": window.began_ms,
                    "samples": min(window.count, schema.POWER_SAMPLES_MAX),
                    "supply_uv": window.mean() if window.count else 0,
                    "supply_deviation_uv": window.deviation(),
                    "current_ua": 0,
                    "current_deviation_ua": 0,
                }
            )

    def _supply_uv(self) -> int:
        try:
            return self._adc.read_uv(SUPPLY)
        except PortFault:
            return 0


def _made(make: Callable[[I2c, int], Any], part: str, buses: Mapping[str, I2c], board: Fields) -> Any:
    """The driver of a part that the board has on one of these buses; None if it has none."""
    for chip in board.get("chips", {}).values():
        if chip["part"] == part and chip.get("bus") in buses:
            return make(buses[chip["bus"]], chip["address"])
    return None
