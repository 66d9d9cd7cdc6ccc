"""Recovery judges every folder it finds, and throws nothing away that it cannot explain."""

from collections.abc import Callable

import pytest

from firmware.camera import card, recovery
from firmware.camera.vault import Vault
from firmware.formats import header
from firmware.formats.header import Header
from firmware.formats.manifest import Moment
from firmware.ports.files_suite import get, put
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from tests.unit.camera_vault.parts import (
    STARTED,
    STOPPED,
    check_stored,
    fragments,
    info,
    joined,
    opened,
    record,
)

MADE = fragments(1, [700, 3000, 2000, 4000])


def interrupted(files: MemoryFiles, seed: int = 1) -> str:
    """A recording whose power was cut, never closed; returns its folder."""
    return card.folder_of(record(opened(files, seed), MADE).recording.hex())


def closed(files: MemoryFiles) -> str:
    recording = record(opened(files), MADE)
    recording.close(STOPPED, "button")
    return card.folder_of(recording.recording.hex())


def recovered(files: MemoryFiles) -> tuple[Vault, list[recovery.Recovered]]:
    vault = Vault(files, SeededEntropy(2))
    return vault, vault.open()


@pytest.mark.req("CAM-19")
def test_an_interrupted_recording_is_closed_as_what_it_is() -> None:
    files = MemoryFiles()
    interrupted(files)
    vault, (note,) = recovered(files)
    assert (note.action, note.reason) == ("closed", "power was cut while recording")
    found, content = check_stored(vault, vault.recordings()[0])
    assert content == joined(MADE)
    assert (found.interrupted, found.cause_stop) == (True, "power_lost")
    assert found.stopped == Moment(STARTED.monotonic_ms + 3000, STARTED.unix_ms + 3000, "controller", 40)


@pytest.mark.req("CAM-19")
def test_a_torn_tail_is_dropped() -> None:
    files = MemoryFiles()
    folder = interrupted(files)
    before = get(files, f"{folder}/{card.JOURNAL}")
    append(files, f"{folder}/{card.CHUNKS}", bytes(1234))
    append(files, f"{folder}/{card.JOURNAL}", b'3f2a9c01 {"chunks":[[7')
    vault, (note,) = recovered(files)
    assert note.action == "closed"
    found, content = check_stored(vault, vault.recordings()[0])
    assert content == joined(MADE)
    assert found.cause_stop == "power_lost"
    assert get(files, f"{folder}/{card.JOURNAL}") == before
    assert len(get(files, f"{folder}/{card.CHUNKS}")) == found.chunks_bytes


@pytest.mark.req("CAM-19")
def test_a_manifest_lost_between_stop_and_rename_is_made_again_identically() -> None:
    files = MemoryFiles()
    folder = closed(files)
    before = get(files, f"{folder}/{card.MANIFEST}")
    for damage in (lambda: files.remove(f"{folder}/{card.MANIFEST}"), lambda: overwrite(files, folder, b"{}")):
        damage()
        _, (note,) = recovered(files)
        assert (note.action, note.reason) == ("closed", "only the manifest was missing")
        assert get(files, f"{folder}/{card.MANIFEST}") == before


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize(("line", "kept"), [(1, 1), (2, 2), (3, 3)])
def test_a_line_damaged_in_the_middle_keeps_what_is_before_and_removes_nothing(line: int, kept: int) -> None:
    files = MemoryFiles()
    folder = interrupted(files)
    journal = get(files, f"{folder}/{card.JOURNAL}")
    lines = journal.splitlines(keepends=True)
    at = sum(len(one) for one in lines[:line]) + 20
    flip(files, f"{folder}/{card.JOURNAL}", at)
    chunks = get(files, f"{folder}/{card.CHUNKS}")
    vault, (note,) = recovered(files)
    if kept == 1:
        assert (note.action, note.reason) == ("quarantined", "nothing that was recorded can be read")
        assert vault.recordings() == []
        assert get(files, f"{card.QUARANTINE}/{note.name}/{card.CHUNKS}") == chunks
        return
    found, content = check_stored(vault, vault.recordings()[0])
    assert content == joined(MADE[:kept])
    assert (found.interrupted, found.cause_stop) == (True, "power_lost" if line == len(lines) - 1 else "damaged")
    if line < len(lines) - 1:
        assert get(files, f"{folder}/{card.CHUNKS}") == chunks, "evidence behind the damage is kept for experts"


@pytest.mark.req("CAM-19")
def test_chunks_that_are_not_as_journalled_end_the_recording_before_them() -> None:
    files = MemoryFiles()
    folder = interrupted(files)
    flip(files, f"{folder}/{card.CHUNKS}", 700 + 3000 + 2 * 32 + 100)
    vault, (note,) = recovered(files)
    assert note.reason == "the journal or the chunks are damaged"
    found, content = check_stored(vault, vault.recordings()[0])
    assert content == joined(MADE[:2])
    assert found.cause_stop == "damaged"


@pytest.mark.req("CAM-19")
def test_chunks_that_are_missing_end_the_recording_before_them() -> None:
    files = MemoryFiles()
    folder = closed(files)
    file = files.open(f"{folder}/{card.CHUNKS}", writable=True)
    file.truncate(file.size_bytes() - 1)
    vault, (note,) = recovered(files)
    assert note.action == "closed"
    found, content = check_stored(vault, vault.recordings()[0])
    assert content == joined(MADE[:3])
    assert (found.interrupted, found.cause_stop) == (True, "damaged")


def test_only_the_tail_of_a_long_recording_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage far from the end is found by the controller, not at every start."""
    monkeypatch.setattr(recovery, "VERIFIED_TAIL_BYTES", 4000)
    files = MemoryFiles()
    folder = interrupted(files)
    flip(files, f"{folder}/{card.CHUNKS}", 100)
    vault, _ = recovered(files)
    assert len(vault.recordings()) == 1
    assert vault.recordings()[0].chunks_bytes == len(joined(MADE)) + 4 * 32


@pytest.mark.parametrize(
    ("make", "action", "reason"),
    [
        (lambda files, folder: None, "removed", "power was cut before the header was whole"),
        (
            lambda files, folder: put(files, f"{folder}/header", b"0123"),
            "removed",
            "power was cut before the header was whole",
        ),
        (
            lambda files, folder: put(files, f"{folder}/header", good_header(folder)),
            "removed",
            "power was cut before the first picture was whole",
        ),
        (
            lambda files, folder: put(files, f"{folder}/chunks", b"something"),
            "quarantined",
            "content without a header: recordings",
        ),
        (
            lambda files, folder: (
                put(files, f"{folder}/header", good_header("x/" + "ab" * 16)),
                put(files, f"{folder}/journal", b"something"),
            ),
            "quarantined",
            "content without a header: header: of another recording",
        ),
    ],
    ids=["empty", "torn header", "header alone", "content alone", "another's header"],
)
def test_folders_without_a_recording(make: Callable[[MemoryFiles, str], object], action: str, reason: str) -> None:
    files = MemoryFiles()
    opened(files)
    folder = card.folder_of("cd" * 16)
    files.make_folder(folder)
    make(files, folder)
    vault, (note,) = recovered(files)
    assert (note.name, note.action) == ("cd" * 16, action)
    assert note.reason.startswith(reason)
    assert vault.recordings() == []
    assert files.list_folder(card.RECORDINGS) == []
    assert files.exists(f"{card.QUARANTINE}/{note.name}") == (action == "quarantined")


def test_what_is_not_ours_is_set_aside_under_a_free_name() -> None:
    files = MemoryFiles()
    opened(files)
    for content in (b"one", b"two"):
        put(files, card.folder_of("notes.txt"), content)
        _, (note,) = recovered(files)
        assert (note.action, note.reason) == ("quarantined", "not the folder of a recording")
    assert files.list_folder(card.QUARANTINE) == ["notes.txt", "notes.txt.1"]
    assert get(files, f"{card.QUARANTINE}/notes.txt.1") == b"two"


def test_a_begun_erasure_is_finished() -> None:
    files = MemoryFiles()
    folder = closed(files)
    card.begin_removal(files, folder.split("/")[1])
    vault, (note,) = recovered(files)
    assert note.action == "erased"
    assert vault.recordings() == []
    assert files.list_folder(card.RECORDINGS) == []


@pytest.mark.req("CAM-19")
def test_what_cannot_be_recovered_now_is_left_and_the_rest_is_there() -> None:
    files = MemoryFiles()
    closed(files)
    folder = interrupted(files, 5)
    files.set_read_only(True)
    vault, (note,) = recovered(files)
    assert (card.folder_of(note.name), note.action) == (folder, "left")
    assert "write-protected" in note.reason
    assert len(vault.recordings()) == 1
    files.set_read_only(False)
    assert [note.action for note in vault.open()] == ["closed"]
    assert len(vault.recordings()) == 2


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize(
    "lost", [b"", b"\xff" * 700, bytes(700), b"gar\nbage\n" * 70], ids=["gone", "ones", "zeroes", "garbage"]
)
@pytest.mark.parametrize("kept_lines", [0, 1])
def test_a_journal_lost_with_an_erase_block_costs_no_chunks(lost: bytes, kept_lines: int) -> None:
    """What is left looks like a recording that was cut before its first picture; its chunks say that it was not."""
    files = MemoryFiles()
    folder = interrupted(files)
    chunks = get(files, f"{folder}/{card.CHUNKS}")
    lines = get(files, f"{folder}/{card.JOURNAL}").splitlines(keepends=True)
    files.remove(f"{folder}/{card.JOURNAL}")
    put(files, f"{folder}/{card.JOURNAL}", b"".join(lines[:kept_lines]) + lost)
    vault, (note,) = recovered(files)
    assert (note.action, note.reason) == ("quarantined", "nothing that was recorded can be read")
    assert vault.recordings() == []
    assert get(files, f"{card.QUARANTINE}/{note.name}/{card.CHUNKS}") == chunks


@pytest.mark.req("CAM-19")
def test_lines_lost_at_the_end_are_told_from_a_power_cut() -> None:
    """One fragment behind the last line was in progress; two were not."""
    for kept_lines, cause in ((3, "power_lost"), (2, "damaged")):
        files = MemoryFiles()
        folder = interrupted(files)
        chunks = get(files, f"{folder}/{card.CHUNKS}")
        lines = get(files, f"{folder}/{card.JOURNAL}").splitlines(keepends=True)
        files.remove(f"{folder}/{card.JOURNAL}")
        put(files, f"{folder}/{card.JOURNAL}", b"".join(lines[:kept_lines]))
        vault, _ = recovered(files)
        found, content = check_stored(vault, vault.recordings()[0])
        assert content == joined(MADE[:kept_lines])
        assert found.cause_stop == cause
        assert (get(files, f"{folder}/{card.CHUNKS}") == chunks) == (cause == "damaged"), "kept for experts"


@pytest.mark.req("CAM-19")
def test_garbage_with_line_ends_is_a_torn_line_and_not_damage() -> None:
    files = MemoryFiles()
    folder = interrupted(files)
    append(files, f"{folder}/{card.JOURNAL}", b"\n\x00torn\r\nand torn again\n")
    vault, (note,) = recovered(files)
    assert note.reason == "power was cut while recording"
    assert check_stored(vault, vault.recordings()[0])[0].cause_stop == "power_lost"


def good_header(folder: str) -> bytes:
    return header.encode(Header(bytes.fromhex(folder.split("/")[1]), "clear", (), info()))


def append(files: MemoryFiles, path: str, data: bytes) -> None:
    file = files.open(path, writable=True)
    file.write_at(file.size_bytes(), data)
    file.close()


def flip(files: MemoryFiles, path: str, at: int) -> None:
    file = files.open(path, writable=True)
    buffer = bytearray(1)
    file.read_at(at, buffer)
    file.write_at(at, bytes([buffer[0] ^ 0x10]))
    file.close()


def overwrite(files: MemoryFiles, folder: str, data: bytes) -> None:
    files.remove(f"{folder}/{card.MANIFEST}")
    put(files, f"{folder}/{card.MANIFEST}", data)
