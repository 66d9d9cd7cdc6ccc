"""The card fails, once or for good, at every single change: what was promised still holds, and the vault says what
went wrong."""

import pytest

from firmware.camera import card
from firmware.camera.vault import Vault, VaultError
from firmware.formats.journal import Ending, JournalReader
from firmware.ports.errors import IoFault, NoSpace, PortFault
from firmware.ports.files_suite import get
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCutFiles
from firmware.ports.sensor import Fragment
from tests.unit.camera_vault.parts import (
    SERIAL,
    STOPPED,
    FailingFiles,
    allow,
    check_stored,
    fragments,
    info,
    joined,
    opened,
    record,
    stored,
)

MADE = fragments(1, [700, 3000, 2000, 10])


def changes_of_a_recording() -> int:
    files = PowerCutFiles(MemoryFiles())
    record(opened(files), MADE).close(STOPPED, "button")
    return files.changes


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("fault", [IoFault, NoSpace])
@pytest.mark.parametrize("times", [1, 10_000], ids=["once", "for good"])
def test_a_fault_at_any_change_costs_no_fragment_that_was_recorded(times: int, fault: type[PortFault]) -> None:
    for fail_at in range(2, changes_of_a_recording()):
        medium = MemoryFiles()
        files = FailingFiles(medium, fail_at, times, fault)
        vault = opened(files)
        taken: list[Fragment] = []
        with pytest.raises(VaultError) as caught:
            run(vault, taken)
        assert caught.value.kind == ("full" if fault is NoSpace else "storage")
        for after in (medium, medium.crash()):
            recovered = Vault(after, SeededEntropy(2))
            assert {note.action for note in recovered.open()} <= {"closed", "removed"}
            contents = [check_stored(recovered, entry)[1] for entry in recovered.recordings()]
            if len(taken) > 1:
                assert len(contents) == 1
                assert contents[0].startswith(joined(taken))
                assert contents[0] in (joined(taken), joined(MADE[: len(taken) + 1]))


@pytest.mark.req("CAM-19")
def test_after_one_fault_the_recording_is_closed_at_once() -> None:
    """Without waiting for a recovery, with all that was whole."""
    for fail_at in range(12, 20):
        medium = MemoryFiles()
        vault = opened(FailingFiles(medium, fail_at))
        recording = vault.begin(info())
        taken: list[Fragment] = []
        failed = False
        for fragment in MADE:
            try:
                recording.append(fragment)
            except VaultError:
                failed = True
                break
            taken.append(fragment)
        recording.close(STOPPED, "storage_fault", interrupted=failed)
        found, content = check_stored(vault, stored(vault, recording.recording))
        assert content == joined(taken)
        assert found.interrupted == failed
        folder = card.folder_of(recording.recording.hex())
        reader = JournalReader()
        assert len(reader.feed(get(medium, f"{folder}/{card.JOURNAL}"))) == len(taken) + 1
        assert reader.finish() is Ending.WHOLE, "what the failed fragment left is gone"
        assert len(get(medium, f"{folder}/{card.CHUNKS}")) == found.chunks_bytes


@pytest.mark.req("CAM-21")
def test_a_fault_at_any_change_of_an_erasure_is_healed_by_repeating_it() -> None:
    for fail_at in range(20):
        medium = MemoryFiles()
        vault = opened(medium)
        recording = record(vault, MADE)
        recording.close(STOPPED, "button")
        document = allow(recording.recording, stored(vault, recording.recording).manifest_sha256, 7)
        failing = opened(FailingFiles(medium, fail_at))
        error = erase_or_error(failing, document)
        if error is None:
            assert fail_at > 10
            return
        assert error.kind == "storage"
        failing.open()
        assert failing.erase(document, SERIAL).recording == recording.recording
        assert opened(medium).recordings() == []
    raise AssertionError("an erasure has more changes than expected")


def test_a_recording_that_could_not_be_closed_is_closed_by_opening_again() -> None:
    closing_changes = changes_of_a_recording() - 6
    vault = opened(files := FailingFiles(MemoryFiles(), closing_changes, 1))
    recording = record(vault, MADE)
    with pytest.raises(VaultError):
        recording.close(STOPPED, "button")
    assert vault.recordings() == []
    (note,) = vault.open()
    assert (note.name, note.action) == (recording.recording.hex(), "closed")
    assert check_stored(vault, stored(vault, recording.recording))[1] == joined(MADE)
    assert files.changes > closing_changes


def run(vault: Vault, taken: list[Fragment]) -> None:
    """Record and close as long as the card works."""
    recording = vault.begin(info())
    for fragment in MADE:
        recording.append(fragment)
        taken.append(fragment)
    recording.close(STOPPED, "button")


def erase_or_error(vault: Vault, document: bytes) -> VaultError | None:
    try:
        vault.erase(document, SERIAL)
    except VaultError as error:
        return error
    return None
