"""Power is cut before every single change that a scenario makes to the card, and then before every change that the
recovery from that makes. Whatever was promised before the cut holds afterwards.

Each cut is judged with nothing on the medium but what was synced, with everything that was written, and with each file
and folder in one of these states by itself, by seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from firmware.camera import card
from firmware.camera.vault import OpenRecording, Vault
from firmware.formats.track import PLACE_BYTES, TrackEntry
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.ports.sensor import Fragment
from tests.unit.camera_vault.parts import SERIAL, STOPPED, allow, check_stored, fragments, info, joined, stored

SPLIT = (1 << 20) + 5  # a fragment of two chunks
FIRST = fragments(1, [700, 3000, SPLIT, 10])
SECOND = fragments(2, [700, 2000])
THIRD = fragments(3, [700, 500, 600])
Crash = Callable[[MemoryFiles, int], MemoryFiles]
CRASHES: dict[str, Crash] = {
    "only synced": lambda medium, cut: medium.crash(),
    "all written": lambda medium, cut: medium.crash(keep_unsynced=True),
    "mixed 1": lambda medium, cut: medium.crash_mixed(1000 + cut),
    "mixed 2": lambda medium, cut: medium.crash_mixed(2000 + cut),
    "mixed 3": lambda medium, cut: medium.crash_mixed(3000 + cut),
}
each_crash = pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)


@dataclass
class Promise:
    """What the vault has said of one recording so far."""

    made: list[Fragment]
    offered: int = 0
    appended: int = 0
    closing: bool = False
    manifest_sha256: bytes = b""
    erasure: bytes = b""
    erased: bool = False


@dataclass
class Scenario:
    """Records, closes and erases on ``files``, and keeps the promises that were made before the power went."""

    promises: dict[bytes, Promise] = field(default_factory=dict[bytes, Promise])

    def run(self, files: Files) -> None:
        vault = Vault(files, SeededEntropy(1))
        vault.open()
        first = self.record(vault, FIRST)
        self.close(vault, first)
        second = self.record(vault, SECOND)
        self.erase(vault, first.recording, 7)
        self.close(vault, second)
        vault.begin(info()).discard()
        self.erase(vault, second.recording, 8)
        self.record(vault, THIRD)

    def record(self, vault: Vault, made: list[Fragment]) -> OpenRecording:
        recording = vault.begin(info())
        promise = self.promises[recording.recording] = Promise(made)
        for fragment in made:
            promise.offered += 1
            recording.append(fragment, places(promise.offered))
            promise.appended += 1
        return recording

    def close(self, vault: Vault, recording: OpenRecording) -> None:
        promise = self.promises[recording.recording]
        promise.closing = True
        recording.close(STOPPED, "button")
        promise.manifest_sha256 = stored(vault, recording.recording).manifest_sha256

    def erase(self, vault: Vault, recording: bytes, counter: int) -> None:
        promise = self.promises[recording]
        promise.erasure = allow(recording, promise.manifest_sha256, counter)
        vault.erase(promise.erasure, SERIAL)
        promise.erased = True


def places(number: int) -> bytes:
    """What was noted with the fragment of that number, from 1."""
    return bytes([number]) * PLACE_BYTES


def changes_of_the_whole_scenario() -> int:
    files = PowerCutFiles(MemoryFiles())
    Scenario().run(files)
    return files.changes


def crashed(cut_before: int, crash: Crash) -> tuple[MemoryFiles, Scenario]:
    medium = MemoryFiles(16 << 20)
    scenario = Scenario()
    with pytest.raises(PowerCut):
        scenario.run(PowerCutFiles(medium, cut_before))
    return crash(medium, cut_before), scenario


def check_promises(files: MemoryFiles, scenario: Scenario) -> None:
    vault = Vault(files, SeededEntropy(2))
    notes = vault.open()
    assert {note.action for note in notes} <= {"closed", "removed", "erased"}, notes
    there = {entry.recording: entry for entry in vault.recordings()}
    assert files.list_folder(card.RECORDINGS) == sorted(recording.hex() for recording in there)
    assert not files.exists(card.QUARANTINE)
    assert there.keys() <= scenario.promises.keys()
    for recording, promise in scenario.promises.items():
        if recording not in there:
            assert promise.erasure or promise.appended < 2, "a recording with a picture is gone"
            continue
        assert not promise.erased, "an erased recording is back"
        found, content = check_stored(vault, there[recording])
        count = len(found.fragments)
        assert promise.appended <= count <= promise.offered
        assert content == joined(promise.made[:count])
        assert found.track == tuple(TrackEntry(number, places(number + 1)) for number in range(count))
        assert found.interrupted or promise.closing
        if promise.manifest_sha256:
            assert there[recording].manifest_sha256 == promise.manifest_sha256
            assert not found.interrupted
    check_repeated_erasures(vault, scenario)
    again = Vault(files.crash(), SeededEntropy(3))
    assert again.open() == [], "recovery leaves nothing to be recovered, and all of it is durable"
    assert again.recordings() == vault.recordings()


def check_repeated_erasures(vault: Vault, scenario: Scenario) -> None:
    """The controller asks again for what it has had no answer to."""
    for recording, promise in scenario.promises.items():
        if promise.erasure and not promise.erased:
            assert vault.erase(promise.erasure, SERIAL).recording == recording
            assert recording not in {entry.recording for entry in vault.recordings()}


@pytest.mark.req("CAM-19", "CAM-21")
@each_crash
def test_a_power_cut_at_any_change_breaks_no_promise(crash: Crash) -> None:
    changes = changes_of_the_whole_scenario()
    assert changes > 80
    for cut_before in range(changes):
        medium, scenario = crashed(cut_before, crash)
        try:
            check_promises(medium, scenario)
        except BaseException as error:
            error.add_note(f"power cut before change {cut_before} of {changes}")
            raise


@pytest.mark.req("CAM-19")
@each_crash
def test_a_power_cut_during_recovery_breaks_no_promise(crash: Crash) -> None:
    cuts = 0
    for cut_before in range(changes_of_the_whole_scenario()):
        medium, scenario = crashed(cut_before, crash)
        for recovery_cut in range(100):
            try:
                Vault(PowerCutFiles(medium, recovery_cut), SeededEntropy(2)).open()
            except PowerCut:
                medium = crash(medium, cut_before + 100 * recovery_cut)
                cuts += 1
            else:
                break
        check_promises(medium, scenario)
    assert cuts > 200
