"""The emulated camera's sensor: a scene, encoded for real, delivered through the firmware's Sensor port.

Law: the encoder runs in a thread that one recording owns (``threaded``), or inside ``poll`` where time is virtual. The
way to the firmware is a queue of a few fragments: a consumer that lags makes the encoder wait, and then lose frames and
count them, as a real camera does. Everything that fails while encoding comes out of ``poll`` as a SensorFault.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from firmware.ports.clock import Clock
from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings
from host_tools.emulator.scene import SceneError, SceneFactory, require_video_extra
from host_tools.emulator.video_pace import Pace

if TYPE_CHECKING:
    from host_tools.emulator.video_encoder import FragmentEncoder

QUEUE_FRAGMENTS_MAX = 4  # seconds of encoded video kept for a firmware that is busy; a second is about 100 KiB to 1 MiB
LAG_S_MAX = 2.0  # how far the encoder may fall behind (a slow start, a busy machine) before frames are dropped
WAIT_MS_MAX = 500  # a waiting encoder looks at the clock again at least this often, should the clock be set or scaled

SIZE_PX_MIN, SIZE_PX_MAX = 64, 4096  # below, no overlay is legible; above, no level of H.264 that we use
RATE_FPS_MAX = 120
BIT_RATE_BPS_MIN, BIT_RATE_BPS_MAX = 50_000, 100_000_000
UNIX_MS_MAX = 253_402_300_799_999  # the end of the year 9999: later has no calendar date


class EncodingSensor(Sensor):
    """Real H.264 and AAC from a scene, one fragment a second.

    ``wake`` is called when ``poll`` has something, from the encoder's thread if there is one: it must be thread-safe
    and quick, and work until ``close`` has returned. ``clock`` paces; ``speed`` is media time by clock time, None for
    as fast as the machine and the consumer can. With ``threaded`` the clock is read from the encoder's thread.
    Without, ``poll`` encodes what the clock says has passed, drops nothing and never wakes; ``next_deadline_ms`` says
    when the next fragment will be there.
    VideoExtraMissing where openbwc[video] is not installed.
    """

    def __init__(
        self,
        scene_factory: SceneFactory,
        wake: Callable[[], None],
        clock: Clock,
        *,
        threaded: bool = True,
        speed: float | None = 1.0,
        queue_fragments_max: int = QUEUE_FRAGMENTS_MAX,
        utc_offset_min: int = 0,
    ) -> None:
        if speed is not None and speed <= 0:
            raise ValueError(f"speed {speed}: must be above 0, or None for no pace at all")
        require_video_extra()
        self._scene_factory = scene_factory
        self._wake = wake
        self._clock = clock
        self._threaded = threaded
        self._speed = speed
        self._queue_max = queue_fragments_max
        self._utc_offset_min = utc_offset_min
        self._recording: _Recording | None = None

    def start(self, settings: SensorSettings) -> None:
        """Begin to encode. SensorFault if the settings make no video, the scene is gone, or a recording is running."""
        if self._recording is not None and not self._recording.is_over():
            raise SensorFault("the sensor is recording already: stop it and poll until FRAGMENT_END first")
        self.close()
        check_settings(settings)
        encoder = self._make_encoder(settings)
        pace = Pace(self._clock, self._speed, settings.frames_per_second)
        if self._threaded:
            self._recording = _ThreadedRecording(encoder, settings, pace, self._wake, self._queue_max)
        else:
            self._recording = _InlineRecording(encoder, settings, pace)

    def stop(self) -> None:
        """End after the current picture. Does nothing when nothing is being recorded."""
        if self._recording is not None:
            self._recording.stop()

    def poll(self) -> Fragment | None:
        """The next finished fragment, or None."""
        return None if self._recording is None else self._recording.poll()

    def next_deadline_ms(self) -> int | None:
        """When ``poll`` is worth a call although nobody woke: only without a thread, while recording."""
        return None if self._recording is None else self._recording.next_deadline_ms()

    def frames_dropped(self) -> int:
        """Frames that the present or last recording lost because the machine or the consumer was too slow."""
        return 0 if self._recording is None else self._recording.frames_dropped

    def close(self) -> None:
        """Throw away what is not polled yet and wait for the thread to end; a second call does nothing."""
        if self._recording is not None:
            self._recording.close()

    def _make_encoder(self, settings: SensorSettings) -> FragmentEncoder:
        from av.error import FFmpegError

        from host_tools.emulator.video_encoder import FragmentEncoder

        try:
            scene = self._scene_factory(settings)
            try:
                return FragmentEncoder(scene, settings, self._utc_offset_min)
            except BaseException:
                scene.close()
                raise
        except (SceneError, FFmpegError, OSError, ValueError) as error:
            raise SensorFault(fault_line(error)) from error


class _Recording(ABC):
    """One recording between ``start`` and FRAGMENT_END."""

    def __init__(self, encoder: FragmentEncoder, settings: SensorSettings, pace: Pace) -> None:
        self._encoder = encoder
        self._rate = settings.frames_per_second
        self._pace = pace
        self._queue: deque[Fragment] = deque()
        self.frames_dropped = 0

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def poll(self) -> Fragment | None: ...

    @abstractmethod
    def is_over(self) -> bool:
        """Whether FRAGMENT_END or a SensorFault has come out of ``poll``."""

    @abstractmethod
    def next_deadline_ms(self) -> int | None: ...

    @abstractmethod
    def close(self) -> None: ...


class _InlineRecording(_Recording):
    """Encodes inside ``poll``, at most to the end of one fragment a call."""

    def __init__(self, encoder: FragmentEncoder, settings: SensorSettings, pace: Pace) -> None:
        super().__init__(encoder, settings, pace)
        self._index = 0
        self._end: int | None = None  # one past the last frame, known since stop()
        self._finished = False  # the encoder has nothing more

    def stop(self) -> None:
        if self._end is None:
            running = self._index if self._pace.is_free() else self._pace.frames_due()
            self._end = max(1, running)

    def poll(self) -> Fragment | None:
        while not self._queue and not self._finished:
            try:
                if not self._advance():
                    return None
            except Exception as error:  # whatever an encoder or a scene can raise ends this recording, and is told
                self.close()
                raise SensorFault(fault_line(error)) from error
        return self._queue.popleft() if self._queue else None

    def is_over(self) -> bool:
        return self._finished and not self._queue

    def next_deadline_ms(self) -> int | None:
        if self._finished:
            return None
        if self._queue or self._end is not None:
            return self._pace.due_ms(-1)  # it is there already
        if self._encoder.owes_fragment():
            return self._pace.due_ms(self._index)
        next_key = (self._index + self._rate - 1) // self._rate * self._rate
        return self._pace.due_ms(next_key)

    def close(self) -> None:
        self._finished = True
        self._queue.clear()
        self._encoder.close()

    def _advance(self) -> bool:
        """Encode one frame, or finish. False when neither is due."""
        end = self._pace.frames_due() if self._end is None else self._end
        if self._index < end:
            self._queue.extend(self._encoder.encode(self._index))
            self._index += 1
            return True
        if self._end is None:
            return False
        self._queue.extend(self._encoder.finish())
        self._queue.append(Fragment(FRAGMENT_END, b"", 0, 0, 0))
        self._finished = True
        self._encoder.close()
        return True


class _ThreadedRecording(_Recording):
    """Encodes in a thread of its own. ``_changed`` guards what both sides see: queue, fault, flags."""

    def __init__(
        self,
        encoder: FragmentEncoder,
        settings: SensorSettings,
        pace: Pace,
        wake: Callable[[], None],
        queue_max: int,
    ) -> None:
        super().__init__(encoder, settings, pace)
        self._wake = wake
        self._queue_max = queue_max
        self._lag_max = round(LAG_S_MAX * self._rate)
        self._changed = threading.Condition()
        self._stopping = False
        self._closing = False
        self._fault: str | None = None
        self._over = False
        # A daemon, so that a bench that dies of something else does not hang for ever on a camera that records.
        self._thread = threading.Thread(target=self._run, name="sensor-encoder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def poll(self) -> Fragment | None:
        with self._changed:
            if self._queue:
                fragment = self._queue.popleft()
                self._over = fragment.kind == FRAGMENT_END
                self._changed.notify_all()
                return fragment
            fault, self._fault = self._fault, None
        if fault is None:
            return None
        self._over = True
        raise SensorFault(fault)

    def is_over(self) -> bool:
        return self._over

    def next_deadline_ms(self) -> int | None:
        return None

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._over = True
            self._changed.notify_all()
        self._thread.join()
        self._queue.clear()
        self._fault = None

    def _run(self) -> None:
        try:
            try:
                self._encode_until_stopped()
            finally:
                self._encoder.close()
        except Exception as error:  # noqa: BLE001 the thread's edge: whatever ended it is told by poll()
            with self._changed:
                self._fault = fault_line(error)
            self._wake()

    def _encode_until_stopped(self) -> None:
        index = 0
        while self._wait_for(index):
            index = self._catch_up(index)
            if not self._put(self._encoder.encode(index)):
                return
            index += 1
        if not self._closing:
            self._put([*self._encoder.finish(), Fragment(FRAGMENT_END, b"", 0, 0, 0)])

    def _wait_for(self, index: int) -> bool:
        """Wait until the frame is there; False when there shall be no more. The first picture is always taken."""
        with self._changed:
            while not self._closing and not (self._stopping and index > 0):
                wait_ms = self._pace.wait_ms(index)
                if wait_ms == 0:
                    return True
                self._changed.wait(min(wait_ms, WAIT_MS_MAX) / 1000)
        return False

    def _catch_up(self, index: int) -> int:
        """The frame to take now: the next, or the newest when too many were missed."""
        lag = self._pace.lag_frames(index)
        if lag <= self._lag_max:
            return index
        self.frames_dropped += lag
        return index + lag

    def _put(self, fragments: list[Fragment]) -> bool:
        """Queue in order, waiting for room; False when the recording is being thrown away."""
        for fragment in fragments:
            with self._changed:
                while len(self._queue) >= self._queue_max and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return False
                self._queue.append(fragment)
            self._wake()
        return True


def check_settings(settings: SensorSettings) -> None:
    """Raise SensorFault for settings that make no video, naming the one that is wrong."""
    for name, value, low, high in (
        ("width_px", settings.width_px, SIZE_PX_MIN, SIZE_PX_MAX),
        ("height_px", settings.height_px, SIZE_PX_MIN, SIZE_PX_MAX),
        ("frames_per_second", settings.frames_per_second, 1, RATE_FPS_MAX),
        ("bit_rate_bps", settings.bit_rate_bps, BIT_RATE_BPS_MIN, BIT_RATE_BPS_MAX),
        ("unix_ms", settings.unix_ms, 0, UNIX_MS_MAX),
    ):
        if not low <= value <= high:
            raise SensorFault(f"sensor setting {name} is {value}: it must be {low} to {high}")
    for name, value in (("width_px", settings.width_px), ("height_px", settings.height_px)):
        if value % 2:
            raise SensorFault(
                f"sensor setting {name} is {value}: it must be even, as colour is kept for pairs of pixels"
            )


def fault_line(error: Exception) -> str:
    """One line for people about what ended a recording."""
    if isinstance(error, SceneError):
        return str(error)
    return f"encoding failed: {type(error).__name__}: {' '.join(str(error).split())}"
