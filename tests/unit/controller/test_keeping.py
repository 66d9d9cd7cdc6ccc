"""What a person is told of storage, recordings that do not go on, and space that is held for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.keeping import LINGERING_MS, card_level, recording_alerts, spool_view, storage_alerts
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import Sample, sample

NOW_MS = 1_767_300_000_000
CAPACITY_BYTES = 10 << 20


class Keeping:
    def __init__(self) -> None:
        self.index: Index = open_index(":memory:")
        self.spool = Spool(MemoryFiles(CAPACITY_BYTES), self.index, lambda: NOW_MS, spare_bytes=4_096)
        self.journey = Journey(self.index, lambda: NOW_MS)

    def hold(self, given: Sample) -> None:
        self.spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
        self.spool.write(given.recording, 0, given.chunks)
        self.spool.commit()

    def alerts(self, *online: str, later_ms: int = 0) -> dict[str, str]:
        return recording_alerts(self.index, online, NOW_MS + later_ms)


@pytest.fixture
def keeping() -> Iterator[Keeping]:
    made = Keeping()
    yield made
    made.spool.close()
    made.index.close()


@pytest.mark.req("CTRL-08")
def test_almost_full_and_full_are_alerts_with_a_remedy(keeping: Keeping) -> None:
    assert storage_alerts(keeping.spool.storage()) == {}
    assert spool_view(keeping.spool.storage())["level"] == "ok"
    keeping.spool.reserve("CAM-1", {b"a" * 16: CAPACITY_BYTES - (1 << 19)})
    storage = keeping.spool.storage()
    assert spool_view(storage)["level"] == "almost_full"
    assert "storage almost full: 0 MB are left" in storage_alerts(storage)["storage"]
    keeping.spool.reserve("CAM-2", {b"b" * 16: 5_000_000})
    storage = keeping.spool.storage()
    assert spool_view(storage)["level"] == "full"
    assert (
        "storage full: 0 MB are left, 5 MB wait on docked cameras; check destination"
        in (storage_alerts(storage)["storage"])
    )


@pytest.mark.req("CTRL-08")
def test_space_that_lingers_after_delivery_is_a_transfer_fault(keeping: Keeping) -> None:
    given = sample(1)
    keeping.hold(given)
    keeping.journey.start_delivery(given.recording, "box")
    keeping.journey.delivered(given.recording, "memory", [])
    assert keeping.alerts() == {}, "it goes in the next moment"
    (alert,) = keeping.alerts(later_ms=LINGERING_MS + 1).values()
    assert alert.startswith(f"transfer fault: recording {given.recording.hex()} was delivered and still takes space")
    keeping.spool.remove(given.recording)
    assert keeping.alerts(later_ms=LINGERING_MS + 1) == {}


@pytest.mark.req("CTRL-08")
def test_space_that_is_held_for_a_camera_that_is_away_is_a_transfer_fault(keeping: Keeping) -> None:
    given = sample(1, chunk_bytes=200_000)
    keeping.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
    assert keeping.alerts("CAM-0001") == {}
    (alert,) = keeping.alerts().values()
    assert alert == (
        "transfer fault: 1 MB are set aside for recordings that are only in part here, and camera CAM-0001 is away: "
        "dock it again"
    )


@pytest.mark.req("CTRL-09", "CTRL-12")
def test_a_recording_that_does_not_go_on_is_named_with_the_reason(keeping: Keeping) -> None:
    given, other = sample(1), sample(2)
    keeping.hold(given)
    keeping.hold(other)
    keeping.journey.poison(given.recording, "the destination has no licence left: buy one")
    keeping.journey.trouble(other.recording, "no room for it: free some")
    alerts = keeping.alerts()
    assert set(alerts) == {f"recording {each.recording.hex()}" for each in (given, other)}
    assert alerts[f"recording {given.recording.hex()}"] == (
        f"recording {given.recording.hex()} of camera CAM-0001 (held): the destination has no licence left: buy one"
    )
    keeping.journey.retry(given.recording)
    assert len(keeping.alerts()) == 1


@pytest.mark.req("CAM-21")
@pytest.mark.parametrize(
    ("free", "total", "level"),
    [(60, 100, "ready"), (59, 100, "filled"), (0, 100, "full"), (None, None, ""), (0, 0, ""), (100, 100, "ready")],
)
def test_a_camera_with_less_than_60_percent_free_is_not_ready(free: int, total: int, level: str) -> None:
    assert card_level(free, total) == level
