"""Which alerts people are told of by mail, and when: pure rules over what is open and what was told.

Law: no clock, no network, no file. What is open decides, and not how often it was said to be: a mail that could not be
written now is written at the next look. So a restart between an alert and its mail loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from host_tools.system.alerts import KINDS, Alert

QUIET_MS = 15 * 60_000  # between two mails that the same thing is wrong: what comes and goes is told four times an hour
TOLD_MAX = 200  # things that are or were lately wrong, of all events together


class Event(NamedTuple):
    """What people are told of (CTRL-17). ``kinds``: of alerts, the worse the later; some are raised by parts that are
    not written yet; ``ends``: whether its end is told too."""

    event: str
    kinds: tuple[str, ...]
    title: str
    ends: bool = True


EVENTS: tuple[Event, ...] = (
    Event("destination_lost", ("destination_refuses", "destination_failed"), "Destination lost"),
    Event("extension_lost", ("extension_lost",), "Extension lost"),
    Event("storage_low", ("storage_almost_full", "storage_full"), "Storage low"),
    Event("backup_failed", ("backup_failed",), "Backup failed"),
    Event("new_software", ("new_software",), "New software", ends=False),
    Event("cloud_link_lost", ("cloud_link_lost",), "Cloud link lost"),
)
BY_KIND: dict[str, Event] = {kind: event for event in EVENTS for kind in event.kinds}
BY_EVENT: dict[str, Event] = {event.event: event for event in EVENTS}

Key = tuple[str, str]  # event, device


class Told(BaseModel):
    """What people know of one thing. ``kind``: that it is wrong, and how; empty: that it is over. ``at_ms``: when each
    kind was told last; ``waits``: the alert that is not told yet; ``came``: how often it came since."""

    model_config = ConfigDict(extra="forbid")

    kind: str = ""
    at_ms: dict[str, int] = Field(default_factory=dict[str, int])
    waits: int = 0
    came: int = 0


class News(NamedTuple):
    """A mail to be written. ``alert`` None: ``kind`` is over. ``came``: how often it came since the last mail."""

    event: Event
    device: str
    kind: str
    alert: Alert | None
    came: int = 0


def decide(alerts: Iterable[Alert], told: dict[Key, Told], now_ms: int, room: int) -> list[News]:
    """What is to be told now, ``room`` mails at most; ``told`` is changed with it."""
    wrong: dict[Key, Alert] = {}
    for alert in alerts:
        event = BY_KIND.get(alert.kind)
        if event is not None:
            key = (event.event, alert.device)
            known = wrong.get(key)
            if known is None or event.kinds.index(alert.kind) > event.kinds.index(known.kind):
                wrong[key] = alert
    news: list[News] = []
    for key in sorted({*wrong, *told}):
        if key not in told and len(told) >= TOLD_MAX:
            continue
        state = told.setdefault(key, Told())
        found = _of_one(key, wrong.get(key), state, now_ms, len(news) < room)
        if found is not None:
            news.append(found)
        if key not in wrong and not state.kind and all(_is_past(at_ms, now_ms) for at_ms in state.at_ms.values()):
            del told[key]
    return news


def title_of(event: Event, kind: str) -> str:
    """A kind in people's words."""
    return KINDS[kind].title if kind in KINDS else event.title


def _of_one(key: Key, alert: Alert | None, state: Told, now_ms: int, has_room: bool) -> News | None:
    event = BY_EVENT[key[0]]
    if alert is None:
        if not state.kind or (event.ends and not has_room):
            return None
        over, state.kind = state.kind, ""
        return News(event, key[1], over, None) if event.ends else None
    if alert.kind == state.kind:
        return None
    if alert.id != state.waits:
        state.waits = alert.id
        state.came += 1
    if not has_room or not _is_past(state.at_ms.get(alert.kind), now_ms):
        return None
    came, state.came, state.kind = state.came, 0, alert.kind
    state.at_ms[alert.kind] = now_ms
    return News(event, key[1], alert.kind, alert, came)


def _is_past(at_ms: int | None, now_ms: int) -> bool:
    """Whether it was long enough ago; a clock that was put back holds nothing up."""
    return at_ms is None or not 0 <= now_ms - at_ms < QUIET_MS
