"""Whether the other end is alive, and how long an answer takes.

Law: pure. The host pings at a fixed pace, which also measures latency; a board pings only after a silence. Any whole
frame is a sign of life.
"""

PING_MS = 1_000  # between two pings of the host; a board pings after such a silence
SILENCE_MS = 5_000  # silence after which the other end is gone
LATENCY_LIMITS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)  # upper ends of the histogram's bars; the last is open
NOT_MEASURED = -1


class Pulse:
    """``paced``: ping at a fixed pace, whatever arrives."""

    def __init__(self, paced: bool) -> None:
        self.latency_ms = NOT_MEASURED
        self.latency_counts = [0] * (len(LATENCY_LIMITS_MS) + 1)
        self._paced = paced
        self._heard_ms = 0
        self._pinged_ms = 0

    def begin(self, now_ms: int) -> None:
        """A session has begun."""
        self._heard_ms = self._pinged_ms = now_ms

    def heard(self, now_ms: int) -> None:
        """A whole frame has come."""
        self._heard_ms = now_ms

    def is_gone(self, now_ms: int) -> bool:
        """Whether nothing has come for SILENCE_MS."""
        return now_ms - self._heard_ms >= SILENCE_MS

    def due_ms(self) -> int:
        """When to ping."""
        return (self._pinged_ms if self._paced else max(self._heard_ms, self._pinged_ms)) + PING_MS

    def ping(self, now_ms: int) -> int:
        """A ping goes out now: its stamp."""
        self._pinged_ms = now_ms
        return now_ms & 0xFFFFFFFF

    def pong(self, stamp: int, now_ms: int) -> None:
        """A ping was answered."""
        self.latency_ms = (now_ms - stamp) & 0xFFFFFFFF
        bar = 0
        while bar < len(LATENCY_LIMITS_MS) and self.latency_ms > LATENCY_LIMITS_MS[bar]:
            bar += 1
        self.latency_counts[bar] += 1
