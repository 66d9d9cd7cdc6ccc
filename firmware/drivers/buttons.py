"""A push button turned into words: press, double press, hold.

Law: pure. The level of the button and the time go in, words come out. An edge counts at once and further edges are
ignored for ``debounce_ms``, so that a press is felt without delay and its bounce is not.
"""

PRESS = "press"
DOUBLE_PRESS = "double_press"
HOLD = "hold"

DEBOUNCE_MS = 30  # tactile switches bounce for 1 to 10 ms; three times that is not yet felt

IDLE = "idle"
DOWN = "down"
BETWEEN = "between"  # released once, a second press may follow
DOWN_AGAIN = "down_again"
HELD = "held"

# (state, what happened) -> (state, word). "late": the time of DEADLINES has passed.
TRANSITIONS = {
    (IDLE, "down"): (DOWN, None),
    (DOWN, "up"): (BETWEEN, None),
    (DOWN, "late"): (HELD, HOLD),
    (BETWEEN, "down"): (DOWN_AGAIN, None),
    (BETWEEN, "late"): (IDLE, PRESS),
    (DOWN_AGAIN, "up"): (IDLE, DOUBLE_PRESS),
    (DOWN_AGAIN, "late"): (HELD, HOLD),
    (HELD, "up"): (IDLE, None),
}


class Button:
    """One button. ``hold_ms`` is a board's own; ``double_ms`` 0 reports every press at its release."""

    def __init__(self, hold_ms: int, double_ms: int = 0, debounce_ms: int = DEBOUNCE_MS) -> None:
        self.state = IDLE
        self._limits_ms = {DOWN: hold_ms, DOWN_AGAIN: hold_ms, BETWEEN: double_ms}
        self._debounce_ms = debounce_ms
        self._pressed = False
        self._seen = False
        self._edge_ms = 0
        self._entered_ms = 0
        self._ever = False

    def feed(self, pressed: bool, now_ms: int) -> "tuple[str, ...]":
        """The level now; returns the words that became true, oldest first."""
        self._seen = pressed
        words = self._pass_deadline(now_ms)
        if pressed != self._pressed and not self._is_deaf(now_ms):
            self._pressed = pressed
            self._edge_ms = now_ms
            self._ever = True
            words += self._happen("down" if pressed else "up", now_ms)
            words += self._pass_deadline(now_ms)
        return words

    def next_deadline_ms(self) -> "int | None":
        """When ``feed`` must be called even if the level does not change."""
        limit_ms = self._limits_ms.get(self.state)
        deadline_ms = None if limit_ms is None else self._entered_ms + limit_ms
        if self._seen != self._pressed:
            deaf_until_ms = self._edge_ms + self._debounce_ms
            deadline_ms = deaf_until_ms if deadline_ms is None else min(deadline_ms, deaf_until_ms)
        return deadline_ms

    def _is_deaf(self, now_ms: int) -> bool:
        return self._ever and now_ms - self._edge_ms < self._debounce_ms

    def _pass_deadline(self, now_ms: int) -> "tuple[str, ...]":
        limit_ms = self._limits_ms.get(self.state)
        if limit_ms is None or now_ms - self._entered_ms < limit_ms:
            return ()
        return self._happen("late", now_ms)

    def _happen(self, what: str, now_ms: int) -> "tuple[str, ...]":
        step = TRANSITIONS.get((self.state, what))
        if step is None:
            return ()
        self.state = step[0]
        self._entered_ms = now_ms
        return () if step[1] is None else (step[1],)
