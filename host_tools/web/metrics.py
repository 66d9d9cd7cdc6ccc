"""What a monitoring system reads (Prometheus' text format): figures of the controller, its link to the destination, its
pages.

Law: read from the live view and from counters in memory, when asked. No label has a person's name in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Request, Response, Security
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry

from host_tools.controller.commands import Commands
from host_tools.controller.happenings import Happening, Happenings
from host_tools.web.causes import EXPECTED, problem_of
from host_tools.web_kit.problems import documented
from host_tools.web_kit.sessions import SCHEMES, SessionDoor
from host_tools.web_kit.stream import Ring

COUNTED = {
    "offloaded": ("openbwc_recordings_offloaded", "Recordings that came whole from a camera"),
    "delivered": ("openbwc_recordings_delivered", "Recordings that the destination has acknowledged"),
    "erased": ("openbwc_recordings_erased", "Recordings erased from their cameras after delivery"),
    "docked": ("openbwc_dockings", "Cameras that were docked"),
    "link_lost": ("openbwc_links_lost", "Links that ended by themselves"),
    "chunk_rejected": ("openbwc_chunks_rejected", "Chunks whose digest did not fit"),
    "trouble": ("openbwc_troubles", "Troubles that were told of recordings and cameras"),
}


class Metrics:
    """Counts happenings from its making on."""

    def __init__(self, happenings: Happenings, ring: Ring, rows: Callable[[], Iterable[Any]]) -> None:
        self._counts = dict.fromkeys(COUNTED, 0)
        self._bytes = 0
        self._ring = ring
        self._rows = rows
        happenings.listen(self._take)

    def text(self) -> bytes:
        """The page that is scraped."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        for what, (name, help_text) in COUNTED.items():
            yield _counter(name, help_text, self._counts[what])
        yield _counter("openbwc_offloaded_bytes", "Bytes of recordings that came whole", self._bytes)
        yield _gauge("openbwc_pages_following", "Browsers that follow the event stream", self._ring.streams)
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for row in self._rows():
            by_kind.setdefault(row.kind, []).append(row.value)
        yield from _of_rows(by_kind)

    def _take(self, happening: Happening) -> None:
        what = happening["what"]
        if what in self._counts:
            self._counts[what] += 1
        if what == "offloaded":
            self._bytes += int(happening.get("bytes_whole", 0))


def metrics_router(metrics: Metrics, commands: Commands, door: SessionDoor) -> APIRouter:
    """Route ``/metrics``: whoever may see the status may read it; a monitoring system logs in by a token."""
    router = APIRouter(tags=["looking"], dependencies=[Security(scheme) for scheme in SCHEMES])

    async def read(request: Request) -> Response:
        """Figures in Prometheus' text format."""
        visitor = await door.visitor(request)
        try:
            await commands.check(visitor.actor, "live")
        except EXPECTED as error:
            raise problem_of(error) from error
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    router.add_api_route(
        "/metrics", read, methods=["GET"], operation_id="metrics", response_class=Response,
        responses={200: {"description": "Figures", "content": {"text/plain": {}}}, **documented(401, 403, 503)},
    )  # fmt: skip
    return router


def _of_rows(rows: dict[str, list[dict[str, Any]]]) -> Iterable[Metric]:
    states = GaugeMetricFamily("openbwc_cameras", "Cameras by state", labels=["state"])
    counted: dict[str, int] = {}
    for camera in rows.get("camera", []):
        counted[camera["state"] or "unknown"] = counted.get(camera["state"] or "unknown", 0) + 1
    for state, count in sorted(counted.items()):
        states.add_metric([state], count)
    yield states
    yield _gauge("openbwc_docks", "Docking stations that are connected", len(rows.get("dock", [])))
    yield _gauge("openbwc_alerts", "Alerts that are open", len(rows.get("alert", [])))
    for storage in rows.get("storage", []):
        for name in ("total_bytes", "used_bytes", "reserved_bytes", "free_bytes"):
            if isinstance(storage.get(name), int):
                yield _gauge(f"openbwc_storage_{name}", "Of the controller's own storage", storage[name])
    for destination in rows.get("destination", []):
        yield _gauge("openbwc_destination_up", "1 while the destination answers", int(not destination["trouble"]))


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_text, value=value)
