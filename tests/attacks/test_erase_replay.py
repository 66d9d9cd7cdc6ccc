"""Somebody wants a camera to erase what its system has not allowed: old, moved and foreign authorisations."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.camera.vault import VaultError
from firmware.formats import authorisation
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.errors import FormatError
from firmware.secure.signing import MemoryKey, P256Signer
from host_tools.custody.errors import CustodyRefused
from host_tools.trust.authority import DAY_MS
from tests.attacks.parts import SealingCamera, controller
from tests.unit.trust.parts import NOW_MS, World, peer

SERIAL = "CAM-0001"


def allowing(camera: SealingCamera, recording: bytes, counter: int = 1) -> EraseAuthorisation:
    """What a controller would sign."""
    stored = camera.stored(recording)
    return EraseAuthorisation(camera.serial, recording, stored.manifest_sha256, "acknowledged", counter, NOW_MS)


def signed(world: World, given: EraseAuthorisation) -> bytes:
    """By that system's controller."""
    return authorisation.encode(given, P256Signer(world.trust.controller_key()))


def refused(camera: SealingCamera, document: bytes, why: str) -> None:
    """Nothing is erased, and the counter stands where it was."""
    before, counter = camera.vault.recordings(), camera.vault.erase_counter()
    with pytest.raises(VaultError, match=why) as caught:
        camera.vault.erase(document, camera.serial)
    assert caught.value.kind in ("refused", "not_found")
    assert (camera.vault.recordings(), camera.vault.erase_counter()) == (before, counter)


@pytest.mark.req("CTRL-13", "CAM-21")
def test_an_old_counter_erases_nothing(tmp_path: Path):
    """An authorisation that was given but not used, shown after a later one was; also after a restart."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    kept, erased = camera.record(), camera.record()
    old = signed(world, allowing(camera, kept, 4))
    camera.vault.erase(signed(world, allowing(camera, erased, 5)), SERIAL)
    refused(camera, old, "counter 4 is not above 5")
    camera.boot()
    refused(camera, old, "counter 4 is not above 5")
    camera.vault.erase(signed(world, allowing(camera, kept, 6)), SERIAL)
    assert camera.vault.recordings() == []


@pytest.mark.req("CTRL-13", "CAM-21")
def test_one_authorisation_erases_one_recording_once(tmp_path: Path):
    """Shown again it finishes what it began, and finds nothing else to erase; a copy that is put back goes again."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording, other = camera.record(), camera.record()
    document = signed(world, allowing(camera, recording))
    shutil.copytree(camera.folder(recording), tmp_path / "copy")
    for _ in range(2):
        camera.vault.erase(document, SERIAL)
        assert [each.recording for each in camera.vault.recordings()] == [other]
    shutil.copytree(tmp_path / "copy", camera.folder(recording))
    camera.boot()
    assert len(camera.vault.recordings()) == 2
    camera.vault.erase(document, SERIAL)
    assert [each.recording for each in camera.vault.recordings()] == [other]


@pytest.mark.req("CTRL-13", "CAM-21")
@pytest.mark.parametrize(
    ("moved", "why"),
    [
        ("recording", "the signature is not one of this camera's controller"),
        ("camera", "the signature is not one of this camera's controller"),
        ("counter", "the signature is not one of this camera's controller"),
    ],
)
def test_an_authorisation_that_is_rewritten_erases_nothing(tmp_path: Path, moved: str, why: str):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording, other = camera.record(), camera.record()
    given = allowing(camera, recording)
    document = signed(world, given)
    target = camera.stored(other)
    changed = {
        "recording": replace(given, recording=other, manifest_sha256=target.manifest_sha256),
        "camera": replace(given, camera_serial="CAM-0002"),
        "counter": replace(given, counter=9),
    }[moved]
    unsigned = authorisation.encode(changed)
    forged = unsigned.replace(b'"signature":"","suite":"unsigned"', document[document.index(b'"signature"') : -1])
    refused(camera, forged, why)


@pytest.mark.req("CTRL-13", "CAM-21")
def test_an_authorisation_for_another_camera_erases_nothing(tmp_path: Path):
    """Rightly signed by the system's own controller; the recording was copied from that camera's card."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    given = replace(allowing(camera, recording), camera_serial="CAM-0002")
    refused(camera, signed(world, given), f"for camera CAM-0002, this is {SERIAL}")


@pytest.mark.req("CTRL-13", "CAM-21")
def test_an_authorisation_for_another_manifest_erases_nothing(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    given = replace(allowing(camera, recording), manifest_sha256=bytes(32))
    refused(camera, signed(world, given), "another manifest than the one authorised")


@pytest.mark.req("CTRL-13", "CAM-21")
@pytest.mark.parametrize("signer", ["nobody", "another system's controller", "the camera", "the issuing key"])
def test_a_foreign_signature_erases_nothing(tmp_path: Path, signer: str):
    world, other = World(seed=1), World(seed=2)
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    given = allowing(camera, camera.record())
    evidence = camera.trust.documents.signer
    assert evidence is not None
    document = {
        "nobody": authorisation.encode(given),
        "another system's controller": signed(other, given),
        "the camera": authorisation.encode(given, P256Signer(evidence.key)),
        "the issuing key": authorisation.encode(given, P256Signer(MemoryKey(world.trust.record.issuing.key))),
    }[signer]
    why = "only ecdsa-p256-sha256 counts" if signer == "nobody" else "not one of this camera's controller"
    refused(camera, document, why)


@pytest.mark.req("CTRL-13", "CAM-21")
def test_without_a_controller_in_session_nothing_is_erased(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    document = signed(world, allowing(camera, camera.record()))
    camera.trust.part()
    refused(camera, document, "not one of this camera's controller")
    camera.trust.meet(world.controller())
    camera.vault.erase(document, SERIAL)
    assert camera.vault.recordings() == []


@pytest.mark.req("CTRL-13", "CAM-21")
def test_a_controller_s_key_of_yesterday_erases_nothing_today(tmp_path: Path):
    """A renewed controller signs with its new key; who has stolen the old one has a session with nobody."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    given = allowing(camera, camera.record())
    stolen = P256Signer(world.trust.controller_key())
    assert world.trust.refresh_controller(world.now_ms + 40 * DAY_MS)
    camera.trust.meet(world.controller())
    refused(camera, authorisation.encode(given, stolen), "not one of this camera's controller")
    camera.vault.erase(signed(world, given), SERIAL)
    assert camera.vault.recordings() == []


def test_only_a_proven_controller_is_met(tmp_path: Path):
    """Neither another camera of the system nor a controller whose chain led nowhere."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    for stranger in (peer(world.camera("CAM-0002")), replace(world.controller(), anchored=False)):
        with pytest.raises(FormatError, match="is no controller of this camera's system"):
            camera.trust.meet(stranger)


@pytest.mark.req("CTRL-13")
def test_the_controller_gives_no_leave_before_delivery(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    with controller(world, tmp_path / "controller") as host:
        host.offload(camera, recording)
        with pytest.raises(CustodyRefused, match="'erase_authorised' cannot follow"):
            host.authorise(recording)
