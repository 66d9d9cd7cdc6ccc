"""How well a link does: what was measured on it, and whether that is slow for its kind.

Law: pure; reads a session's counters. Goodput is counted over the time in which something was under way only. A link is
judged once enough has passed over it; a slow one is an alert with a remedy (``Docking station connection issue``).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from firmware.link.pulse import LATENCY_LIMITS_MS
from firmware.link.session import Session

# Kind of pipe -> bytes a second below which it is slow: about an eighth of what a healthy one of its kind gives.
SLOW_BYTES_PER_S: dict[str, float] = {
    "usb-bulk": 5e6,  # high speed carries 40 MB/s in practice
    "usb-serial": 1e6,  # the same wires, through a tty; a full-speed fallback gives about 1 MB/s and no more
    "pty": 5e6,
    "socket": 1e6,
    "rfc2217": 5e3,
}
SLOW_SHARE = 0.5  # of a line whose speed is known, such as a UART
JUDGED_BYTES_MIN = 1 << 20  # less is over before a rate means anything
JUDGED_MS_MIN = 250
SLOW_LATENCY_MS = 200  # for half of all pings: a dock then reacts visibly late
PINGS_MIN = 5


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """One link since its session began. ``goodput_bytes_per_s``: of recordings' bytes; None before anything was sent.

    ``latency``: upper end in ms (or ``more``) -> pings. ``slow``: why it is, empty if it is not.
    """

    url: str
    kind: str
    bytes_in: int
    bytes_out: int
    goodput_bytes_per_s: float | None
    bad_frames: int
    skipped_bytes: int
    segments_resent: int
    bytes_asked_again: int
    bytes_twice: int
    latency_ms: int
    latency: dict[str, int]
    slow: str

    def plain(self) -> dict[str, Any]:
        """For status."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def measure(session: Session, url: str, kind: str, nominal_bytes_per_s: float | None, now_ms: int) -> LinkHealth:
    """The health of a link now."""
    pulls, reader = session.pulls, session.reader
    busy_ms = pulls.busy_ms(now_ms)
    goodput = pulls.bytes_in * 1000 / busy_ms if busy_ms else None
    names = [str(limit) for limit in LATENCY_LIMITS_MS] + ["more"]
    return LinkHealth(
        url=url,
        kind=kind,
        bytes_in=session.bytes_in,
        bytes_out=session.outbox.bytes_out,
        goodput_bytes_per_s=goodput,
        bad_frames=reader.bad_headers + reader.bad_payloads,
        skipped_bytes=reader.skipped_bytes,
        segments_resent=session.stream.resent,
        bytes_asked_again=pulls.bytes_asked_again,
        bytes_twice=pulls.bytes_twice + pulls.bytes_unasked,
        latency_ms=session.pulse.latency_ms,
        latency=dict(zip(names, session.pulse.latency_counts, strict=True)),
        slow=_slow(session, kind, nominal_bytes_per_s, goodput, busy_ms),
    )


def _slow(session: Session, kind: str, nominal: float | None, goodput: float | None, busy_ms: int) -> str:
    limit = nominal * SLOW_SHARE if nominal else SLOW_BYTES_PER_S.get(kind)
    judged = goodput is not None and session.pulls.bytes_in >= JUDGED_BYTES_MIN and busy_ms >= JUDGED_MS_MIN
    if judged and goodput is not None and limit is not None and goodput < limit:
        return f"it carries {goodput / 1e6:.2f} MB/s, and at least {limit / 1e6:.2f} MB/s are expected of it"
    counts = session.pulse.latency_counts
    late = sum(count for limit_ms, count in zip(LATENCY_LIMITS_MS, counts, strict=False) if limit_ms <= SLOW_LATENCY_MS)
    pings = sum(counts)
    if pings >= PINGS_MIN and late * 2 < pings:
        return f"half of all answers take over {SLOW_LATENCY_MS} ms"
    return ""
