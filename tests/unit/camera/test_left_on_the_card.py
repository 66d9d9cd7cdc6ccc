"""A recording whose end the card did not take is closed as soon as the card works: nobody could offload it before."""

import pytest

from firmware.camera.app import RETRY_CARD_MS
from firmware.ports.memory_files import MemoryFiles
from tests.unit.camera.rig import CameraRig


@pytest.mark.req("CAM-19")
def test_a_recording_that_could_not_be_closed_is_tried_again():
    files = MemoryFiles()
    rig = CameraRig(files=files)
    rig.press()
    rig.run(3_500)
    files.set_read_only(True)
    rig.press(hold_ms=3_200)
    rig.run(500)
    assert rig.app.state == "ready"
    assert not rig.app.vault.recordings()
    rig.run(RETRY_CARD_MS)
    assert not rig.app.vault.recordings()
    files.set_read_only(False)
    rig.run(RETRY_CARD_MS + 1_000)
    (kept,) = rig.app.vault.recordings()
    assert kept.duration_ms >= 3_000
    assert rig.app.state == "ready"


def test_what_recovery_had_to_leave_at_the_start_is_tried_again():
    files = MemoryFiles()
    rig = CameraRig(files=files)
    rig.press()
    rig.run(3_500)
    rig.files = files.crash()
    rig.files.set_read_only(True)
    rig.boot()
    assert not rig.app.vault.recordings()
    rig.files.set_read_only(False)
    rig.run(RETRY_CARD_MS + 1_000)
    assert len(rig.app.vault.recordings()) == 1
