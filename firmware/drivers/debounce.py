"""A bouncing contact turned into a steady level.

Law: pure. Raw samples and the time of each go in, edges come out; whoever samples decides how often.
A rise is believed late (the contact must rest), a fall at once (power has to go before the power pins part).
"""

TOUCHED = "touched"  # first contact seen; it may still bounce
ROSE = "rose"  # the contact rests closed
FELL = "fell"  # the contact was closed and is open
LOST = "lost"  # touched, but never came to rest

RISE_MS = 50  # rest before a rise is believed: pogo pins rest within 30 ms when new
RISE_SAMPLES = 5  # and no fewer equal samples than this, should the sampling be slow
FALL_SAMPLES = 2  # one open sample may be noise, two are not


class Debounce:
    """``level``: the steady level. ``settling``: touched, not yet at rest.

    ``settle_ms``: from the first touch seen to the last change seen; ``bounces``: openings seen in between. Both are
    those of the latest rise, and both miss what happens between two samples.
    """

    def __init__(
        self, rise_ms: int = RISE_MS, rise_samples: int = RISE_SAMPLES, fall_samples: int = FALL_SAMPLES
    ) -> None:
        self.level = False
        self.settling = False
        self.settle_ms = 0
        self.bounces = 0
        self._rise_ms = rise_ms
        self._rise_samples = rise_samples
        self._fall_samples = fall_samples
        self._touched_ms = 0
        self._changed_ms = 0
        self._raw = False
        self._equal_samples = 0

    def feed(self, raw: bool, now_ms: int) -> "str | None":
        """One sample; returns TOUCHED, ROSE, FELL, LOST or None."""
        if raw == self._raw:
            self._equal_samples += 1
        else:
            self._raw = raw
            self._equal_samples = 1
            self._changed_ms = now_ms
        if self.level:
            return self._feed_closed(raw)
        if self.settling:
            return self._feed_settling(raw, now_ms)
        return self._feed_open(raw, now_ms)

    def wavers(self) -> bool:
        """Whether a closed contact has just read open: sample again soon."""
        return self.level and not self._raw

    def _feed_open(self, raw: bool, now_ms: int) -> "str | None":
        if not raw:
            return None
        self.settling = True
        self.bounces = 0
        self.settle_ms = 0
        self._touched_ms = now_ms
        return TOUCHED

    def _feed_settling(self, raw: bool, now_ms: int) -> "str | None":
        rested = now_ms - self._changed_ms >= self._rise_ms and self._equal_samples >= self._rise_samples
        if not raw and self._equal_samples == 1:
            self.bounces += 1
        if not rested:
            return None
        self.settling = False
        if not raw:
            return LOST
        self.level = True
        self.settle_ms = self._changed_ms - self._touched_ms
        return ROSE

    def _feed_closed(self, raw: bool) -> "str | None":
        if raw or self._equal_samples < self._fall_samples:
            return None
        self.level = False
        return FELL
