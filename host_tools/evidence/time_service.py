"""Whether this destination may say of itself that it is its controllers' time server: only where one answers.

Law: asks what controllers will ask, at the addresses that they will; serves no time itself. Port 123 and a clock that
is worth following are an NTP server's business, which the machine has or has not.
"""

from __future__ import annotations

from collections.abc import Iterable

from host_tools.destinations.sntp import NoTime
from host_tools.destinations.time_watch import TOLERANCE_MS, AskTime, Told
from host_tools.evidence.errors import EvidenceError

REMEDY = "run an NTP server there that answers controllers (chrony: allow), or leave --time-server out"


async def require(hosts: Iterable[str], ask: AskTime, wall_ms: int) -> None:
    """EvidenceError unless each of these gives a time that is also this machine's."""
    for host in hosts:
        try:
            told = Told(host, wall_ms, await ask(host))
        except NoTime as none:
            raise EvidenceError(f"{host}: is no time server ({none}): {REMEDY}") from none
        if told.least_ms > TOLERANCE_MS:
            raise EvidenceError(
                f"{host}: its NTP server is {told.least_ms / 1000:.1f} s away from this machine's clock, by which "
                f"recordings are received: {REMEDY}"
            )
