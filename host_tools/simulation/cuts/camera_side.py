"""Power cuts on the camera: record, record while full, erase, recover.

Law: a card is judged through a vault that is opened on it, and by reading back every byte, as a controller would. What
a camera promises is ``Made``: what the recorder said was safe, what was closed, what was erased.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware.camera import card
from firmware.camera.vault import StoredRecording, VaultError
from firmware.formats import authorisation
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.chunk import CHUNK_BYTES_MAX, sealed_bytes
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.simulation.cuts.model import (
    CountedFiles,
    Damage,
    Staged,
    Violation,
    differing,
    draw_cut,
    left_by,
    run_to_its_cut,
    tree,
)
from host_tools.simulation.cuts.recordings import CAMERA_SERIAL, STARTED_UNIX_MS, Camera, Made, read_back

SPLIT_BYTES = CHUNK_BYTES_MAX + 5  # a fragment of two chunks
FULL_LEFT_BYTES = (1 << 20) + (48 << 10)  # beyond what the vault keeps for closing: a few fragments more
COUNTER_FIRST = 7  # of the authorisations that a scenario gives
SUITE = "clear"
GOOD_ACTIONS = frozenset({"closed", "removed", "erased"})

Wrap = Callable[[Files], Files]
Script = Callable[["CameraStage", Files], None]


class CameraStage:
    """A card and what was promised of it. ``wrap`` comes between firmware and card: for cards that lie."""

    def __init__(self, script: Script, wrap: Wrap) -> None:
        self.medium = MemoryFiles()
        self.made: dict[bytes, Made] = {}
        self.asked: dict[bytes, bytes] = {}  # authorisations that were given to the camera
        self.erased: set[bytes] = set()
        self._script = script
        self._wrap = wrap

    def act(self, files: Files) -> None:
        """See Stage."""
        self._script(self, self._wrap(files))

    def restart_only(self) -> None:
        """From here on the run is a restart and nothing else."""
        self._script = _restart

    def camera(self, files: Files, **arguments: int) -> Camera:
        """A camera that notes what it makes here."""
        return Camera(files, self.made, f"camera {len(self.made)}", **arguments)

    def erase(self, camera: Camera, recording: bytes, counter: int) -> None:
        """Ask for an erasure and note the answer."""
        self.asked[recording] = _allow(recording, self.made[recording].manifest_sha256, counter)
        camera.vault.erase(self.asked[recording], CAMERA_SERIAL)
        self.erased.add(recording)

    def judge(self, after: MemoryFiles, damage: Damage | None) -> None:
        """See Stage."""
        camera = Camera(after, {}, "restarted")
        self._judge_recovery(after, camera, damage)
        _judge_second_restart(after)
        self._repeat_erasures(camera)
        _finish(camera, after)
        _judge_second_restart(after)

    def _judge_recovery(self, after: MemoryFiles, camera: Camera, damage: Damage | None) -> None:
        for note in camera.notes:
            if note.action not in GOOD_ACTIONS and not _hits(damage, note.name):
                raise Violation("nothing acknowledged is lost", f"{note.name} was {note.action}: {note.reason}")
        there = {entry.recording: entry for entry in camera.vault.recordings()}
        names = after.list_folder(card.RECORDINGS)
        if names != sorted(recording.hex() for recording in there):
            raise Violation("nothing half-written is taken for whole", f"left on the card: {names}")
        for recording in there.keys() - self.made.keys():
            raise Violation("nothing half-written is taken for whole", f"nobody made recording {recording.hex()}")
        for recording, made in self.made.items():
            hit = damage if _hits(damage, recording.hex()) else None
            if recording in there:
                self._judge_stored(camera, there[recording], made, hit)
            elif recording not in self.asked:
                _judge_gone(after, recording, made, hit)

    def _judge_stored(self, camera: Camera, entry: StoredRecording, made: Made, damage: Damage | None) -> None:
        name = entry.recording.hex()
        if entry.recording in self.erased:
            raise Violation("nothing acknowledged is lost", f"{name} was erased and is back")
        back = read_back(camera.vault, entry)
        if back.faults and damage is None:
            raise Violation("nothing half-written is taken for whole", f"{name}: {'; '.join(back.faults)}")
        whole = back.content[: back.whole_bytes]
        if whole != made.content()[: len(whole)] or len(back.content) not in made.boundaries():
            raise Violation("nothing half-written is taken for whole", f"{name} has other content than was recorded")
        owed = made.safe_bytes if damage is None else _owed_beside(made, damage)
        if back.whole_bytes < owed:
            raise Violation("nothing acknowledged is lost", f"{name}: {back.whole_bytes} bytes, {owed} were safe")
        if damage is not None:
            return
        if made.manifest_sha256 and entry.manifest_sha256 != made.manifest_sha256:
            raise Violation("nothing acknowledged is lost", f"{name} was closed and has another manifest")
        if not entry.interrupted and not made.stopping:
            raise Violation("nothing half-written is taken for whole", f"{name} was cut and is called complete")

    def _repeat_erasures(self, camera: Camera) -> None:
        """The controller asks again for what it has had no answer to."""
        for recording, document in self.asked.items():
            if recording in self.erased:
                continue
            try:
                camera.vault.erase(document, CAMERA_SERIAL)
            except VaultError as error:
                raise Violation("the run finishes once healed", f"the erasure cannot be repeated: {error}") from error
            if recording in {entry.recording for entry in camera.vault.recordings()}:
                raise Violation("the run finishes once healed", f"{recording.hex()} was erased and is there")


def scenarios(variants: int, wrap: Wrap = lambda files: files) -> list[Staged]:
    """All of this side. ``variants``: from how many earlier cuts a recovery is cut in its turn."""
    made = [
        Staged(name, "camera", lambda script=script: CameraStage(script, wrap), on_card=True)
        for name, script in (("record", _record), ("record while full", _record_while_full), ("erase", _erase))
    ]
    split = Staged("record/split", "camera", lambda: CameraStage(_record_split, wrap), on_card=True)
    return [*made, split, *(_recovery(made[number % len(made)], number) for number in range(variants))]


def _record(stage: CameraStage, files: Files) -> None:
    camera = stage.camera(files)
    camera.record(3)
    camera.start()
    camera.stop()  # before the first picture: nothing of it stays
    camera.start()
    camera.pass_time(3)


def _record_split(stage: CameraStage, files: Files) -> None:
    camera = stage.camera(files, fragment_bytes=SPLIT_BYTES)
    camera.record(1)


def _record_while_full(stage: CameraStage, files: Files) -> None:
    camera = stage.camera(files, fragment_bytes=9_000)
    recording = camera.start()
    stage.made[recording].stopping = True  # by itself, when the card is full
    medium = stage.medium
    ballast = medium.create("ballast", medium.free_bytes() - FULL_LEFT_BYTES)
    ballast.close()
    if camera.pass_time(60) is None:
        raise Violation("the run finishes once healed", "the card took more than it holds")
    camera.pass_time(1)  # the encoder drains
    try:
        camera.start()
    except VaultError as error:
        if error.kind != "full":
            raise
    else:
        raise Violation("the run finishes once healed", "a recording began on a full card")


def _erase(stage: CameraStage, files: Files) -> None:
    camera = stage.camera(files)
    first, second = camera.record(2), camera.record(1)
    stage.erase(camera, first, COUNTER_FIRST)
    stage.erase(camera, first, COUNTER_FIRST)
    third = camera.start()
    camera.pass_time(1)
    stage.erase(camera, second, COUNTER_FIRST + 2)
    camera.stop()
    stage.erase(camera, third, COUNTER_FIRST + 3)
    camera.record(1)


def _restart(stage: CameraStage, files: Files) -> None:
    stage.camera(files)


def _recovery(base: Staged, number: int) -> Staged:
    """A scenario that is nothing but the restart after a cut of ``base``, drawn by ``number``."""

    def staged() -> CameraStage:
        cut = draw_cut(base, number)
        stage = base.stage()
        assert isinstance(stage, CameraStage)
        files = CountedFiles(stage.medium, cut)
        run_to_its_cut(stage, files)
        stage.medium, _ = left_by(stage.medium, files, cut)
        stage.restart_only()
        return stage

    return Staged(f"recover/{number}", "camera", staged, on_card=True)


def _judge_gone(after: MemoryFiles, recording: bytes, made: Made, damage: Damage | None) -> None:
    """A recording that is not in the vault had no picture yet; or a lost block took what explains it, and it is kept
    aside."""
    name = recording.hex()
    if made.safe_bytes <= (len(made.fragments[0]) if made.fragments else 0):
        return
    if damage is None:
        raise Violation("nothing acknowledged is lost", f"{name}: {made.safe_bytes} bytes were safe, it is gone")
    # One fragment behind the journal's end looks the same whether its line was never synced or was lost with a block.
    if made.safe_bytes <= made.boundaries()[2]:
        return
    aside = after.list_folder(card.QUARANTINE) if after.exists(card.QUARANTINE) else []
    if not any(folder.startswith(name) for folder in aside):
        raise Violation("nothing acknowledged is lost", f"{name} lost a block of {damage.path}, and all of it is gone")


def _judge_second_restart(after: MemoryFiles) -> None:
    again = after.crash()
    before = tree(again)
    camera = Camera(again, {}, "restarted again")
    changed = differing(before, tree(again))
    if camera.notes or changed:
        raise Violation("a second restart changes nothing", f"{camera.notes} {changed}")


def _finish(camera: Camera, after: MemoryFiles) -> None:
    """Life goes on: another recording, and with leave everything is erased."""
    camera.record(2)
    for entry in camera.vault.recordings():
        counter = camera.vault.erase_counter() + 1
        try:
            camera.vault.erase(_allow(entry.recording, entry.manifest_sha256, counter), CAMERA_SERIAL)
        except VaultError as error:
            raise Violation("the run finishes once healed", str(error)) from error
    left = after.list_folder(card.RECORDINGS)
    if left:
        raise Violation("the run finishes once healed", f"left on the card: {left}")


def _hits(damage: Damage | None, name: str) -> bool:
    return damage is not None and name in damage.path


def _owed_beside(made: Made, damage: Damage) -> int:
    """What of the safe content lies wholly before the block that was lost. Nothing is owed without a journal."""
    if not damage.path.endswith("/" + card.CHUNKS):
        return 0
    content = sealed = 0
    for fragment in made.fragments:
        pieces = [min(CHUNK_BYTES_MAX, len(fragment) - at) for at in range(0, len(fragment), CHUNK_BYTES_MAX)]
        sealed += sum(sealed_bytes(SUITE, piece) for piece in pieces)
        if sealed > damage.start or content + len(fragment) > made.safe_bytes:
            break
        content += len(fragment)
    return content


def _allow(recording: bytes, manifest_sha256: bytes, counter: int) -> bytes:
    return authorisation.encode(
        EraseAuthorisation(CAMERA_SERIAL, recording, manifest_sha256, "acknowledged", counter, STARTED_UNIX_MS)
    )
