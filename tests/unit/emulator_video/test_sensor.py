"""The sensor behind its port: paced, threaded or on virtual time, bounded, and honest about what fails."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from firmware.ports import sensor_suite
from firmware.ports.clock import Clock
from firmware.ports.errors import SensorFault
from firmware.ports.memory_clock import ManualClock
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, SensorSettings
from host_tools.emulator.scene import Scene, SceneError, scene_from_argument
from host_tools.emulator.video_sensor import EncodingSensor
from tests.patience import LIMIT_S

STREET = scene_from_argument(None, 1)


@pytest.fixture
def new_sensor() -> Iterator[Callable[..., EncodingSensor]]:
    """Makes sensors; none outlives its test, even one that fails."""
    made: list[EncodingSensor] = []

    def make(wake: Callable[[], None] = lambda: None, clock: Clock | None = None, **choices: Any) -> EncodingSensor:
        scenes = choices.pop("scenes", STREET)
        made.append(EncodingSensor(scenes, wake, clock or ManualClock(), **choices))
        return made[-1]

    yield make
    for sensor in made:
        sensor.close()


@pytest.fixture
def free_sensor(new_sensor: Any) -> Callable[..., EncodingSensor]:
    """Makes sensors with a thread that encodes as fast as the machine and the consumer can."""
    return partial(new_sensor, speed=None)


class FailingScene(Scene):
    """The street, until it fails at a frame."""

    def __init__(self, settings: SensorSettings, failure: Exception, at_frame: int) -> None:
        self._street = STREET(settings)
        self._failure = failure
        self._at_frame = at_frame
        self.closed = 0

    def frame(self, index: int) -> Any:
        if index >= self._at_frame:
            raise self._failure
        return self._street.frame(index)

    def sound(self, first_sample: int, count: int) -> Any:
        return self._street.sound(first_sample, count)

    def close(self) -> None:
        self.closed += 1
        self._street.close()


@pytest.mark.parametrize("case", sensor_suite.CASES, ids=[case.__name__ for case in sensor_suite.CASES])
def test_the_suite_of_the_port(case: Callable[..., None], new_sensor: Any) -> None:
    def make() -> tuple[EncodingSensor, Callable[[int], None]]:
        clock = ManualClock(5000)
        return new_sensor(clock=clock, threaded=False), clock.advance

    case(make)


@pytest.mark.parametrize("audio", [True, False])
def test_without_a_thread_fragments_come_when_the_clock_says(
    settings: SensorSettings, audio: bool, new_sensor: Any
) -> None:
    clock, polls = ManualClock(7_000), 0
    sensor = new_sensor(clock=clock, threaded=False)
    assert sensor.next_deadline_ms() is None
    sensor.start(settings._replace(audio=audio))
    seen: list[tuple[int, int, int]] = []
    while len(seen) < 4:
        deadline_ms = sensor.next_deadline_ms()
        assert deadline_ms is not None
        if deadline_ms > clock.now_ms():
            clock.advance(deadline_ms - clock.now_ms() - 1)
            assert sensor.poll() is None
            clock.advance(1)
        fragment = sensor.poll()
        polls += 1
        if fragment is not None:
            seen.append((clock.now_ms() - 7_000, fragment.kind, fragment.start_ms))
    # A second is complete when the first frame of the next one has been taken; sound holds it for one more.
    late_ms = 40 if audio else 0
    assert seen == [
        (40, FRAGMENT_INIT, 0),
        (1040 + late_ms, FRAGMENT_MEDIA, 0),
        (2040 + late_ms, FRAGMENT_MEDIA, 1000),
        (3040 + late_ms, FRAGMENT_MEDIA, 2000),
    ]
    assert polls <= 8, "next_deadline_ms is not called for each frame"
    sensor.close()
    assert sensor.poll() is None


def test_a_stop_before_the_first_picture_still_records_one(
    settings: SensorSettings, check_kinds: Any, new_sensor: Any
) -> None:
    sensor = new_sensor(threaded=False)
    sensor.start(settings)
    sensor.stop()
    fragments: list[Fragment] = []
    while (fragment := sensor.poll()) is not None:
        fragments.append(fragment)
    assert [(f.duration_ms, f.frames) for f in check_kinds(fragments)] == [(40, 1)]
    sensor.close()


def test_a_stop_in_the_middle_delivers_the_last_short_fragment(
    settings: SensorSettings, recorder: Any, check_kinds: Any, decode: Any, free_sensor: Any
) -> None:
    sensor = free_sensor(recorder.wake)
    sensor.start(settings)
    recorder.poll_until(sensor, lambda fragments: len(fragments) >= 3)
    sensor.stop()
    media = check_kinds(recorder.poll_to_end(sensor))
    assert {fragment.frames for fragment in media[:-1]} == {25}
    assert 1 <= media[-1].frames <= 25
    pictures = decode(b"".join(fragment.data for fragment in recorder.fragments))
    assert len(pictures) == sum(fragment.frames for fragment in media)
    assert sensor.frames_dropped() == 0
    assert sensor.poll() is None
    sensor.close()


def test_the_queue_is_bounded_and_nothing_is_lost_without_a_pace(
    settings: SensorSettings, recorder: Any, check_kinds: Any, free_sensor: Any
) -> None:
    sensor = free_sensor(recorder.wake, queue_fragments_max=2)
    sensor.start(settings)
    for _ in range(2):
        assert recorder.woken.acquire(timeout=LIMIT_S)
    # Nobody polls: the encoder has to wait, having woken us for no more than the queue holds.
    assert not recorder.woken.acquire(timeout=0.5)
    sensor.stop()
    check_kinds(recorder.poll_to_end(sensor))
    sensor.close()


def test_a_clock_that_runs_away_costs_frames_and_they_are_counted(
    settings: SensorSettings, recorder: Any, check_kinds: Any, new_sensor: Any
) -> None:
    clock = ManualClock()
    sensor = new_sensor(recorder.wake, clock)
    sensor.start(settings)
    clock.advance(5_000)
    recorder.poll_until(sensor, lambda fragments: len(fragments) >= 1)
    sensor.stop()
    media = check_kinds(recorder.poll_to_end(sensor))
    frames = sum(fragment.frames for fragment in media)
    assert sensor.frames_dropped() >= 124, "all but the newest of five seconds, unless the thread was very quick"
    assert frames + sensor.frames_dropped() == 125
    sensor.close()


def test_a_little_lag_costs_nothing(settings: SensorSettings, recorder: Any, check_kinds: Any, new_sensor: Any) -> None:
    clock = ManualClock()
    sensor = new_sensor(recorder.wake, clock)
    sensor.start(settings._replace(audio=False))
    for _ in range(3):
        clock.advance(1_040 if clock.now_ms() == 0 else 1_000)
        recorder.poll_until(sensor, lambda fragments: len(fragments) >= 1 + clock.now_ms() // 1_000)
    sensor.stop()
    media = check_kinds(recorder.poll_to_end(sensor))
    assert sensor.frames_dropped() == 0
    assert sum(fragment.frames for fragment in media) == 76
    sensor.close()


def test_a_paced_encoder_is_not_faster_than_its_clock(
    settings: SensorSettings, recorder: Any, real_clock: Clock, new_sensor: Any
) -> None:
    sensor = new_sensor(recorder.wake, real_clock, speed=4.0)
    started_ms = real_clock.now_ms()
    sensor.start(settings)
    recorder.poll_until(sensor, lambda fragments: len(fragments) >= 3)
    assert real_clock.now_ms() - started_ms >= 2040 // 4
    sensor.close()


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (SceneError("/dev/video0: stopped delivering; plug it in again"), "/dev/video0: stopped delivering; plug it"),
        (RuntimeError("sync\nlost"), "encoding failed: RuntimeError: sync lost"),
    ],
)
def test_what_fails_while_encoding_comes_out_of_poll(
    settings: SensorSettings, recorder: Any, threaded: bool, failure: Exception, line: str, new_sensor: Any
) -> None:
    made: list[FailingScene] = []

    def scenes(given: SensorSettings) -> Scene:
        made.append(FailingScene(given, failure, at_frame=30))
        return made[-1]

    clock = ManualClock()
    sensor = new_sensor(recorder.wake, clock, scenes=scenes, threaded=threaded, speed=None)
    sensor.start(settings)
    with pytest.raises(SensorFault, match=line):
        recorder.poll_until(sensor, lambda _: False)
    assert [fragment.kind for fragment in recorder.fragments] == [FRAGMENT_INIT, FRAGMENT_MEDIA]
    assert sensor.poll() is None, "told once; the sensor is idle"
    sensor.close()
    assert made[0].closed >= 1
    sensor.start(settings)
    assert len(made) == 2
    sensor.close()


def test_a_scene_that_cannot_be_made_is_told_by_start(settings: SensorSettings, free_sensor: Any) -> None:
    def scenes(_: SensorSettings) -> Scene:
        raise SceneError("clip.mp4: there is no such file; give --scene a file")

    sensor = free_sensor(scenes=scenes)
    with pytest.raises(SensorFault, match=r"clip\.mp4: there is no such file"):
        sensor.start(settings)
    assert sensor.poll() is None
    sensor.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width_px", 32),
        ("width_px", 321),
        ("height_px", 5000),
        ("frames_per_second", 0),
        ("frames_per_second", 500),
        ("bit_rate_bps", 10),
        ("unix_ms", -1),
        ("unix_ms", 1 << 60),
    ],
)
def test_settings_that_make_no_video_are_refused(
    settings: SensorSettings, name: str, value: int, free_sensor: Any
) -> None:
    sensor = free_sensor()
    with pytest.raises(SensorFault, match=f"sensor setting {name} is {value}: it must be"):
        sensor.start(settings._replace(**{name: value}))
    sensor.close()


def test_one_recording_at_a_time_and_then_another(settings: SensorSettings, recorder: Any, free_sensor: Any) -> None:
    sensor = free_sensor(recorder.wake)
    sensor.start(settings)
    with pytest.raises(SensorFault, match="recording already"):
        sensor.start(settings)
    sensor.stop()
    recorder.poll_to_end(sensor)
    recorder.fragments.clear()
    sensor.start(settings)
    sensor.stop()
    assert recorder.poll_to_end(sensor)[0].kind == FRAGMENT_INIT
    sensor.close()


@pytest.mark.parametrize("full", [True, False])
def test_close_ends_the_thread_whatever_it_does(
    settings: SensorSettings, recorder: Any, full: bool, new_sensor: Any
) -> None:
    clock = ManualClock()
    sensor = new_sensor(recorder.wake, clock, speed=None if full else 1.0, queue_fragments_max=1)
    sensor.start(settings)
    if full:
        assert recorder.woken.acquire(timeout=LIMIT_S)
    assert any(thread.name == "sensor-encoder" for thread in threading.enumerate())
    sensor.close()
    sensor.close()
    assert not any(thread.name == "sensor-encoder" for thread in threading.enumerate())
    assert sensor.poll() is None
    sensor.stop()


@pytest.mark.req("EMU-05")
def test_both_ways_to_run_give_the_same_bytes(
    settings: SensorSettings, recorder: Any, new_sensor: Any, free_sensor: Any
) -> None:
    threaded = free_sensor(recorder.wake)
    threaded.start(settings)
    recorder.poll_until(threaded, lambda fragments: len(fragments) >= 3)
    threaded.close()
    clock = ManualClock()
    inline = new_sensor(clock=clock, threaded=False)
    inline.start(settings)
    clock.advance(2_080)
    assert [inline.poll() for _ in range(3)] == recorder.fragments[:3]
    inline.close()


def test_wake_may_be_called_while_the_end_is_taken(settings: SensorSettings, recorder: Any, free_sensor: Any) -> None:
    sensor = free_sensor(recorder.wake)
    sensor.start(settings)
    sensor.stop()
    assert recorder.poll_to_end(sensor)[-1].kind == FRAGMENT_END
    assert sensor.next_deadline_ms() is None
    sensor.close()


def test_a_speed_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="speed 0"):
        EncodingSensor(STREET, lambda: None, ManualClock(), speed=0)
