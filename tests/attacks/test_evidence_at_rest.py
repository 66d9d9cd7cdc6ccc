"""The whole way of a sealed recording, and what somebody sees who has the card or the controller's spool."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware.camera.vault import VaultError
from firmware.formats.moment import Moment
from firmware.link.schema import PART_MANIFEST
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import document
from firmware.secure.hpke_keys import KeyRing
from firmware.secure.sealing_file import FileSealer
from firmware.secure.suite import NoKey, opener_for
from host_tools.custody.errors import CustodyRefused
from host_tools.trust.passphrase import rotate_sealing
from tests.attacks.parts import (
    CONTENT,
    PROFILE,
    SPOKEN,
    STARTED,
    WEARER,
    SealingCamera,
    controller,
    every_byte,
    writings_of,
)
from tests.unit.trust.parts import PHRASE, World


def _later(minutes: int) -> Moment:
    return Moment(STARTED.monotonic_ms, STARTED.unix_ms + 60_000 * minutes, STARTED.source, STARTED.uncertainty_ms)


SECRETS = [writing for text in (WEARER.wearer_id, WEARER.name, "Ada ", PROFILE) for writing in writings_of(text)]


def must_show_nothing(folder: Path) -> None:
    """Neither who wore the camera nor eight bytes in a row of what was said."""
    files = every_byte(folder)
    assert files
    spoken = [SPOKEN[at : at + 8] for at in range(len(SPOKEN) - 8)]
    for path, data in files.items():
        for secret in SECRETS:
            assert secret not in data, f"{secret!r} in {path}"
        assert not any(piece in data for piece in spoken), path


@pytest.mark.req("CAM-19", "CTRL-13")
def test_from_the_camera_to_the_destination_and_back_to_an_empty_card(tmp_path: Path):
    """Recorded, held, delivered with its wearer, erased by a signed authorisation."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record()
    with controller(world, tmp_path / "controller") as host:
        row = host.offload(camera, recording)
        assert (row.state, row.wearer_id, row.wearer_name) == ("held", "", "")
        host.restart()
        assert [each["what"] for each in host.deliver()][-1] == "delivered"
        row = host.index.get(recording)
        assert (row.state, row.wearer_id, row.wearer_name) == ("delivered", WEARER.wearer_id, WEARER.name)
        assert row.container.startswith(f"{WEARER.wearer_id}_CAM-0001_")
        assert host.clip(recording) == b"".join(CONTENT)
        metadata = [json.loads(path.read_text()) for path in host.destination.rglob("*.json")]
        assert any(WEARER.wearer_id in json.dumps(each) for each in metadata)
        erased = camera.vault.erase(host.signed(host.authorise(recording)), camera.serial)
        host.journey.erased(recording, erased.counter)
        assert host.index.get(recording).state == "erased"
    assert camera.vault.recordings() == []
    assert list((camera.card / "recordings").iterdir()) == []


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "power cut"])
def test_a_stolen_card_shows_ciphertext_and_public_metadata(tmp_path: Path, closed: bool):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record(close=closed)
    names = {path.name for path in camera.card.rglob("*") if path.is_file()}
    assert names >= {"header", "chunks", "journal", "assignment", "recipients"}
    must_show_nothing(camera.card)
    on_card = every_byte(camera.card)[f"recordings/{recording.hex()}/header"]
    assert b"CAM-0001" in on_card  # whose it is: public
    assert world.trust.system.encode() in on_card


@pytest.mark.req("CAM-19")
def test_the_spool_shows_no_more_than_the_card(tmp_path: Path):
    """The index beside it learns the wearer when a recording is delivered, as its destination does."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    with controller(world, tmp_path / "controller") as host:
        host.offload(camera, camera.record())
        must_show_nothing(host.folder)
        host.deliver()
        must_show_nothing(host.folder / "spool")


@pytest.mark.req("CAM-19")
def test_nothing_that_a_camera_keeps_opens_its_closed_recordings(tmp_path: Path):
    """Card, key store and board secret: everything that a thief of the whole camera can have."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record()
    closed = document.decode(camera.part(recording, PART_MANIFEST)).manifest
    with pytest.raises(NoKey, match="no key of this system opens it"):
        opener_for(closed, KeyRing())
    thief = FileSealer(camera.board_secret, SeededEntropy(1))
    kept = (camera.card / "recipients").read_bytes()
    assert world.trust.recipient().raw.hex().encode() in thief.open("recipients", kept)  # public keys only
    assert not any(
        entry.seed in data for entry in world.trust.record.sealing for data in every_byte(camera.card).values()
    )


@pytest.mark.req("CAM-19")
def test_another_system_s_keys_open_nothing(tmp_path: Path):
    world, other = World(seed=1), World(seed=2)
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record()
    with controller(world, tmp_path / "ours") as ours, controller(other, tmp_path / "theirs") as theirs:
        ours.offload(camera, recording)
        manifest = ours.spool.manifest(recording)
        with pytest.raises(CustodyRefused, match="no key of this system opens it"):
            theirs.belief.opener_of(manifest)
        with pytest.raises(CustodyRefused, match="its signer is not one of ours"):
            theirs.offload(camera, recording)
        assert "its signer is not one of ours" in theirs.index.get(recording).poison


@pytest.mark.req("CAM-19", "CTRL-14")
def test_recordings_of_every_key_are_delivered_after_rotation(tmp_path: Path):
    """One on the card before the rotation, one after, one in the spool meanwhile; all three play."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    with controller(world, tmp_path / "controller") as host:
        spooled = camera.record([b"moov", b"in the spool"])
        host.offload(camera, spooled)
        carried = camera.record([b"moov", b"on the card"], started=_later(1))
        old = world.trust.recipient()
        rotate_sealing(world.trust, PHRASE, world.now_ms)
        assert world.trust.recipient().key_id != old.key_id
        camera.trust.seal_to([world.trust.recipient().raw])
        camera.boot()
        assert [each.key_id for each in camera.trust.recipients] == [world.trust.recipient().key_id]
        fresh = camera.record([b"moov", b"under the new key"], started=_later(2))
        for recording in (carried, fresh):
            host.offload(camera, recording)
        host.restart()
        host.deliver(3)
        assert [host.clip(each)[4:] for each in (spooled, carried, fresh)] == [
            b"in the spool",
            b"on the card",
            b"under the new key",
        ]
        alone = KeyRing([world.trust.record.sealing[-1].key])
        with pytest.raises(NoKey):
            opener_for(document.decode(camera.part(carried, PART_MANIFEST)).manifest, alone)


@pytest.mark.req("CAM-19")
def test_a_camera_without_a_system_records_nothing(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    camera.trust.forget()
    assert "add it to a system" in camera.trust.lack()
    with pytest.raises(VaultError, match=r"belongs to no system.*add it to a system") as caught:
        camera.record()
    assert caught.value.kind == "refused"
    assert list((camera.card / "recordings").iterdir()) == []
    assert not LinuxFiles(camera.card).exists("recipients")
