"""The image sensor with its encoder: fragmented MP4, one fragment a group of pictures (about a second)."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

from firmware.ports.errors import Unprovided

# Kinds of fragment.
FRAGMENT_INIT = 0  # ftyp + moov; comes first, once
FRAGMENT_MEDIA = 1  # moof + mdat; starts with a key frame
FRAGMENT_END = 2  # no data: the encoder has drained after stop()

if TYPE_CHECKING:
    from typing import NamedTuple

    class Fragment(NamedTuple):
        """``data``: whole MP4 boxes; ``start_ms``/``duration_ms``: media time from the recording's first frame;
        ``frames``: video frames in it."""

        kind: int
        data: bytes
        start_ms: int
        duration_ms: int
        frames: int

    class SensorSettings(NamedTuple):
        """What to record. ``overlay``: lines burnt into the picture (wearer, camera); the encoder adds the clock.
        ``unix_ms``: wall time of the first frame, 0 when unknown."""

        width_px: int
        height_px: int
        frames_per_second: int
        bit_rate_bps: int
        audio: bool
        overlay: "tuple[str, ...]"
        unix_ms: int
else:
    Fragment = namedtuple("Fragment", ("kind", "data", "start_ms", "duration_ms", "frames"))
    SensorSettings = namedtuple(
        "SensorSettings",
        ("width_px", "height_px", "frames_per_second", "bit_rate_bps", "audio", "overlay", "unix_ms"),
    )


class Sensor:
    """Start, collect fragments, stop, collect what is left until FRAGMENT_END. At most one recording at a time."""

    def start(self, settings: SensorSettings) -> None:
        """Begin to encode. SensorFault if it cannot."""
        raise Unprovided(self, "start")

    def stop(self) -> None:
        """End after the current picture; the open fragment is closed and delivered, then FRAGMENT_END."""
        raise Unprovided(self, "stop")

    def poll(self) -> "Fragment | None":
        """The next finished fragment in order, or None when there is none yet. SensorFault if encoding failed."""
        raise Unprovided(self, "poll")
