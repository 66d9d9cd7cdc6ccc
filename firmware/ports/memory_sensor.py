"""A sensor in memory: fragments of seeded bytes, one a second. There is no picture in them; the emulator has one."""

from firmware.ports.clock import Clock
from firmware.ports.errors import SensorFault
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, Sensor, SensorSettings

FRAGMENT_MS = 1000
INIT_BYTES = 700  # about what ftyp + moov of two tracks take


class MemorySensor(Sensor):
    """``fragment_bytes`` of media each FRAGMENT_MS of ``clock``; ``break_now`` makes the encoder fail."""

    def __init__(self, clock: Clock, seed: int, fragment_bytes: int = 4000) -> None:
        self._clock = clock
        self._entropy = SeededEntropy(seed)
        self._fragment_bytes = fragment_bytes
        self._broken = False
        self._running = False
        self._stopped_ms: "int | None" = None
        self._started_ms = 0
        self._delivered_ms = 0
        self._frames_per_second = 0
        self._init_due = False

    def start(self, settings: SensorSettings) -> None:
        """See Sensor."""
        if self._broken or self._running:
            raise SensorFault("the sensor cannot start: it is %s" % ("broken" if self._broken else "running"))
        self._running = True
        self._init_due = True
        self._stopped_ms = None
        self._started_ms = self._clock.now_ms()
        self._delivered_ms = 0
        self._frames_per_second = settings.frames_per_second

    def stop(self) -> None:
        """See Sensor."""
        if self._running and self._stopped_ms is None:
            self._stopped_ms = self._clock.now_ms()

    def poll(self) -> "Fragment | None":
        """See Sensor."""
        if self._broken:
            self._running = False
            raise SensorFault("the encoder has failed")
        if not self._running:
            return None
        if self._init_due:
            self._init_due = False
            return Fragment(FRAGMENT_INIT, self._entropy.random_bytes(INIT_BYTES), 0, 0, 0)
        return self._next_media()

    def break_now(self) -> None:
        """Every call from here on fails."""
        self._broken = True

    def mend(self) -> None:
        """Undo ``break_now``; the sensor is idle."""
        self._broken = False
        self._running = False

    def _next_media(self) -> "Fragment | None":
        end_ms = self._clock.now_ms() if self._stopped_ms is None else self._stopped_ms
        left_ms = end_ms - self._started_ms - self._delivered_ms
        if left_ms >= FRAGMENT_MS or (self._stopped_ms is not None and left_ms > 0):
            duration_ms = min(left_ms, FRAGMENT_MS)
            start_ms = self._delivered_ms
            self._delivered_ms += duration_ms
            frames = max(1, duration_ms * self._frames_per_second // 1000)
            data = self._entropy.random_bytes(self._fragment_bytes)
            return Fragment(FRAGMENT_MEDIA, data, start_ms, duration_ms, frames)
        if self._stopped_ms is None:
            return None
        self._running = False
        return Fragment(FRAGMENT_END, b"", self._delivered_ms, 0, 0)
