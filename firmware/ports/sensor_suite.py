"""What every sensor must pass. ``CASES`` take ``new_sensor()``, which returns an idle sensor and a function that lets
milliseconds pass (and the encoder work) until what was due in them can be polled."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import SensorFault
from firmware.ports.expect import expect_fault
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, SensorSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.sensor import Fragment, Sensor

    NewSensor = Callable[[], tuple[Sensor, Callable[[int], None]]]

SETTINGS = SensorSettings(
    width_px=320,
    height_px=180,
    frames_per_second=10,
    bit_rate_bps=200000,
    audio=False,
    overlay=("suite",),
    unix_ms=1750000000000,
)
STEP_MS = 250
STEPS_MAX = 400  # steps until the encoder must have drained


def delivers_in_order_until_the_end(new_sensor: "NewSensor") -> None:
    """Initialisation once, then media without gaps in time, then the end once."""
    sensor, pass_ms = new_sensor()
    check_recording(record(sensor, pass_ms, 3500), 3500)


def records_again(new_sensor: "NewSensor") -> None:
    """Each recording starts with its own initialisation and at its own zero."""
    sensor, pass_ms = new_sensor()
    for length_ms in (1000, 2500):
        check_recording(record(sensor, pass_ms, length_ms), length_ms)


def one_recording_at_a_time(new_sensor: "NewSensor") -> None:
    """A second start is refused, and the first recording goes on."""
    sensor, pass_ms = new_sensor()
    sensor.start(SETTINGS)
    expect_fault(SensorFault, sensor.start, SETTINGS)
    pass_ms(1000)
    sensor.stop()
    check_recording(drain(sensor, pass_ms), 1000)


def an_idle_sensor_is_silent(new_sensor: "NewSensor") -> None:
    """Before the first start and after the last end."""
    sensor, pass_ms = new_sensor()
    assert sensor.poll() is None
    record(sensor, pass_ms, 500)
    pass_ms(1000)
    assert sensor.poll() is None
    sensor.stop()
    assert sensor.poll() is None


CASES = (delivers_in_order_until_the_end, records_again, one_recording_at_a_time, an_idle_sensor_is_silent)


def record(sensor: "Sensor", pass_ms: "Callable[[int], None]", length_ms: int) -> "list[Fragment]":
    """All fragments of a recording of about that length."""
    sensor.start(SETTINGS)
    fragments: "list[Fragment]" = []
    for _ in range(length_ms // STEP_MS):
        pass_ms(STEP_MS)
        collect(sensor, fragments)
    sensor.stop()
    return fragments + drain(sensor, pass_ms)


def drain(sensor: "Sensor", pass_ms: "Callable[[int], None]") -> "list[Fragment]":
    """Everything up to the end, after ``stop``."""
    fragments: "list[Fragment]" = []
    for _ in range(STEPS_MAX):
        collect(sensor, fragments)
        if fragments and fragments[-1].kind == FRAGMENT_END:
            return fragments
        pass_ms(STEP_MS)
    raise AssertionError("no end after %d ms" % (STEPS_MAX * STEP_MS))


def collect(sensor: "Sensor", fragments: "list[Fragment]") -> None:
    """Poll until there is nothing more now."""
    while True:
        fragment = sensor.poll()
        if fragment is None:
            return
        fragments.append(fragment)


def check_recording(fragments: "list[Fragment]", length_ms: int) -> None:
    """The kinds in order, media time without a gap, of the right length within one fragment."""
    kinds = [fragment.kind for fragment in fragments]
    assert (kinds[0], kinds[-1]) == (FRAGMENT_INIT, FRAGMENT_END), kinds
    media = fragments[1:-1]
    assert media
    time_ms = 0
    for fragment in media:
        assert fragment.kind == FRAGMENT_MEDIA
        assert fragment.frames > 0
        assert len(fragment.data) > 0
        assert abs(fragment.start_ms - time_ms) <= 1, (fragment.start_ms, time_ms)
        time_ms = fragment.start_ms + fragment.duration_ms
    assert abs(time_ms - length_ms) <= 1000, (time_ms, length_ms)
    assert len(fragments[-1].data) == 0
