"""The vault on a card that works: what goes in comes out, and goes only when an authorisation says so."""

from collections.abc import Callable

import pytest

from firmware.camera import card
from firmware.camera.assembly import track_row_bytes
from firmware.camera.open_recording import CLOSE_RESERVE_BYTES
from firmware.camera.vault import BEGIN_FREE_BYTES_MIN, READ_HANDLES_MAX, OpenRecording, Vault, VaultError
from firmware.formats import authorisation, canonical, manifest, track
from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNKS_MAX
from firmware.formats.manifest import Moment
from firmware.formats.track import PLACE_BYTES, PLACES_BLOCK_MAX, SEAL_BYTES_MAX, TrackEntry
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.files import Files
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.sensor import FRAGMENT_MEDIA, Fragment
from tests.unit.camera_vault.parts import (
    SERIAL,
    STARTED,
    STOPPED,
    HandleCounter,
    allow,
    check_stored,
    fragments,
    info,
    joined,
    opened,
    read_part,
    record,
    stored,
)

MADE = fragments(1, [700, 40_000, 3 * CHUNK_BYTES_MAX // 2, 0, CHUNK_BYTES_MAX, 50_000])


@pytest.mark.req("LINK-06")
def test_a_closed_recording_is_there_byte_by_byte() -> None:
    vault = opened(MemoryFiles())
    recording = record(vault, MADE)
    assert vault.recordings() == []
    assert recording.content_bytes() == len(joined(MADE))
    closed = recording.close(STOPPED, "button")
    found, content = check_stored(vault, stored(vault, recording.recording))
    assert found == closed
    assert content == joined(MADE)
    assert [entry.chunk_count for entry in closed.fragments] == [1, 1, 2, 1, 1, 1]
    assert (closed.cause_start, closed.cause_stop, closed.interrupted) == ("button", "button", False)
    assert (closed.started, closed.stopped, closed.duration_ms) == (STARTED, STOPPED, 5000)
    assert (closed.wearer_id, closed.wearer_name, closed.camera_serial) == ("w-7", "Ada Åström", SERIAL)


@pytest.mark.req("LINK-06")
def test_it_is_the_same_after_a_restart() -> None:
    files = MemoryFiles()
    vault = opened(files)
    record(vault, MADE).close(STOPPED, "button")
    before = vault.recordings()
    again = opened(files, 2)
    assert again.recordings() == before
    check_stored(again, before[0])


def test_recordings_are_listed_oldest_first() -> None:
    vault = opened(MemoryFiles())
    moments = [
        Moment(900, 0, "none", 0),
        Moment(100, 1_750_000_005_000, "controller", 0),
        Moment(50, 0, "none", 0),
        Moment(200, 1_750_000_001_000, "controller", 0),
    ]
    ids = [record(vault, MADE[:2], moment) for moment in moments]
    for recording in ids:
        recording.close(STOPPED, "button")
    order = [entry.recording for entry in vault.recordings()]
    assert order == [ids[number].recording for number in (2, 0, 3, 1)]


def test_two_recordings_can_be_in_progress() -> None:
    vault = opened(MemoryFiles())
    first, second = vault.begin(info()), vault.begin(info())
    for fragment in MADE[:2]:
        first.append(fragment)
        second.append(fragment)
    assert vault.open() == [], "opening again leaves what is in progress alone"
    first.append(MADE[3])
    second.close(STOPPED, "button")
    first.close(STOPPED, "button")
    assert check_stored(vault, stored(vault, second.recording))[1] == joined(MADE[:2])
    assert check_stored(vault, stored(vault, first.recording))[1] == joined([*MADE[:2], MADE[3]])


def test_pieces_are_read_within_bounds_only() -> None:
    vault = opened(MemoryFiles())
    recording = record(vault, MADE[:2])
    with pytest.raises(VaultError, match="no recording") as caught:
        vault.read_piece(recording.recording, PART_CHUNKS, 0, 1)
    assert caught.value.kind == "not_found"
    recording.close(STOPPED, "button")
    entry = stored(vault, recording.recording)
    whole = read_part(vault, entry.recording, PART_CHUNKS, entry.chunks_bytes)
    assert vault.read_piece(entry.recording, PART_CHUNKS, 700, 50) == whole[700:750]
    assert vault.read_piece(entry.recording, PART_CHUNKS, entry.chunks_bytes, 0) == b""
    for part, offset, length, kind in (
        (PART_CHUNKS, entry.chunks_bytes - 1, 2, "out_of_range"),
        (PART_CHUNKS, entry.chunks_bytes + 1, 0, "out_of_range"),
        (PART_CHUNKS, -1, 1, "out_of_range"),
        (PART_CHUNKS, 0, -1, "out_of_range"),
        (PART_MANIFEST, 0, entry.manifest_bytes + 1, "out_of_range"),
        (2, 0, 1, "not_found"),
    ):
        with pytest.raises(VaultError) as caught:
            vault.read_piece(entry.recording, part, offset, length)
        assert caught.value.kind == kind


def test_a_piece_stays_as_it_is_while_others_are_read() -> None:
    vault = opened(MemoryFiles())
    recording = record(vault, MADE[:2])
    recording.close(STOPPED, "button")
    first = vault.read_piece(recording.recording, PART_CHUNKS, 0, 100)
    copy = bytes(first)
    vault.read_piece(recording.recording, PART_CHUNKS, 100, 100)
    assert first == copy


def test_few_handles_are_kept_open() -> None:
    files = HandleCounter(MemoryFiles())
    vault = opened(files)
    for _ in range(READ_HANDLES_MAX + 3):
        record(vault, MADE[:2]).close(STOPPED, "button")
    assert files.open_handles == 0
    for _ in range(2):
        for entry in vault.recordings():
            check_stored(vault, entry)
    assert files.open_handles == READ_HANDLES_MAX
    vault.close()
    assert files.open_handles == 0


@pytest.mark.req("CAM-21")
def test_an_authorised_recording_is_erased_and_its_space_is_free_again() -> None:
    files = HandleCounter(MemoryFiles())
    vault = opened(files)
    free = vault.free_bytes()
    keep, drop = record(vault, MADE[:3]), record(vault, MADE)
    keep.close(STOPPED, "button")
    drop.close(STOPPED, "button")
    vault.read_piece(drop.recording, PART_CHUNKS, 0, 100)
    entry = stored(vault, drop.recording)
    answer = vault.erase(allow(drop.recording, entry.manifest_sha256, 7), SERIAL)
    assert (answer.recording, answer.counter) == (drop.recording, 7)
    assert files.open_handles == 0, "a handle would keep the space of a removed file"
    assert [one.recording for one in vault.recordings()] == [keep.recording]
    assert files.list_folder(card.RECORDINGS) == [keep.recording.hex()]
    assert vault.erase_counter() == 7
    kept = stored(vault, keep.recording)
    vault.erase(allow(keep.recording, kept.manifest_sha256, 8), SERIAL)
    assert vault.recordings() == []
    assert free - vault.free_bytes() < 1000, "only the erase counter is left"


@pytest.mark.req("CAM-21")
def test_the_counter_survives_a_restart_and_a_repetition_is_harmless() -> None:
    files = MemoryFiles()
    vault = opened(files)
    one, two = record(vault, MADE[:2]), record(vault, MADE[:2])
    one.close(STOPPED, "button")
    two.close(STOPPED, "button")
    first = allow(one.recording, stored(vault, one.recording).manifest_sha256, 7)
    for _ in range(2):
        assert vault.erase(first, SERIAL).counter == 7
    again = opened(files, 2)
    assert again.erase_counter() == 7
    assert again.erase(first, SERIAL).recording == one.recording
    second = allow(two.recording, stored(again, two.recording).manifest_sha256, 8)
    assert again.erase(second, SERIAL).counter == 8
    assert again.erase(first, SERIAL).counter == 7
    fresh = allow(one.recording, vault_digest(first), 9)
    assert again.erase(fresh, SERIAL).counter == 9, "a fresh authorisation for what is gone already"
    assert again.erase_counter() == 9


@pytest.mark.req("CAM-21")
def test_what_does_not_hold_erases_nothing() -> None:
    vault = opened(MemoryFiles())
    one, two = record(vault, MADE[:2]), record(vault, MADE[:2])
    one.close(STOPPED, "button")
    two.close(STOPPED, "button")
    digest = stored(vault, one.recording).manifest_sha256
    other = stored(vault, two.recording)
    vault.erase(allow(two.recording, other.manifest_sha256, 7), SERIAL)
    in_progress = record(vault, MADE[:2])
    for document, kind, complaint in (
        (b"", "refused", "not JSON"),
        (b"{}", "refused", "format is not"),
        (allow(one.recording, digest, 8, "OB-000043"), "refused", "for camera OB-000043, this is OB-000042"),
        (allow(one.recording, bytes(32), 8), "refused", "another manifest"),
        (allow(one.recording, digest, 7), "refused", "counter 7 is not above 7"),
        (allow(one.recording, digest, 6), "refused", "counter 6 is not above 7"),
        (allow(bytes(16), digest, 8), "not_found", "no recording 0000"),
        (allow(two.recording, digest, 8), "not_found", "no recording"),
        (allow(in_progress.recording, digest, 8), "refused", "is being recorded"),
    ):
        with pytest.raises(VaultError, match=complaint) as caught:
            vault.erase(document, SERIAL)
        assert caught.value.kind == kind
    check_stored(vault, stored(vault, one.recording))
    assert vault.erase_counter() == 7
    in_progress.close(STOPPED, "button")


def test_a_damaged_erase_counter_allows_nothing() -> None:
    files = MemoryFiles()
    vault = opened(files)
    recording = record(vault, MADE[:2])
    recording.close(STOPPED, "button")
    file = files.create(card.ERASURES)
    file.write_at(0, b"00000000 {}\n")
    again = opened(files, 2)
    with pytest.raises(VaultError, match="erase counter of this card is damaged"):
        again.erase(allow(recording.recording, stored(again, recording.recording).manifest_sha256, 99), SERIAL)


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("honest", [True, False], ids=["free space known", "free space wrong"])
def test_a_full_card_ends_a_recording_cleanly(honest: bool) -> None:
    """Also where ``free_bytes`` promises too much and a write fails half-way."""
    card_files = LimitedFiles(MemoryFiles(), BEGIN_FREE_BYTES_MIN + 3_000_000)
    files = card_files if honest else Boastful(card_files)
    vault = opened(files)
    recording = vault.begin(info())
    taken: list[Fragment] = []
    error = append_until_it_fails(recording, fragments(3, [700] + [1_300_000] * 30), taken)
    assert error is not None
    assert error.kind == "full"
    with pytest.raises(VaultError, match="takes no more fragments"):
        recording.append(Fragment(FRAGMENT_MEDIA, b"small enough", 0, 1000, 25))
    recording.close(STOPPED, "storage_full")
    assert len(taken) > 3
    found, content = check_stored(vault, stored(vault, recording.recording))
    assert content == joined(taken)
    assert (found.cause_stop, found.interrupted) == ("storage_full", False)
    assert opened(files, 2).recordings() == vault.recordings()
    if honest:
        assert vault.storage().level == "full"
        assert vault.free_bytes() > CLOSE_RESERVE_BYTES - 10_000, "closing took its space from what was kept free"
        with pytest.raises(VaultError, match="the card is full: dock the camera"):
            vault.begin(info())
    vault.erase(allow(recording.recording, stored(vault, recording.recording).manifest_sha256, 1), SERIAL)
    record(vault, MADE[:2]).close(STOPPED, "button")


@pytest.mark.req("CAM-21")
def test_storage_levels() -> None:
    files = LimitedFiles(MemoryFiles(), 60_000_000)
    vault = opened(files)
    assert vault.storage() == (storage := vault.storage())
    assert (storage.total_bytes, storage.free_bytes, storage.free_percent) == (60_000_000, 60_000_000, 100)
    assert storage.level == "ok"
    file = files.create("ballast")
    file.write_at(0, bytes(54_000_001))
    assert (vault.storage().level, vault.storage().free_percent) == ("low", 9)
    file.write_at(0, bytes(60_000_000 - BEGIN_FREE_BYTES_MIN + 1))
    assert vault.storage().level == "full"


def test_a_recording_without_a_picture_is_discarded_and_one_with_is_not() -> None:
    files = MemoryFiles()
    vault = opened(files)
    record(vault, MADE[:1]).discard()
    assert files.list_folder(card.RECORDINGS) == []
    recording = record(vault, MADE[:2])
    with pytest.raises(VaultError, match="has content and is not discarded"):
        recording.discard()
    recording.close(STOPPED, "button")
    for operation in (lambda: recording.close(STOPPED, "button"), lambda: recording.append(MADE[2])):
        with pytest.raises(VaultError) as caught:
            operation()
        assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("made", "kind", "complaint"),
    [
        ([MADE[1]], "refused", "first fragment is the initialisation"),
        ([MADE[0], MADE[0]], "refused", "first fragment is the initialisation"),
        ([MADE[0], Fragment(FRAGMENT_MEDIA, b"x", -1, 1000, 25)], "refused", "not a whole number"),
        ([MADE[0], Fragment(FRAGMENT_MEDIA, bytes(65 << 20), 0, 1000, 25)], "out_of_range", "a fragment of 68157440"),
    ],
    ids=["no initialisation", "two of them", "before the start", "huge"],
)
def test_impossible_fragments_are_refused_and_the_rest_is_kept(made: list[Fragment], kind: str, complaint: str) -> None:
    vault = opened(MemoryFiles())
    recording = record(vault, made[:-1])
    with pytest.raises(VaultError, match=complaint) as caught:
        recording.append(made[-1])
    assert caught.value.kind == kind
    recording.close(STOPPED, "sensor_fault", interrupted=True)
    assert check_stored(vault, stored(vault, recording.recording))[1] == joined(made[:-1])


def test_an_impossible_info_is_refused_and_leaves_nothing() -> None:
    files = MemoryFiles()
    vault = opened(files)
    with pytest.raises(VaultError, match="cause_start: not a word") as caught:
        vault.begin(info(cause="No Word"))
    assert caught.value.kind == "refused"
    assert files.list_folder(card.RECORDINGS) == []


def test_a_write_protected_card_can_still_be_offloaded() -> None:
    files = MemoryFiles()
    vault = opened(files)
    recording = record(vault, MADE[:2])
    recording.close(STOPPED, "button")
    files.set_read_only(True)
    again = opened(files, 2)
    entry = stored(again, recording.recording)
    check_stored(again, entry)
    for operation in (
        lambda: again.begin(info()),
        lambda: again.erase(allow(entry.recording, entry.manifest_sha256, 1), SERIAL),
    ):
        with pytest.raises(VaultError, match="write-protected") as caught:
            operation()
        assert caught.value.kind == "storage"
    with pytest.raises(VaultError, match="opening the card"):
        blank_protected_card().open()


def append_until_it_fails(recording: OpenRecording, made: list[Fragment], taken: list[Fragment]) -> VaultError | None:
    for fragment in made:
        try:
            recording.append(fragment)
        except VaultError as error:
            return error
        taken.append(fragment)
    return None


def blank_protected_card() -> Vault:
    files = MemoryFiles()
    files.set_read_only(True)
    return Vault(files, SeededEntropy(1))


def vault_digest(document: bytes) -> bytes:
    """The manifest digest inside an authorisation."""
    return authorisation.decode(document).manifest_sha256


class Boastful(LimitedFiles):
    """A card whose free space is never what it says."""

    def __init__(self, files: Files) -> None:
        super().__init__(files, 1 << 40)

    def free_bytes(self) -> int:
        return 1 << 40


def test_what_is_kept_free_pays_for_the_longest_row_of_a_track() -> None:
    for count in (1, PLACES_BLOCK_MAX):
        sealed = bytes(count * PLACE_BYTES + SEAL_BYTES_MAX)
        row = canonical.encode({"": track.row(TrackEntry(CHUNKS_MAX, sealed))})
        assert len(row) - len('{"":}') < track_row_bytes(count * PLACE_BYTES)
    assert track_row_bytes(0) == 0


class Measured(MemoryFiles):
    """A card whose free space is what the test says."""

    free = 1 << 30

    def free_bytes(self) -> int:
        return self.free


def least_free_bytes(fragment_count: int) -> int:
    """The least free space with which the last fragment of so many is still recorded."""
    least, most = 0, 1 << 22
    while least < most:
        files = Measured()
        made = fragments(3, [100] * fragment_count)
        recording = record(opened(files), made[:-1])
        files.free = (least + most) // 2
        refused = error_of(lambda recording=recording, last=made[-1]: recording.append(last))
        least, most = (files.free + 1, most) if refused else (least, files.free)
    return least


@pytest.mark.req("CAM-19")
def test_what_is_kept_free_grows_with_the_manifest_that_it_pays_for() -> None:
    fewer, more = (len(manifest.encode(closed_after(count))) for count in (2, 22))
    assert least_free_bytes(22) - least_free_bytes(2) >= more - fewer


def closed_after(fragment_count: int) -> manifest.Manifest:
    """The manifest of a recording of so many fragments."""
    return record(opened(MemoryFiles()), fragments(3, [100] * fragment_count)).close(STOPPED, "button")


def error_of(act: Callable[[], None]) -> VaultError | None:
    try:
        act()
    except VaultError as error:
        return error
    return None


@pytest.mark.req("CAM-09", "CAM-19")
def test_a_full_card_ends_a_recording_with_a_long_track_cleanly() -> None:
    """A manifest that is longer than what is kept free for a short one."""
    vault = opened(MemoryFiles(16 << 20))
    recording, block = vault.begin(info()), bytes(PLACES_BLOCK_MAX * PLACE_BYTES)
    made = iter(fragments(3, [100] * 10_000))
    kept = 0
    while (error := error_of(lambda: recording.append(next(made), block))) is None:
        kept += 1
    assert error.kind == "full"
    closed = recording.close(STOPPED, "storage_full")
    assert len(closed.track) == kept
    assert len(manifest.encode(closed)) > 2 * CLOSE_RESERVE_BYTES
