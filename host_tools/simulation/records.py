"""What was really recorded: an independent witness between encoder, card and hands.

Law: knows nothing of the firmware's or the controller's bookkeeping. A recording is known from the moment its folder is
made on the card; its prefixes are digests of what the encoder handed over; ``durable`` counts what the card had
confirmed (journal lines synced); the wearer is whoever held the camera in their hands.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.ports.clock import Clock
from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, Sensor, SensorSettings
from host_tools.simulation.disk import Witness

FRAGMENT_MS = 1000
INIT_BYTES = 700  # about what ftyp + moov of two tracks take
RECORDINGS = "recordings/"
ERASING = "recordings/erasing-"
QUARANTINE = "quarantine/"


@dataclass(slots=True)
class Recorded:
    """One recording. ``prefixes``: SHA-256 of every whole beginning; emptied when all is over (``length`` stays)."""

    recording: str
    camera: str
    wearer: str
    prefixes: list[bytes] = field(default_factory=list[bytes])
    durable: int = 0
    delivered: int = 0  # fragments that the destination has; 0: not delivered
    container: str = ""
    erased: bool = False
    fragments: int = 0

    def must_arrive(self) -> bool:
        """Whether anything of it, beyond the initialisation, was confirmed by the card."""
        return self.durable > 1

    def settle(self) -> None:
        """All is over: the digests are not needed any more."""
        self.prefixes = []

    def fragments_of(self, digest: bytes) -> int:
        """How many fragments a content with that digest has; 0 if it is no beginning of this recording."""
        return self.prefixes.index(digest) + 1 if digest in self.prefixes else 0


class CameraWitness(Witness):
    """Watches one camera's card. ``wearer``: who holds it now, asked when a recording begins."""

    def __init__(
        self,
        camera: str,
        records: dict[str, Recorded],
        wearer: Callable[[], str],
        on_erase: Callable[[Recorded], None],
        on_quarantine: Callable[[str], None],
    ) -> None:
        self.current: Recorded | None = None
        self._camera = camera
        self._records = records
        self._wearer = wearer
        self._on_erase = on_erase
        self._on_quarantine = on_quarantine

    def folder_made(self, path: str) -> None:
        if path.startswith(RECORDINGS):
            name = path.removeprefix(RECORDINGS)
            self.current = self._records[name] = Recorded(name, self._camera, self._wearer())

    def renamed(self, old_path: str, new_path: str) -> None:
        if new_path.startswith(ERASING) and not old_path.startswith(ERASING):
            self._on_erase(self._records[old_path.removeprefix(RECORDINGS)])
        elif new_path.startswith(QUARANTINE):
            self._on_quarantine(new_path.removeprefix(QUARANTINE))

    def journal_synced(self, path: str, lines: int) -> None:
        record = self._records[path.split("/")[1]]
        record.durable = min(lines, len(record.prefixes))


class SimSensor(Sensor):
    """The encoder's stand-in: ``fragment_bytes`` of seeded bytes each second. ``witness`` notes what it hands over."""

    def __init__(self, clock: Clock, entropy: random.Random, fragment_bytes: int, witness: CameraWitness) -> None:
        self.broken = False
        self._clock = clock
        self._entropy = entropy
        self._fragment_bytes = fragment_bytes
        self._witness = witness
        self._running = False
        self._init_due = False
        self._started_ms = 0
        self._delivered_ms = 0
        self._stopped_ms: int | None = None
        self._frames_per_second = 0
        self._digest = hashlib.sha256()
        self._record: Recorded | None = None

    def due_ms(self) -> int | None:
        """When the next fragment is finished, on the board's clock."""
        if not self._running:
            return None
        if self._init_due or self._stopped_ms is not None or self.broken:
            return self._clock.now_ms()
        return self._started_ms + self._delivered_ms + FRAGMENT_MS

    def start(self, settings: SensorSettings) -> None:
        if self.broken or self._running:
            raise SensorFault("the sensor cannot start now")
        self._running = self._init_due = True
        self._started_ms, self._delivered_ms, self._stopped_ms = self._clock.now_ms(), 0, None
        self._frames_per_second = settings.frames_per_second
        self._digest = hashlib.sha256()
        self._record = self._witness.current

    def stop(self) -> None:
        if self._running and self._stopped_ms is None:
            self._stopped_ms = self._clock.now_ms()

    def poll(self) -> Fragment | None:
        if self.broken:
            self._running = False
            raise SensorFault("the encoder has failed")
        if not self._running:
            return None
        if self._init_due:
            self._init_due = False
            return self._made(FRAGMENT_INIT, INIT_BYTES, 0, 0)
        return self._next_media()

    def _next_media(self) -> Fragment | None:
        end_ms = self._clock.now_ms() if self._stopped_ms is None else self._stopped_ms
        left_ms = end_ms - self._started_ms - self._delivered_ms
        if left_ms >= FRAGMENT_MS or (self._stopped_ms is not None and left_ms > 0):
            duration_ms = min(left_ms, FRAGMENT_MS)
            start_ms = self._delivered_ms
            self._delivered_ms += duration_ms
            return self._made(FRAGMENT_MEDIA, self._fragment_bytes, start_ms, duration_ms)
        if self._stopped_ms is None:
            return None
        self._running = False
        return Fragment(FRAGMENT_END, b"", self._delivered_ms, 0, 0)

    def _made(self, kind: int, length: int, start_ms: int, duration_ms: int) -> Fragment:
        data = self._entropy.randbytes(length)
        self._digest.update(data)
        if self._record is not None:
            self._record.prefixes.append(self._digest.digest())
            self._record.fragments += 1
        frames = max(1, duration_ms * self._frames_per_second // 1000) if duration_ms else 0
        return Fragment(kind, data, start_ms, duration_ms, frames)
