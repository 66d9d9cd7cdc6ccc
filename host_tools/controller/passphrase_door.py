"""How often the passphrase may be tried over a running controller. Pure: time is an argument.

Law: one door for all commands and all who give them. Some tries are free; each further wrong one closes it for twice as
long, up to a quarter of an hour. While it is closed nothing is tried, so that a wrong passphrase and a right one cannot
be told apart either. A restart forgets: whoever can restart a controller has its trust file, and tries elsewhere.
"""

from __future__ import annotations

from host_tools.accounts.throttle import BACKOFF_MS_FIRST, BACKOFF_MS_MAX
from host_tools.trust.errors import TrustError

FREE_TRIES = 5  # people mistype


class PassphraseDoor:
    """``now_s``: of a clock that only goes forward."""

    def __init__(self, free_tries: int = FREE_TRIES) -> None:
        self._free_tries = free_tries
        self._wrong = 0
        self._open_at_s = 0.0

    def enter(self, now_s: float) -> None:
        """TrustError while the door is closed."""
        wait_s = self._open_at_s - now_s
        if wait_s > 0:
            raise TrustError(f"too many wrong passphrases: try again in {max(1, round(wait_s))} s")

    def tried_in_vain(self, now_s: float) -> None:
        """It was wrong."""
        self._wrong += 1
        beyond = self._wrong - self._free_tries
        if beyond >= 0:
            self._open_at_s = now_s + min(BACKOFF_MS_FIRST << min(beyond, 30), BACKOFF_MS_MAX) / 1000

    def opened(self) -> None:
        """It was right."""
        self._wrong = 0
