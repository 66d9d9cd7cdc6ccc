"""Somebody changes evidence on the card, on its way, or in what a camera announces: it shows, and good copies stay."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.formats import canonical, header, manifest
from firmware.formats.chunk import SUITE_CLEAR
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import document
from firmware.secure.suite import SealedSuite
from host_tools.custody.errors import CustodyRefused, ManifestRefused
from tests.attacks.parts import CONTENT, SealingCamera, controller
from tests.unit.trust.parts import World

SERIAL = "CAM-0001"


def chunks_of(camera: SealingCamera, recording: bytes) -> list[bytes]:
    """The sealed chunks of a recording, one by one."""
    whole = camera.part(recording, PART_CHUNKS)
    entries = document.decode(camera.part(recording, PART_MANIFEST)).manifest.chunks
    return [whole[entry.offset : entry.offset + entry.length] for entry in entries]


# -- chunks


@pytest.mark.req("CAM-19", "CAM-22")
@pytest.mark.parametrize("attack", ["swapped", "repeated", "of another recording", "one bit"])
def test_a_changed_chunk_is_never_held(tmp_path: Path, attack: str):
    """The same lengths in other places: digests are those of the signed manifest."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    same = [b"moov" * 8, b"one second" * 9, b"two second" * 9, b"the third " * 9]
    recording, other = camera.record(same), camera.record(same)
    chunks = chunks_of(camera, recording)
    changed = {
        "swapped": [chunks[0], chunks[2], chunks[1], chunks[3]],
        "repeated": [chunks[0], chunks[1], chunks[1], chunks[3]],
        "of another recording": [chunks[0], chunks[1], chunks_of(camera, other)[2], chunks[3]],
        "one bit": [chunks[0], chunks[1], bytes((*chunks[2][:-1], chunks[2][-1] ^ 1)), chunks[3]],
    }[attack]
    with controller(world, tmp_path / "controller") as host:
        row = host.offload(camera, recording, chunks=b"".join(changed))
        assert row.state == "offloading"
        assert 2 in [each.chunk for each in host.spool.missing(recording)]
        host.spool.write(recording, 0, b"".join(chunks))
        host.spool.commit()
        assert host.index.get(recording).state == "held"


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_dropped_chunk_leaves_the_recording_incomplete(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    chunks = chunks_of(camera, recording)
    with controller(world, tmp_path / "controller") as host:
        host.offload(camera, recording, chunks=b"".join(chunks[:-1]))
        assert [each.chunk for each in host.spool.missing(recording)] == [len(chunks) - 1]


@pytest.mark.req("CAM-19")
def test_a_chunk_that_is_exchanged_in_the_spool_is_not_delivered(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    with controller(world, tmp_path / "controller") as host:
        host.offload(camera, recording)
        path = host.folder / "spool" / "recordings" / recording.hex() / "chunks"
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
        assert "damaged" in [each["what"] for each in host.deliver()]
        assert host.index.get(recording).state == "offloading"
        assert not list(host.destination.rglob("*.mp4"))


# -- manifests


@pytest.mark.req("CAM-22", "CTRL-13")
def test_a_manifest_of_another_recording_is_set_aside(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    wanted, other = camera.record(), camera.record()
    with controller(world, tmp_path / "controller") as host:
        with pytest.raises(ManifestRefused, match=f"the manifest is that of recording {other.hex()}"):
            host.offload(camera, wanted, manifest=camera.part(other, PART_MANIFEST))
        assert "the manifest is that of recording" in host.index.get(wanted).poison
        assert host.index.get(wanted).state == "announced"
        host.journey.retry(wanted)  # a person has examined the camera
        assert host.offload(camera, wanted).state == "held"


@pytest.mark.req("CAM-22", "CTRL-13")
def test_a_manifest_of_another_camera_is_set_aside(tmp_path: Path):
    """Copied with its folder from one card to another, so that the camera announces it in good faith."""
    world = World()
    victim = SealingCamera(world, tmp_path / "victim", SERIAL)
    thief = SealingCamera(world, tmp_path / "thief", "CAM-0002")
    recording = victim.record()
    shutil.copytree(victim.folder(recording), thief.folder(recording))
    thief.boot()
    with controller(world, tmp_path / "controller") as host:
        with pytest.raises(ManifestRefused, match="signed by camera 'CAM-0001', not by 'CAM-0002'"):
            host.offload(thief, recording)
        assert host.index.get(recording).poison
        assert host.index.get(recording).camera_serial == "CAM-0002"
        row = host.offload(victim, recording)  # a claim keeps nobody from bringing what is his
        assert (row.state, row.camera_serial, row.poison) == ("held", SERIAL, "")
        with pytest.raises(CustodyRefused, match="belongs to camera CAM-0001"):
            host.announce(thief.serial, thief.stored(recording))


@pytest.mark.req("CAM-22")
def test_a_claim_between_announcement_and_manifest_changes_nothing(tmp_path: Path):
    """Two cameras are docked; the thief claims the recording after its own camera has announced it."""
    world = World()
    victim = SealingCamera(world, tmp_path / "victim", SERIAL)
    recording = victim.record()
    with controller(world, tmp_path / "controller") as host:
        host.announce(SERIAL, victim.stored(recording))
        host.announce("CAM-0002", victim.stored(recording))
        data = victim.part(recording, PART_MANIFEST)
        host.spool.accept(data, SERIAL, victim.stored(recording).manifest_sha256, {}, recording)
        assert host.index.get(recording).camera_serial == SERIAL


@pytest.mark.req("CAM-22")
def test_what_is_held_already_stays_as_it_is(tmp_path: Path):
    """A camera that comes back with another manifest poisons nothing."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording, other = camera.record(), camera.record()
    with controller(world, tmp_path / "controller") as host:
        host.offload(camera, recording)
        with pytest.raises(CustodyRefused):
            host.offload(camera, recording, manifest=camera.part(other, PART_MANIFEST))
        row = host.index.get(recording)
        assert (row.state, row.poison) == ("held", "")
        host.deliver()
        assert host.clip(recording) == b"".join(CONTENT)


@pytest.mark.req("CAM-22")
@pytest.mark.parametrize("forgery", ["unsigned", "in the clear", "signed by a look-alike", "another wearer"])
def test_a_manifest_that_the_camera_did_not_sign_is_set_aside(tmp_path: Path, forgery: str):
    world, other = World(seed=1), World(seed=2)
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    clone = SealingCamera(other, tmp_path / "clone", SERIAL)  # the same serial, certified by another system
    recording = camera.record()
    real = camera.part(recording, PART_MANIFEST)
    plain = document.decode(real).manifest
    clone_signer, signer = clone.trust.documents.signer, camera.trust.documents.signer
    assert clone_signer is not None
    assert signer is not None
    forged, reason = {
        "unsigned": (manifest.encode(plain), "not signed"),
        "in the clear": (
            document.encode(replace(plain, suite=SUITE_CLEAR, private=b"", wrapped_keys=()), signer),
            "suite clear is not what its board uses",
        ),
        "signed by a look-alike": (document.encode(plain, clone_signer), "its signer is not one of ours"),
        "another wearer": (
            manifest.encode(replace(plain, private=plain.private[:-1] + b"x")) + real[real.index(b"\n") :],
            "the signature does not fit",
        ),
    }[forgery]
    with controller(world, tmp_path / "controller") as host:
        with pytest.raises(ManifestRefused, match=reason):
            host.offload(camera, recording, manifest=forged)
        assert reason in host.index.get(recording).poison


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_board_that_does_not_seal_is_believed_where_it_is_known_to_and_nowhere_else(tmp_path: Path):
    """A lab's camera: signed like any other. Its recordings do not pass for those of a camera that seals, nor the
    reverse."""
    world = World()
    lab = SealingCamera(world, tmp_path / "lab", SERIAL, SUITE_CLEAR)
    sealing = SealingCamera(world, tmp_path / "card", "CAM-0002")
    plain, sealed = lab.record(), sealing.record()
    with (
        controller(world, tmp_path / "knowing", SUITE_CLEAR) as knowing,
        controller(world, tmp_path / "sealing") as strict,
    ):
        assert knowing.offload(lab, plain).state == "held"
        knowing.deliver()
        assert knowing.clip(plain) == b"".join(CONTENT)
        for host, camera, recording, suite in (
            (knowing, sealing, sealed, "aes-256-gcm"),
            (strict, lab, plain, SUITE_CLEAR),
        ):
            with pytest.raises(ManifestRefused, match=f"suite {suite} is not what its board uses"):
                host.offload(camera, recording)


# -- the card, while its camera is off


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_recording_that_is_put_on_the_card_is_not_signed(tmp_path: Path):
    """Whoever knows the system's public key can seal to it; the camera must not vouch for what he made."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    forger = SealingCamera(World(seed=2), tmp_path / "forger", SERIAL)
    forger.trust.seal_to([world.trust.recipient().raw])
    recording = forger.record(close=False)
    shutil.copytree(forger.folder(recording), camera.folder(recording))
    camera.boot()
    assert [(note.action, recording.hex() == note.name) for note in camera.notes] == [("quarantined", True)]
    assert "not written by this camera" in camera.notes[0].reason
    assert camera.vault.recordings() == []


@pytest.mark.req("CAM-19", "CAM-22")
@pytest.mark.parametrize("field", ["started", "wrapped_keys", "private", "camera_serial"])
def test_a_header_that_is_rewritten_is_not_signed(tmp_path: Path, field: str):
    """The manifest is taken away, so that the camera closes the recording anew, from a header with another story."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    folder = camera.folder(recording)
    (folder / "manifest").unlink()
    fields = canonical.decode_line((folder / "header").read_bytes(), "header", header.HEADER_BYTES_MAX)
    fields[field] = {
        "started": {**fields["started"], "unix_ms": fields["started"]["unix_ms"] - 86_400_000},
        "wrapped_keys": [_known_key(world, recording).hex()],
        "private": "00" * 272,
        "camera_serial": "CAM-0002",
    }[field]
    (folder / "header").write_bytes(canonical.encode_line(fields))
    camera.boot()
    assert [note.action for note in camera.notes] == ["quarantined"]
    assert camera.vault.recordings() == []


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_journal_that_is_rewritten_ends_where_it_was(tmp_path: Path):
    """Fragments count up to the first line that is not the camera's own; nothing behind it is believed."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    folder = camera.folder(recording)
    (folder / "manifest").unlink()
    lines = (folder / "journal").read_bytes().splitlines(keepends=True)
    fields = canonical.decode_line(lines[2], "journal", 1 << 16)
    fields["fragment"] = [*fields["fragment"][:4], 3_600_000, *fields["fragment"][5:]]  # an hour, not a second
    lines[2] = canonical.encode_line(fields)
    (folder / "journal").write_bytes(b"".join(lines))
    camera.boot()
    assert [(note.action, note.reason) for note in camera.notes] == [
        ("closed", "the journal or the chunks are damaged")
    ]
    closed = document.decode(camera.part(recording, PART_MANIFEST)).manifest
    assert (closed.interrupted, closed.cause_stop, len(closed.fragments)) == (True, "damaged", 2)


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_recording_that_is_cut_short_says_so_and_replaces_nothing(tmp_path: Path):
    """The limit of marks: it looks like a power cut. What is left is as it was, and the longer one stays accepted."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    recording = camera.record()
    with controller(world, tmp_path / "before") as before, controller(world, tmp_path / "after") as after:
        before.offload(camera, recording)
        folder, left = camera.folder(recording), b"".join(chunks_of(camera, recording)[:2])
        (folder / "manifest").unlink()
        lines = (folder / "journal").read_bytes().splitlines(keepends=True)
        (folder / "journal").write_bytes(b"".join(lines[:2]))
        (folder / "chunks").write_bytes(left)
        camera.boot()
        assert [note.reason for note in camera.notes] == ["power was cut while recording"]
        closed = document.decode(camera.part(recording, PART_MANIFEST)).manifest
        assert (closed.interrupted, closed.cause_stop, len(closed.fragments)) == (True, "power_lost", 2)
        with pytest.raises(CustodyRefused, match="another manifest than before; the accepted one stays"):
            before.offload(camera, recording)
        before.deliver()
        assert before.clip(recording) == b"".join(CONTENT)
        after.offload(camera, recording)
        after.deliver()
        assert after.clip(recording) == b"".join(CONTENT[:2])


@pytest.mark.req("CAM-19", "CAM-22")
def test_lines_of_another_recording_do_not_fit(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    one, two = camera.record(), camera.record()
    for recording in (one, two):
        (camera.folder(recording) / "manifest").unlink()
    (camera.folder(two) / "journal").write_bytes((camera.folder(one) / "journal").read_bytes())
    camera.boot()
    assert sorted(note.action for note in camera.notes) == ["closed", "quarantined"]
    assert [each.recording for each in camera.vault.recordings()] == [one]


@pytest.mark.req("CAM-19")
def test_nobody_adds_himself_to_the_recipients(tmp_path: Path):
    """A list of one's own, or one sealed on another board, counts as none: nothing is recorded until the system's is
    there again."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", SERIAL)
    other = SealingCamera(World(seed=2), tmp_path / "other", SERIAL)
    for forged in ((other.card / "recipients").read_bytes(), b"plain"):
        (camera.card / "recipients").write_bytes(forged)
        camera.boot()
        assert camera.trust.recipients == ()
        assert "nobody to seal to" in camera.trust.lack()
    camera.trust.seal_to([world.trust.recipient().raw])
    assert camera.trust.lack() == ""


def _known_key(world: World, recording: bytes) -> bytes:
    """A recording key that the attacker knows, wrapped to the system as it should be."""
    return SealedSuite([world.trust.recipient()]).begin(recording, SeededEntropy("known")).wrapped_keys[0]
