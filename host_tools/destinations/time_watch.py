"""Whether our clock follows the destination's, where its connection file says that it is our time server.

Law: tells, and sets nothing: the clock of this machine is its own time service's. Nothing in NTP is signed, so no
recording waits for what it says as long as the destination's own answers carry a Date (``clock_check``). Asked seldom,
and not at all for a day once the server has declined.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from host_tools.destinations.clock_check import CLOCK_TOLERANCE_MS, ClocksDisagree
from host_tools.destinations.sntp import LATER, PORT, Declined, NoTime, TimeReading

TOLERANCE_MS = 1_000  # clocks kept by NTP agree to hundredths; live views and signatures ask for seconds
LOOK_S = 1_024.0  # while all is well: the longest that NTP's clients wait, unless they are told otherwise
AGAIN_S = 64.0  # while it is not: the shortest
DECLINED_S = 86_400.0

AskTime = Callable[[str], Awaitable[TimeReading]]


@dataclass(frozen=True, slots=True)
class Told:
    """What it said last. ``fault``: why it said nothing, empty if it did; ``asked_unix_ms``: by our clock."""

    server: str
    asked_unix_ms: int
    reading: TimeReading | None = None
    fault: str = ""

    @property
    def least_ms(self) -> int:
        """By how much its clock and ours are apart at least, whatever happened on the way; 0 while it says nothing."""
        return max(0, abs(self.reading.ahead_ms) - self.reading.error_ms) if self.reading is not None else 0

    @property
    def problem(self) -> str:
        """One line with the remedy; empty if our clock follows."""
        if self.reading is None:
            return (
                f"the destination is to be this system's time server, and {self.server} gives no time: {self.fault}. "
                f"Have UDP port {PORT} answer there, or issue a connection file without ContentDestinationAsNTPServer"
            )
        if self.least_ms <= TOLERANCE_MS:
            return ""
        word = "behind" if self.reading.ahead_ms > 0 else "ahead of"
        return (
            f"this machine's clock is {abs(self.reading.ahead_ms) / 1000:.1f} s {word} the destination's NTP server "
            f"{self.server}, at most {TOLERANCE_MS / 1000:.0f} s are meant: have it follow: NTP={self.server} in "
            "/etc/systemd/timesyncd.conf, then: systemctl restart systemd-timesyncd"
        )


class TimeWatch:
    """``ask``: of the server of a name or address; raises NoTime. ``now_s``: a clock that never leaps."""

    def __init__(self, ask: AskTime, wall_ms: Callable[[], int], now_s: Callable[[], float]) -> None:
        self.told: Told | None = None
        self._ask = ask
        self._wall_ms = wall_ms
        self._now_s = now_s
        self._due_s = 0.0
        self._wait_s = LOOK_S

    def is_due(self) -> bool:
        """Whether it is time to ask."""
        return self.told is None or self._now_s() >= self._due_s

    async def look(self, server: str) -> None:
        """Ask, if it is time to."""
        if not self.is_due():
            return
        asked_ms = self._wall_ms()
        try:
            self.told = Told(server, asked_ms, await self._ask(server))
            self._wait_s = AGAIN_S if self.told.problem else LOOK_S
        except Declined as declined:
            self.told = Told(server, asked_ms, fault=str(declined))
            self._wait_s = min(2 * max(self._wait_s, LOOK_S), DECLINED_S) if declined.code == LATER else DECLINED_S
        except NoTime as none:
            self.told = Told(server, asked_ms, fault=str(none))
            self._wait_s = AGAIN_S
        self._due_s = self._now_s() + self._wait_s

    def require(self) -> None:
        """ClocksDisagree if it is so far from ours that a recording's times would not mean the same there: for a
        destination whose answers tell no time themselves."""
        if self.told is not None and self.told.least_ms > CLOCK_TOLERANCE_MS:
            raise ClocksDisagree(f"destination {self.told.server}: {self.told.problem}")
