"""A member that has gone bad, or was stolen: what it signs and announces is well formed, and no calendar or disk has
it. It spoils its own recordings, not the delivery of others'."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from firmware.formats import manifest as manifests
from firmware.formats.moment import UNIX_MS_MAX, Moment
from firmware.link.schema import PART_MANIFEST
from host_tools.custody.errors import CustodyRefused, ManifestRefused
from host_tools.custody.spool import ANNOUNCED_BYTES_MAX
from host_tools.destinations.names import clip_name, container_name, iso_time
from tests.attacks.parts import STARTED, SealingCamera, controller
from tests.unit.trust.parts import World

PIECES = [b"init", b"media"]


@pytest.mark.parametrize("unix_ms", [UNIX_MS_MAX + 1, 10**15, 2**53 - 1])
def test_a_time_beyond_the_calendar_is_set_aside_and_delays_nobody(
    unix_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = World()
    bad, good = SealingCamera(world, tmp_path / "bad", "CAM-0001"), SealingCamera(world, tmp_path / "good", "CAM-0002")
    honest = good.record(PIECES)
    with monkeypatch.context() as other_firmware:
        other_firmware.setattr("firmware.formats.moment.UNIX_MS_MAX", 2**62)
        began = bad.record(PIECES, started=Moment(5_000, unix_ms, "controller", 40))  # signed, with its own key
        manifest = bad.part(began, PART_MANIFEST)
    with controller(world, tmp_path / "controller") as here:
        with pytest.raises(CustodyRefused, match="examine the camera"):
            here.offload(bad, began, manifest=manifest)
        here.announce(bad.serial, replace(bad.stored(began), started_unix_ms=1))  # and now he lies
        with pytest.raises(ManifestRefused, match="unix_ms: not a whole number from 0 to"):
            here.spool.accept(manifest, bad.serial, manifests.digest(manifest), {}, began)
        here.offload(good, honest)
        assert [each["what"] for each in here.deliver()].count("delivered") == 1
        assert here.clip(honest) == b"".join(PIECES)


def test_the_last_moment_that_is_taken_has_a_name_and_room_for_others_beside_it(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record(PIECES, started=Moment(5_000, UNIX_MS_MAX - 1_000, "controller", 40))
    with controller(world, tmp_path / "controller") as here:
        here.offload(camera, recording)
        found = here.spool.manifest(recording)
        assert container_name(found, 100).startswith("unassigned_CAM-0001_9999")
        assert clip_name(found)
        assert iso_time(found.stopped.unix_ms).startswith("9999-01-01")


@pytest.mark.parametrize(
    "said",
    [{"started_unix_ms": 2**64 - 1}, {"chunks_bytes": 2**64 - 1}, {"started_unix_ms": UNIX_MS_MAX + 1},
     {"chunks_bytes": ANNOUNCED_BYTES_MAX + 1}],
)  # fmt: skip
def test_an_announcement_that_no_disk_could_hold_is_refused_in_one_line(said: dict[str, int], tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record(PIECES, started=STARTED)
    with controller(world, tmp_path / "controller") as here:
        with pytest.raises(CustodyRefused, match="examine the camera"):
            here.announce(camera.serial, replace(camera.stored(recording), **said))
        assert here.index.recordings() == []
        here.announce(camera.serial, camera.stored(recording))
