"""What a camera answers its controller, over a real session."""

from __future__ import annotations

import pytest

from firmware.formats import authorisation as authorisations
from firmware.formats import manifest as manifests
from firmware.formats.authorisation import EraseAuthorisation
from firmware.link import schema
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.memory_adc import MemoryAdc
from firmware.secure import document
from firmware.secure.signing import P256Signer
from tests.unit.camera.rig import SERIAL, CameraRig
from tests.unit.camera_vault.parts import allow
from tests.unit.trust.parts import NOW_MS, World


def with_recordings(count: int) -> CameraRig:
    """A docked camera that has recorded so often, with a host."""
    rig = CameraRig()
    for _ in range(count):
        rig.record(1_000)
    rig.dock()
    rig.connect()
    return rig


def signed(world: World, recording: bytes, manifest_sha256: bytes, counter: int, serial: str = SERIAL) -> bytes:
    """An authorisation to erase that the controller of that system has signed."""
    given = EraseAuthorisation(serial, recording, manifest_sha256, "acknowledged", counter, world.now_ms)
    return authorisations.encode(given, P256Signer(world.trust.controller_key()))


def state_of(rig: CameraRig) -> str:
    """What it says of its state."""
    return schema.word_of(schema.CAMERA_STATES, rig.ask("get_camera").fields["state"])


def test_it_says_who_it_is():
    rig = CameraRig()
    rig.connect()
    answer = rig.ask("identify")
    assert answer.name == "identity"
    assert (answer.fields["serial"], answer.fields["model"]) == (SERIAL, "pi_zero_2w_camera")
    assert schema.word_of(schema.BOARD_KINDS, answer.fields["kind"]) == "camera"
    boot = answer.fields["boot"]
    rig.boot()
    rig.connect()
    assert rig.ask("identify").fields["boot"] != boot


@pytest.mark.req("CAM-02")
def test_a_wearer_is_assigned_kept_and_taken_away():
    rig = CameraRig(wearer=None, docked=True)
    rig.connect()
    assert rig.ask("assign_wearer", {"wearer": "W-2", "name": "Grace", "profile": "p"}).name == "done"
    rig.boot(docked=False)
    assert rig.app.state == "ready"
    rig.dock()
    rig.connect()
    assert rig.ask("get_camera").fields["wearer"] == "W-2"
    assert rig.ask("assign_wearer", {"wearer": "", "name": "", "profile": ""}).name == "done"
    rig.undock()
    assert rig.app.state == "unassigned"


def test_its_time_is_the_controllers():
    rig = CameraRig()
    rig.connect()
    later_ms = NOW_MS + 3_600_000
    rig.ask("set_time", {"unix_ms": later_ms, "uncertainty_ms": 40})
    assert 0 <= rig.ports.clock.wall().unix_ms - later_ms < 1_000
    assert rig.ports.clock.wall().uncertainty_ms == 40


@pytest.mark.req("LINK-05", "LINK-06")
def test_a_recording_is_listed_pulled_and_erased():
    rig = with_recordings(1)
    (entry,) = rig.ask("list_recordings", {"after": bytes(16)}).fields["entries"]
    data = rig.pull(entry["recording"], PART_MANIFEST, entry["manifest_bytes"])
    assert manifests.digest(data) == entry["manifest_sha256"]
    chunks = rig.pull(entry["recording"], PART_CHUNKS, entry["chunks_bytes"])
    assert len(chunks) == document.decode(data).manifest.chunks_bytes
    authorisation = signed(rig.world, entry["recording"], entry["manifest_sha256"], 5)
    answer = rig.ask("erase", {"authorisation": authorisation})
    assert (answer.name, answer.fields["counter"]) == ("erased", 5)
    assert rig.ask("list_recordings", {"after": bytes(16)}).fields["entries"] == []
    assert rig.ask("erase", {"authorisation": authorisation}).name == "erased", "a lost answer can be asked for again"
    assert rig.ask("get_camera").fields["erase_counter"] == 5


@pytest.mark.req("CAM-21")
def test_nothing_is_erased_without_a_fitting_authorisation():
    rig = with_recordings(1)
    (entry,) = rig.ask("list_recordings", {"after": bytes(16)}).fields["entries"]
    for wrong in (
        b"nonsense",
        allow(entry["recording"], entry["manifest_sha256"], 1, serial=SERIAL),
        signed(World(2), entry["recording"], entry["manifest_sha256"], 1),
        signed(rig.world, entry["recording"], entry["manifest_sha256"], 1, "CAM-0002"),
        signed(rig.world, entry["recording"], bytes(32), 1),
        signed(rig.world, bytes(16), entry["manifest_sha256"], 1),
    ):
        assert rig.ask("erase", {"authorisation": wrong}).name == "error"
    assert len(rig.app.vault.recordings()) == 1


def test_many_recordings_come_in_pages():
    rig = with_recordings(schema.RECORDINGS_PAGE_MAX + 3)
    first = rig.ask("list_recordings", {"after": bytes(16)}).fields
    second = rig.ask("list_recordings", {"after": first["entries"][-1]["recording"]}).fields
    assert (first["more"], second["more"]) == (True, False)
    names = [entry["recording"] for entry in first["entries"] + second["entries"]]
    assert names == [stored.recording for stored in rig.app.vault.recordings()]


def test_what_it_does_while_nobody_asks_is_told():
    rig = CameraRig()
    rig.connect()
    rig.record(1_000)
    told = rig.told("camera_changed")
    words = [schema.word_of(schema.CAMERA_STATES, fields["state"]) for fields in told]
    assert words[-2:] == ["recording", "ready"]
    assert [fields["recordings"] for fields in told][-2:] == [0, 1]


def test_ranges_that_are_not_there_are_refused():
    rig = with_recordings(1)
    assert rig.session is not None
    (stored,) = rig.app.vault.recordings()
    for recording, offset in ((bytes(16), 0), (stored.recording, stored.chunks_bytes)):
        rig.heard.clear()
        rig.session.pull(recording, PART_CHUNKS, offset, 100)
        rig.run(300)
        assert [type(event).__name__ for event in rig.heard] == ["PullFailed"]
    assert state_of(rig) == "docked"


def test_a_gauge_that_does_not_answer_keeps_nothing_from_being_offloaded():
    rig = with_recordings(1)
    rig.app.service._adc = MemoryAdc({})
    assert rig.ask("get_camera").fields["battery_percent"] == 0
    assert len(rig.ask("list_recordings", {"after": bytes(16)}).fields["entries"]) == 1


def test_it_shows_what_the_controller_asks_for_and_refuses_what_it_does_not_know():
    rig = CameraRig(docked=True)
    rig.connect()
    number = schema.number_of(schema.LAMP_PATTERNS, "assigned")
    assert rig.ask("indicate", {"pattern": number, "duration_ms": 1_000}).name == "done"
    assert rig.ask("indicate", {"pattern": 15, "duration_ms": 1_000}).name == "error"
