"""The vault with the sealed suite: what lies on a card, power cuts, and closing without a key."""

import re
from hashlib import sha256

import pytest

from firmware.camera.vault import OpenRecording, Vault, VaultError
from firmware.formats import header, manifest
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.ports.sensor import Fragment
from firmware.secure.hpke_keys import KeyRing
from firmware.secure.suite import SUITE_SEALED, SealedSuite, opener_for
from tests.unit.camera_vault.parts import read_part
from tests.unit.secure_seal.card_parts import MADE, SPOKEN, everything, joined
from tests.unit.secure_seal.parts import OLD_KEY, STOPPED, SYSTEM_KEY, info, sealing_suite

RING = KeyRing([SYSTEM_KEY])
NO_SUITE = SealedSuite()  # a camera that has been reset: it knows no recipient any more


def record(files: Files, suite: SealedSuite, made: list[Fragment]) -> OpenRecording:
    vault = Vault(files, SeededEntropy(1), suite)
    vault.open()
    recording = vault.begin(info())
    for fragment in made:
        recording.append(fragment)
    return recording


def content_of(vault: Vault, recording: bytes, ring: KeyRing = RING) -> tuple[Manifest, bytes]:
    """The recording as the controller opens it."""
    (stored,) = [entry for entry in vault.recordings() if entry.recording == recording]
    closed = manifest.decode(read_part(vault, recording, PART_MANIFEST, stored.manifest_bytes))
    opener = opener_for(closed, ring)
    sealed = read_part(vault, recording, PART_CHUNKS, stored.chunks_bytes)
    content = bytearray()
    for index, entry in enumerate(closed.chunks):
        content += opener.open(index, sealed[entry.offset : entry.offset + entry.length])
    assert sha256(content).digest() == closed.content_sha256
    return closed, bytes(content)


@pytest.mark.req("CAM-19")
def test_a_sealed_recording_is_closed_and_opened_by_its_system():
    files = MemoryFiles()
    recording = record(files, sealing_suite(OLD_KEY, SYSTEM_KEY), MADE)
    recording.close(STOPPED, "button")
    vault = Vault(files, SeededEntropy(2), NO_SUITE)
    assert vault.open() == []
    closed, content = content_of(vault, recording.recording)
    assert (closed.suite, len(closed.wrapped_keys), closed.interrupted) == (SUITE_SEALED, 2, False)
    assert content == joined(MADE)
    assert content_of(vault, recording.recording, KeyRing([OLD_KEY]))[1] == content


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("closing", [True, False], ids=["closed", "power cut"])
def test_a_stolen_card_shows_nothing_that_was_recorded(closing: bool):
    """What ``strings`` would print is names of keys, digests, times and public metadata; nothing anybody said."""
    files = MemoryFiles()
    recording = record(files, sealing_suite(), MADE)
    if closing:
        recording.close(STOPPED, "button")
    on_card = everything(files)
    assert {path.rpartition("/")[2] for path in on_card} >= {"header", "chunks", "journal"}
    for path, data in on_card.items():
        assert not any(SPOKEN[at : at + 8] in data for at in range(len(SPOKEN) - 8)), path
    printable = set(re.findall(rb"[A-Za-z+ ]{8,}", on_card[f"recordings/{recording.recording.hex()}/chunks"]))
    assert all(len(text) < 16 for text in printable), printable


@pytest.mark.req("CAM-19")
def test_a_closed_recording_has_no_key_left_on_the_camera():
    files = MemoryFiles()
    suite = sealing_suite()
    recording = record(files, suite, MADE[:2])
    key = SeededEntropy(1).random_bytes(16 + 32)[16:]  # the vault has drawn the identity before
    recording.close(STOPPED, "button")
    on_card = everything(files)
    assert not any(key in data or key.hex().encode() in data for data in on_card.values())
    with pytest.raises(VaultError, match="takes no more fragments"):
        recording.append(MADE[3])


@pytest.mark.req("CAM-19")
def test_without_a_recipient_nothing_is_recorded():
    vault = Vault(MemoryFiles(), SeededEntropy(1), NO_SUITE)
    vault.open()
    with pytest.raises(VaultError, match="no key to seal to; add the camera to a system first") as caught:
        vault.begin(info())
    assert caught.value.kind == "refused"
    assert vault.recordings() == []


def changes_of(made: list[Fragment]) -> int:
    files = PowerCutFiles(MemoryFiles())
    record(files, sealing_suite(), made).close(STOPPED, "button")
    return files.changes


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("keep", [False, True], ids=["only synced", "all written"])
def test_every_power_cut_is_closed_without_a_key(keep: bool):
    """Cut before every change to the card; a camera that knows no key closes what is whole, the system opens it."""
    opened = 0
    for cut_before in range(changes_of(MADE)):
        medium = MemoryFiles(16 << 20)
        with pytest.raises(PowerCut):
            record(PowerCutFiles(medium, cut_before), sealing_suite(), MADE).close(STOPPED, "button")
        after = medium.crash(keep_unsynced=keep)
        vault = Vault(after, SeededEntropy(2), NO_SUITE)
        assert {note.action for note in vault.open()} <= {"closed", "removed"}
        for stored in vault.recordings():
            closed, content = content_of(vault, stored.recording)
            assert content == joined(MADE[: len(closed.fragments)])
            opened += 1
    assert opened > 10


@pytest.mark.req("CAM-19")
def test_the_header_alone_opens_what_was_cut_off():
    """Wrapped keys are durable before the first chunk is."""
    files = MemoryFiles()
    recording = record(files, sealing_suite(), MADE[:2])
    after = everything(files.crash())
    folder = f"recordings/{recording.recording.hex()}"
    opener = opener_for(header.decode(after[f"{folder}/header"]), RING)
    first = 32 + len(MADE[0].data) + 16
    assert opener.open(0, after[f"{folder}/chunks"][:first]) == MADE[0].data
