"""What is going on now, as rows that a browser keeps up to date: cameras, docks, transfers, alerts, storage.

Law: memory alone, no database, no waiting: it may be asked many times a second while cameras offload. A row is plain
data under a kind and a key. ``changes`` answers what differs from the last time; who publishes it, and how often, is
the edge's. The controller never waits for whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from host_tools.controller.happenings import Happening
from host_tools.controller.keeping import spool_view
from host_tools.controller.service import Controller
from host_tools.controller.status import camera_row, camera_views, dock_row
from host_tools.custody.spool import Spool

DIRTY_MAX = 1_000  # rows named by happenings since the last look; with more, all are looked at
TRANSFERS_KEPT_MAX = 200  # on their way and just ended: what a dashboard shows; the rest is history
ENDED_KEPT_MS = 60_000  # a transfer that has ended stays in view for so long
GONE_KEPT_MAX = 1_000  # rows that nobody was told of yet; with more, the ring has lost what would have named them, too

ON_THE_WAY = ("offloading", "held", "delivering")
# What a happening makes of a recording's transfer.
STAGES = {
    "offload_started": "offloading",
    "progress": "offloading",
    "offloaded": "held",
    "held": "held",
    "delivery_started": "delivering",
    "delivered": "delivered",
    "erased": "erased",
    "set_aside": "set_aside",
    "trouble": "trouble",
    "damaged": "set_aside",
}
COPIED = ("bytes_whole", "bytes_here", "container", "mb_per_s", "text")

Key = tuple[str, str]


class Change(NamedTuple):
    """A row that is new or different; ``value`` None: it is gone."""

    kind: str
    key: str
    value: dict[str, Any] | None

    def plain(self) -> dict[str, Any]:
        """As it is published."""
        return {"kind": self.kind, "key": self.key, "value": self.value}


class LiveView:
    """One controller's rows."""

    def __init__(self, controller: Controller, spool: Spool) -> None:
        self._controller = controller
        self._spool = spool
        self._transfers: dict[str, dict[str, Any]] = {}
        self._last: dict[Key, dict[str, Any]] = {}
        self._unread: dict[Key, Change] = {}  # the newest of each row: whoever asks for rows alone empties it never
        self._dirty: set[Key] = set()
        self._whole = True
        controller.happenings.listen(self._take)

    def rows(self) -> list[Change]:
        """Everything as it is now. What was found meanwhile is still told by ``changes``: others follow them."""
        self._unread = _newest({(change.kind, change.key): change for change in self.changes(whole=True)})
        return [Change(kind, key, value) for (kind, key), value in self._last.items()]

    def changes(self, whole: bool = False) -> list[Change]:
        """What differs from the last time. ``whole``: look at everything, also at what no happening has named."""
        found, self._unread = list(self._unread.values()), {}
        if whole or self._whole:
            now = dict(self._all())
            found += [Change(*key, None) for key in self._last if key not in now]
            found += [Change(*key, value) for key, value in now.items() if self._last.get(key) != value]
            self._last, self._whole = now, False
        else:
            found += [change for key in self._dirty for change in self._compare(key)]
        self._dirty.clear()
        return found

    def _compare(self, key: Key) -> Iterator[Change]:
        kind, name = key
        value = self._transfers.get(name) if kind == "transfer" else self._one(kind, name)
        if value is None:
            if self._last.pop(key, None) is not None:
                yield Change(kind, name, None)
        elif self._last.get(key) != value:
            self._last[key] = dict(value)
            yield Change(kind, name, dict(value))

    def _one(self, kind: str, name: str) -> dict[str, Any] | None:
        controller = self._controller
        if kind == "dock":
            dock = controller.docks.get(name)
            return dock_row(controller, dock) if dock is not None else None
        views = [view for view in camera_views(controller) if view.serial == name]
        return camera_row(controller, views[0]) if views else None

    def _all(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        controller = self._controller
        for dock in controller.docks.values():
            yield ("dock", dock.serial), dock_row(controller, dock)
        for view in camera_views(controller):
            yield ("camera", view.serial), camera_row(controller, view)
        self._forget_ended()
        for recording, transfer in self._transfers.items():
            yield ("transfer", recording), dict(transfer)
        for alert in controller.alert_rows():
            yield ("alert", str(alert["id"])), dict(alert)
        yield ("storage", "spool"), spool_view(self._spool.storage())
        delivery = controller.delivery
        yield ("destination", "destination"), {"name": delivery.destination_name, "trouble": delivery.trouble}

    def _take(self, happening: Happening) -> None:
        """Note what a happening touches; the loop goes on at once."""
        what = happening["what"]
        if what in STAGES and "recording" in happening:
            self._move(happening)
        if what == "progress":
            return
        if "camera" in happening:
            self._dirty.add(("camera", happening["camera"]))
        if "dock" in happening:
            self._dirty.add(("dock", happening["dock"]))
        elif "camera" in happening:
            self._dirty.update(("dock", serial) for serial in self._controller.docks)
        if what not in STAGES or len(self._dirty) > DIRTY_MAX:
            self._dirty.clear()
            self._whole = True  # docked, added, problem, alert: seldom, and they touch more than they name

    def _move(self, happening: Happening) -> None:
        recording = happening["recording"]
        known = self._transfers.pop(
            recording, {"recording": recording, "camera": "", "bytes_whole": 0, "bytes_here": 0}
        )
        stage = STAGES[happening["what"]]
        known |= {name: happening[name] for name in COPIED if name in happening}
        if happening.get("camera"):
            known["camera"] = happening["camera"]
        if stage in ("held", "delivering", "delivered"):
            known["bytes_here"] = known["bytes_whole"]
        if stage not in ("trouble", "set_aside"):
            known["text"] = ""
        known |= {"stage": stage, "changed_unix_ms": happening["at_unix_ms"]}
        self._transfers[recording] = known
        self._dirty.add(("transfer", recording))
        while len(self._transfers) > TRANSFERS_KEPT_MAX:
            gone = next(iter(self._transfers))
            del self._transfers[gone]
            self._dirty.add(("transfer", gone))

    def _forget_ended(self) -> None:
        now_ms = self._controller.happenings.wall_ms()
        for recording, transfer in list(self._transfers.items()):
            if transfer["stage"] not in ON_THE_WAY and not 0 <= now_ms - transfer["changed_unix_ms"] < ENDED_KEPT_MS:
                del self._transfers[recording]


def _newest(unread: dict[Key, Change]) -> dict[Key, Change]:
    """Without the oldest of those that are gone: each transfer is, one day, and often nobody follows for weeks."""
    gone = [key for key, change in unread.items() if change.value is None]
    for key in gone[:-GONE_KEPT_MAX]:
        del unread[key]
    return unread
