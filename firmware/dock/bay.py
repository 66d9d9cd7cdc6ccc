"""One bay: presence, contact check, power, over-current, heat.

Law: reads and writes its own pins only, knows no messages and no other bay. The state tables are in ``states``, the
meaning of readings in ``contacts``, how they are taken in ``meter``. ``changed`` and ``measured`` are raised here and
lowered by whoever reports, and so is ``windows`` filled and emptied.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.dock import contacts, states
from firmware.dock.meter import Meter
from firmware.drivers.debounce import Debounce
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.adc import Adc
    from firmware.ports.pins import Pins

REST_MS = 50  # pins undriven before the first reading of the contact check: the power pin's capacitor discharges
DRIVE_MS = 100  # drive before the second reading: two time constants of 10 kOhm into a camera's 4.7 uF
UNLOADED_MS = 20  # after power on: the switch has risen, the camera's charger has not started
INRUSH_MS = 20  # over-current is not judged before: capacitors charge within 5 ms at the switch's own limit
OVER_CURRENT_SAMPLES = 2  # in a row
LOADED_UA_MIN = 100_000  # less is not a load that shows a droop
LOADED_REST_MS = 200  # the load must have flowed for so long before it is measured
LOADED_LIMIT_MS = 3_000  # a camera that draws nothing by then is full: the check ends without a droop
SUPPLY_EVERY_MS = 100  # between readings of a docked bay's supply voltage
TEMPERATURE_EVERY_MS = 1_000  # a block of contacts warms within tens of seconds
WINDOW_SAMPLE_MS = 2  # while supply and current are averaged for a comparison with the camera's side
RESTLESS_MS = 5_000  # a contact that has not come to rest by then will not: no hand takes so long
RETRY_FIRST_MS = 1_000  # before what could not be read twice in a row is tried again; doubled each time
RETRY_MS_MAX = 300_000  # a converter that is broken is not heard of more often
COUNT_MAX = 65_535  # what the message table has room for


class Bay:
    """``electrical``: presence_open_uv, over_current_ua, shunt_uohm (from board.toml). ``windows``: the fields of
    ``power_measured`` that are to be reported."""

    def __init__(self, number: int, pins: "Pins", adc: "Adc", electrical: "dict[str, int]") -> None:
        self.number = number
        self.state = states.FREE
        self.changed = False
        self.measured = False
        self.supply_uv = 0
        self.current_ua = 0
        self.due_ms = 0
        self.windows = []  # type: list[dict[str, Any]]
        self.check = contacts.ContactCheck()
        self._pins = pins
        self._meter = Meter(number, adc, electrical)
        self._open_uv = electrical["presence_open_uv"]
        self._over_current_ua = electrical["over_current_ua"]
        self._power_pin = "bay%d.power" % number
        self._drive_pin = "bay%d.drive" % number
        self._debounce = Debounce()
        self._presence_uv = 0
        self._phase_ms = 0
        self._driving = False
        self._rest_uv = (0, 0)
        self._unreadable = False
        self._retry_due_ms = 0
        self._retry_ms = 0  # how long the next wait is
        self._told_heat = contacts.NOT_MEASURED
        self._hot = False
        self._over_samples = 0
        self._loaded_since_ms = -1
        self._unloaded_uv = -1
        self._supply_due_ms = 0
        self._temperature_due_ms = 0
        self._apply_outputs()

    def step(self, now_ms: int) -> None:
        """Look at the bay if it is time. PortFault only if the power switch cannot be opened."""
        if now_ms < self.due_ms:
            return
        try:
            event = self._look(now_ms)
        except PortFault:
            event = states.UNREADABLE
        if event is not None:
            self.happen(event, now_ms)
        self.due_ms = now_ms + self._pace_ms()

    def happen(self, event: str, now_ms: int) -> bool:
        """Let an event of ``states`` happen; False if the state does not allow it."""
        state = states.TRANSITIONS.get((self.state, event))
        if state is None:
            return False
        self._unreadable = event == states.UNREADABLE
        if self._unreadable:
            self._retry_due_ms = now_ms + self._retry_ms
            self._retry_ms = min(max(2 * self._retry_ms, RETRY_FIRST_MS), RETRY_MS_MAX)
        elif state in (states.FREE, states.DOCKED):
            self._retry_ms = 0
        self._hot = event == states.OVERHEATED
        self._enter(state, now_ms)
        return True

    def measure_now(self) -> None:
        """Take again what can be taken without cutting the power; the rest stays as the last check found it, and a
        load that this check still waits for is measured and told when it flows. PortFault if the converter fails.
        """
        self.check.take(contacts.PRESENCE, self._meter.average_uv("presence"))
        self._take_temperature()
        if self.state in states.POWERED and not self._awaits_load():
            self._measure_power()

    def begin_window(self, run: int, window_ms: int, now_ms: int) -> bool:
        """Average supply and current from now on, for ``windows``; False while the bay is not powered, or does so."""
        if self.state not in states.POWERED or not self._meter.begin_window(run, window_ms, now_ms):
            return False
        self.due_ms = now_ms
        return True

    def measurements(self) -> "list[dict[str, int]]":
        """What is known of the contacts, as records of the message table, to be told."""
        self._told_heat = self.check.verdict_of(contacts.BLOCK_TEMPERATURE)
        return self.check.measurements()

    def is_powered(self) -> bool:
        """Whether the power switch is closed."""
        return self.state in states.POWERED

    def needs_watching(self) -> bool:
        """Whether the bay must be looked at in time although no reading changes: something is being waited for."""
        if self.state == states.FREE:
            return self._debounce.settling or self._debounce.level
        if not self._debounce.level or self._debounce.wavers():
            return True
        if self.state == states.DOCKED:
            return self._awaits_load() or self._meter.is_open() or self._over_samples > 0
        return self.state in (states.SETTLING, states.CHECKING) or self._unreadable

    def errand_ms(self) -> "int | None":
        """When the bay must be looked at although no reading changes; None: not before one does."""
        if self.needs_watching():
            return self.due_ms
        return max(self._temperature_due_ms, self.due_ms) if self.state == states.DOCKED or self._hot else None

    def settle_ms(self) -> int:
        """How long the contacts took to come to rest when the camera arrived."""
        return min(self._debounce.settle_ms, COUNT_MAX)

    def bounces(self) -> int:
        """How often they opened meanwhile."""
        return min(self._debounce.bounces, COUNT_MAX)

    # -- looking

    def _look(self, now_ms: int) -> "str | None":
        self._presence_uv = self._meter.read_uv("presence")
        self._debounce.feed(self._presence_uv < self._open_uv, now_ms)
        event = self._contact_event(now_ms)
        if event is not None:
            return event
        if self.state == states.CHECKING:
            return self._check_pins(now_ms)
        if self.state == states.DOCKED:
            return self._watch_power(now_ms) or self._watch_heat(now_ms)
        if self._hot:
            return self._watch_heat(now_ms)
        return None

    def _contact_event(self, now_ms: int) -> "str | None":
        if self.state == states.FREE:
            return states.TOUCHED if self._debounce.settling or self._debounce.level else None
        if self._debounce.level:
            if self.state == states.SETTLING:
                return states.SETTLED
            return states.RECHECK if self._unreadable and now_ms >= self._retry_due_ms else None
        if not self._debounce.settling:
            return states.GONE
        return self._give_up_settling(now_ms) if self.state == states.SETTLING else None

    def _give_up_settling(self, now_ms: int) -> "str | None":
        """A bay that waits for rest looks empty to whoever has put a camera there: it says that it cannot read it."""
        if now_ms - self._phase_ms < RESTLESS_MS:
            return None
        self._begin_check()
        self.check.take(contacts.PRESENCE, self._meter.average_uv("presence"))
        self.check.take(contacts.SETTLE_TIME, now_ms - self._phase_ms)
        return states.UNREADABLE

    def _check_pins(self, now_ms: int) -> "str | None":
        waited_ms = now_ms - self._phase_ms
        if not self._driving:
            if waited_ms >= REST_MS:
                self._rest_uv = (self._meter.average_uv("coupling"), self._meter.average_uv("presence"))
                self._drive(True)
                self._phase_ms = now_ms
            return None
        if waited_ms < DRIVE_MS:
            return None
        driven_uv = (self._meter.average_uv("coupling"), self._meter.average_uv("presence"))
        driven_pin_uv = self._meter.average_uv("supply")
        self._drive(False)
        self.check.take(contacts.PRESENCE, self._rest_uv[1])
        self.check.take(contacts.PIN_COUPLING, contacts.coupling_ppm(self._rest_uv, driven_uv, driven_pin_uv))
        if self.check.fails(contacts.BLOCK_TEMPERATURE):
            return states.OVERHEATED
        if self.check.passes(contacts.PRESENCE) and self.check.passes(contacts.PIN_COUPLING):
            return states.CLEAN
        return states.JOINED

    def _watch_power(self, now_ms: int) -> "str | None":
        self.current_ua = self._meter.read_current_ua()
        waited_ms = now_ms - self._phase_ms
        if waited_ms < INRUSH_MS:
            return None
        self._over_samples = self._over_samples + 1 if self.current_ua > self._over_current_ua else 0
        if self._over_samples >= OVER_CURRENT_SAMPLES:
            self.check.take(contacts.CHARGE_CURRENT, self.current_ua)
            return states.OVER_CURRENT
        if now_ms >= self._supply_due_ms:
            self.supply_uv = self._meter.read_uv("supply")
            self._supply_due_ms = now_ms + SUPPLY_EVERY_MS
        self._report_window(self._meter.fill_window(now_ms))
        if self._awaits_load():
            self._measure_load(now_ms, waited_ms)
        return None

    def _awaits_load(self) -> bool:
        return self.check.value_of(contacts.CHARGE_CURRENT) is None

    def _measure_load(self, now_ms: int, waited_ms: int) -> None:
        if self._unloaded_uv < 0 and waited_ms >= UNLOADED_MS and self.current_ua < LOADED_UA_MIN:
            self._unloaded_uv = self._meter.average_uv("supply")
        if self.current_ua < LOADED_UA_MIN:
            self._loaded_since_ms = -1
        elif self._loaded_since_ms < 0:
            self._loaded_since_ms = now_ms
        loaded = self._loaded_since_ms >= 0 and now_ms - self._loaded_since_ms >= LOADED_REST_MS
        if loaded or waited_ms >= LOADED_LIMIT_MS:
            self._measure_power()
            self.measured = True
            self.changed = True

    def _measure_power(self) -> None:
        self.supply_uv = self._meter.average_uv("supply")
        self.current_ua = self._meter.average_current_ua()
        self.check.take(contacts.SUPPLY_VOLTAGE, self.supply_uv)
        self.check.take(contacts.CHARGE_CURRENT, self.current_ua)
        if self._unloaded_uv >= 0 and self.current_ua >= LOADED_UA_MIN:
            self.check.take(contacts.SUPPLY_DROOP, self._unloaded_uv - self.supply_uv)

    def _watch_heat(self, now_ms: int) -> "str | None":
        """Too hot: the power goes, whatever the controller wants. Cool again: the contacts are checked anew."""
        if now_ms < self._temperature_due_ms:
            return None
        temperature_mc = self._take_temperature()
        self._temperature_due_ms = now_ms + TEMPERATURE_EVERY_MS
        if temperature_mc is None:
            return None
        verdict = self.check.verdict_of(contacts.BLOCK_TEMPERATURE)
        is_over = verdict != contacts.PASS or temperature_mc <= contacts.COOL_MC
        if verdict != self._told_heat and is_over:
            self.measured = self.changed = True
        if self.state == states.DOCKED:
            return None if self.check.passes(contacts.BLOCK_TEMPERATURE) else states.OVERHEATED
        return states.COOLED if temperature_mc <= contacts.COOL_MC else None

    def _take_temperature(self) -> "int | None":
        temperature_mc = self._meter.read_temperature_mc()
        if temperature_mc is not None:
            self.check.take(contacts.BLOCK_TEMPERATURE, temperature_mc)
        return temperature_mc

    def _report_window(self, fields: "dict[str, Any] | None") -> None:
        if fields is not None:
            self.windows.append(fields)

    # -- states and outputs

    def _pace_ms(self) -> int:
        if self._meter.is_open():
            return WINDOW_SAMPLE_MS
        return states.SAMPLE_WAVERING_MS if self._debounce.wavers() else states.SAMPLE_MS[self.state]

    def _enter(self, state: int, now_ms: int) -> None:
        self.state = state
        self.changed = True
        self._phase_ms = now_ms
        self._over_samples = 0
        self._loaded_since_ms = -1
        self._unloaded_uv = -1
        if state == states.SETTLING:
            self.check.clear()
        if state == states.CHECKING:
            self._begin_check()
        if state == states.FAULT:
            self.measured = True
        if state not in states.POWERED:
            self.supply_uv = 0
            self.current_ua = 0
            self._report_window(self._meter.end_window())
        self._apply_outputs()
        self.due_ms = now_ms

    def _begin_check(self) -> None:
        self.check.clear()
        self._take_temperature()
        self._told_heat = self.check.verdict_of(contacts.BLOCK_TEMPERATURE)
        self.check.take(contacts.SETTLE_TIME, self.settle_ms())
        self.check.take(contacts.BOUNCES, self.bounces())

    def _apply_outputs(self) -> None:
        self._pins.write(self._power_pin, self.state in states.POWERED)
        self._drive(False)

    def _drive(self, level: bool) -> None:
        self._driving = level
        self._pins.write(self._drive_pin, level)
