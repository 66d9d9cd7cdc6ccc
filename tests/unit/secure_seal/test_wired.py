"""The camera's vault with everything that seals and signs: no name on the card, a signed manifest after any cut."""

import pytest

from firmware.camera.assignment import Assignment
from firmware.camera.recorder import Wearer
from firmware.camera.vault import Vault
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import document, document_private
from firmware.secure.document import SignedDocuments
from firmware.secure.document_private import PrivatePart
from firmware.secure.hpke_keys import KeyRing
from firmware.secure.sealing_file import FileSealer
from firmware.secure.suite import SealedSuite, opener_for
from tests.unit.camera_vault.parts import check_stored, opened, read_part, record
from tests.unit.secure_seal.card_parts import MADE, everything, joined
from tests.unit.secure_seal.parts import SIGNER as EVIDENCE_SIGNER
from tests.unit.secure_seal.parts import STOPPED, SYSTEM_KEY, info, sealing_suite

WEARER = PrivatePart("w-7788", "Ada Åström", "patrol-north")
DOCUMENTS = SignedDocuments(EVIDENCE_SIGNER)
MARKS = FileSealer(bytes(32), SeededEntropy(4))


def vault_on(files: Files, suite: SealedSuite, seed: int = 1) -> Vault:
    return Vault(files, SeededEntropy(seed), suite, documents=DOCUMENTS, marks_of=MARKS.marks_of)


def record_and_close(files: Files) -> None:
    assignment = Assignment(files, FileSealer(bytes(32), SeededEntropy(5)))
    assignment.keep(Wearer(WEARER.wearer_id, WEARER.wearer_name), WEARER.profile)
    vault = vault_on(files, sealing_suite())
    vault.open()
    recording = vault.begin(info(WEARER.wearer_id, WEARER.wearer_name, WEARER.profile))
    for fragment in MADE:
        recording.append(fragment)
    recording.close(STOPPED, "button")


def signed_manifest(vault: Vault, recording: bytes) -> Manifest:
    (stored,) = [entry for entry in vault.recordings() if entry.recording == recording]
    signed = document.decode(read_part(vault, recording, PART_MANIFEST, stored.manifest_bytes))
    document.require_signature(signed)
    assert signed.sha256 == stored.manifest_sha256
    return signed.manifest


def check(files: MemoryFiles) -> int:
    """Whatever is on the card names nobody, is signed, and opens for its system; returns how many recordings."""
    for path, data in everything(files).items():
        # A word of three letters is in the hexadecimal digits of a signature by chance, once in some hundred runs.
        for name in (WEARER.wearer_id, WEARER.wearer_name, "Ada \\u00c5", "str\\u00f6m", WEARER.profile, "patrol"):
            assert name.encode() not in data, path
            assert name.encode().hex().encode() not in data, path
    vault = vault_on(files, SealedSuite(), 2)
    assert {note.action for note in vault.open()} <= {"closed", "removed"}
    for stored in vault.recordings():
        closed = signed_manifest(vault, stored.recording)
        opener = opener_for(closed, KeyRing([SYSTEM_KEY]))
        assert document_private.decode(opener.reveal(closed.private)) == WEARER
        known = document_private.put_back(closed, WEARER)
        assert (known.wearer_name, known.content_sha256) == (WEARER.wearer_name, closed.content_sha256)
        sealed = read_part(vault, stored.recording, PART_CHUNKS, stored.chunks_bytes)
        content = b"".join(
            opener.open(index, sealed[entry.offset : entry.offset + entry.length])
            for index, entry in enumerate(closed.chunks)
        )
        assert content == joined(MADE[: len(closed.fragments)])
    return len(vault.recordings())


@pytest.mark.req("CAM-19")
def test_no_name_is_on_a_stolen_card():
    files = MemoryFiles()
    record_and_close(files)
    assert check(files) == 1
    assignment = Assignment(files, FileSealer(bytes(32), SeededEntropy(6)))
    assignment.load()
    assert assignment.wearer == Wearer(WEARER.wearer_id, WEARER.wearer_name)
    elsewhere = Assignment(files, FileSealer(bytes(31) + b"x", SeededEntropy(6)))
    elsewhere.load()
    assert elsewhere.wearer is None


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("keep", [False, True], ids=["only synced", "all written"])
def test_no_name_after_any_power_cut_either(keep: bool):
    counting = PowerCutFiles(MemoryFiles())
    record_and_close(counting)
    opened_again = 0
    for cut_before in range(counting.changes):
        medium = MemoryFiles(16 << 20)
        with pytest.raises(PowerCut):
            record_and_close(PowerCutFiles(medium, cut_before))
        opened_again += check(medium.crash(keep_unsynced=keep))
    assert opened_again > 10


def test_the_clear_suite_and_plain_manifests_work_as_ever():
    files = MemoryFiles()
    recording = record(opened(files), MADE)
    recording.close(STOPPED, "button")
    vault = opened(files, 2)
    closed, content = check_stored(vault, vault.recordings()[0])
    assert (closed.private, closed.wearer_name, content) == (b"", "Ada Åström", joined(MADE))
    plain = Assignment(files)
    plain.keep(Wearer("w-1", "Bo"), "standard")
    again = Assignment(files)
    again.load()
    assert again.wearer == Wearer("w-1", "Bo")
