"""Power cuts on the controller: offload, offload while full, undock in the middle of it, deliver, erase, recover.

Law: judged by what index, spool, ledger and destination say after the restart, held against the bytes that were
recorded and against everything that the controller had said before its power went.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from firmware.formats.chunk import new_opener
from firmware.link.schema import PART_CHUNKS
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody import states
from host_tools.custody.errors import CustodyError, SpoolFull
from host_tools.custody.index import Recording
from host_tools.custody.ledger import Ledger
from host_tools.simulation.cuts.desk import SPARE_BYTES, Desk, Offered, Parts, Promises, new_medium
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

CAPACITY_BYTES = 8 << 20

Script = Callable[["ControllerStage", Files], None]


class ControllerStage:
    """A controller's disk, a camera with two recordings, and what was promised. ``before``: what is over already."""

    def __init__(self, script: Script, parts: Parts, before: Script | None = None) -> None:
        self.parts = parts
        self.promises = Promises()
        self.offered = Offered((2, 1))
        self.medium = new_medium(CAPACITY_BYTES)
        self._script = script
        if before is not None:
            before(self, self.medium)
            self.medium = self.medium.crash(keep_unsynced=True)

    def act(self, files: Files) -> None:
        """See Stage."""
        self._script(self, files)

    def restart_only(self) -> None:
        """From here on the run is a restart and nothing else."""
        self._script = _restart

    def with_desk(self, files: Files, work: Callable[[Desk], None]) -> None:
        """A controller from its start to its orderly end."""
        desk = Desk(files, self.parts, self.promises, self.offered)
        try:
            work(desk)
        finally:
            desk.close()

    def judge(self, after: MemoryFiles, damage: Damage | None) -> None:
        """See Stage."""
        said = self.promises
        try:
            picture = self._judge_restart(after, said)
            self._judge_second_restart(after, picture)
            self.with_desk(after, Desk.life)
            self._judge_end(after)
            self._judge_second_restart(after, self._picture_of(after))
        except CustodyError as error:
            raise Violation("the run finishes once healed", str(error)) from error

    # -- after the restart

    def _judge_restart(self, after: MemoryFiles, said: Promises) -> dict[str, Any]:
        desk = Desk(after, Parts(), Promises(), self.offered)
        try:
            for event in desk.spool.take_events():
                if event.kind != "orphan":
                    raise Violation("nothing acknowledged is lost", f"{event.kind}: {event.text}")
            verdict = Ledger(desk.index).verify(said.heads)
            if not verdict.holds:
                raise Violation("nothing acknowledged is lost", str(verdict))
            rows = {row.recording: row for row in desk.index.recordings()}
            _judge_said(rows, said, desk)
            for row in rows.values():
                self._judge_row(after, desk, row)
            _judge_space(desk, rows)
            self._judge_destination(after, rows)
            return _picture(desk)
        finally:
            desk.close()

    def _judge_row(self, after: MemoryFiles, desk: Desk, row: Recording) -> None:
        """Whatever the index calls received is there, to the byte."""
        if row.stored and row.state in states.SOLE_COPY_STATES | {"offloading"}:
            manifest = desk.spool.manifest(row.recording)
            path = f"spool/recordings/{row.recording.hex()}/chunks"
            file = after.open(path)
            for number in desk.index.committed_chunks(row.recording):
                entry = manifest.chunks[number]
                buffer = bytearray(entry.length)
                file.read_at(entry.offset, buffer)
                if sha256(buffer).digest() != entry.sealed_sha256:
                    raise Violation(
                        "nothing half-written is taken for whole", f"chunk {number} of {row.recording.hex()} has a row"
                    )
            file.close()
        if row.stored and row.state in states.SOLE_COPY_STATES:
            opener = new_opener("clear", row.recording)
            content = b"".join(bytes(piece) for piece in desk.spool.open_content(row.recording, opener))
            if content != self.offered.made[row.recording].content():
                raise Violation("nothing half-written is taken for whole", f"{row.recording.hex()} is held otherwise")

    def _judge_destination(self, after: MemoryFiles, rows: dict[bytes, Recording]) -> None:
        complete = self._complete_at_destination(after)
        on_card = {entry.recording for entry in self.offered.camera.vault.recordings()}
        for recording in self.offered.recordings:
            row = rows.get(recording)
            may_be_gone = row is not None and row.state in states.REMOVABLE_STATES
            if (recording not in on_card or may_be_gone) and recording not in complete:
                raise Violation("no erase before durability", f"{recording.hex()} is not whole at the destination")
            if recording not in on_card and (row is None or row.state not in ("erase_authorised", "erased")):
                raise Violation("no erase before durability", f"{recording.hex()} was erased without leave on record")

    def _complete_at_destination(self, after: MemoryFiles) -> list[bytes]:
        """Recordings in containers that are called complete; each must be whole there. One that is there twice is
        here twice."""
        wanted = {sha256(made.content()).digest(): recording for recording, made in self.offered.made.items()}
        found: list[bytes] = []
        contents = tree(after, "destination")
        for path in contents:
            container = path.removesuffix("/")
            if not path.endswith("/") or not _is_complete(contents, container):
                continue
            clips = [wanted.get(sha256(data).digest()) for name, data in contents.items() if name.startswith(path)]
            whole = [recording for recording in clips if recording is not None]
            if len(whole) != 1:
                raise Violation("nothing half-written is taken for whole", f"{container} is called complete")
            found += whole
        return found

    # -- further restarts, and the end

    def _judge_second_restart(self, after: MemoryFiles, picture: dict[str, Any]) -> None:
        again = after.crash()
        before = {path: data for path, data in tree(again).items() if not path.startswith("index/")}
        now = self._picture_of(again)
        files = {path: data for path, data in tree(again).items() if not path.startswith("index/")}
        changed = differing(before, files) or [key for key in picture if picture[key] != now[key]]
        if changed:
            raise Violation("a second restart changes nothing", f"{changed}")

    def _picture_of(self, files: MemoryFiles) -> dict[str, Any]:
        desk = Desk(files, Parts(), Promises(), self.offered)
        try:
            return _picture(desk)
        finally:
            desk.close()

    def _judge_end(self, after: MemoryFiles) -> None:
        """Everything has arrived exactly once, and nothing is left anywhere else."""
        desk = Desk(after, Parts(), Promises(), self.offered)
        try:
            left = [f"{row.recording.hex()} is {row.state}" for row in desk.index.recordings() if row.state != "erased"]
            storage = desk.spool.storage()
            verdict = Ledger(desk.index).verify(self.promises.heads)
        finally:
            desk.close()
        left += after.list_folder("spool/recordings")
        left += [entry.recording.hex() for entry in self.offered.camera.vault.recordings()]
        left += [path for path in tree(after, "destination") if ".partial" in path or ".probe" in path]
        if left or storage.used_bytes or storage.reserved_bytes:
            raise Violation("the run finishes once healed", f"left behind: {left}, {storage}")
        if not verdict.holds:
            raise Violation("the run finishes once healed", str(verdict))
        if sorted(self._complete_at_destination(after)) != sorted(self.offered.recordings):
            raise Violation("the run finishes once healed", "not every recording is at the destination exactly once")


def scenarios(variants: int, parts: Parts | None = None) -> list[Staged]:
    """All of this side. ``variants``: from how many earlier cuts a recovery is cut in its turn."""
    used = parts or Parts()

    def scenario(name: str, script: Script, before: Script | None = None) -> Staged:
        return Staged(name, "controller", lambda: ControllerStage(script, used, before=before))

    made = [
        scenario("offload", _offload),
        scenario("offload/together", _offload_together),
        scenario("offload while full", _offload_while_full),
        scenario("undock mid-offload", _undock),
        scenario("deliver", _deliver, _offload),
        scenario("erase", _erase, _offload_and_deliver),
    ]
    return [*made, *(_recovery(made[number % len(made)], number) for number in range(variants))]


def _offload(stage: ControllerStage, files: Files) -> None:
    def work(desk: Desk) -> None:
        for told in stage.offered.announcements():
            desk.accept(told)
            desk.fetch(told.recording)

    stage.with_desk(files, work)


def _offload_together(stage: ControllerStage, files: Files) -> None:
    """One commit for chunks of both recordings, as from two cameras at once."""

    def work(desk: Desk) -> None:
        both = stage.offered.announcements()
        for told in both:
            desk.accept(told)
        while any(desk.spool.missing(told.recording) for told in both):
            for told in both:
                desk.receive(told.recording, chunks_max=1)
            desk.commit()

    stage.with_desk(files, work)


def _offload_while_full(stage: ControllerStage, files: Files) -> None:
    """The second recording finds no room until the first has been delivered."""

    def work(desk: Desk) -> None:
        first, second = stage.offered.announcements()
        desk.accept(first)
        desk.fetch(first.recording)
        ballast = stage.medium.create("ballast", stage.medium.free_bytes() - SPARE_BYTES - second.chunks_bytes // 2)
        ballast.close()
        try:
            desk.accept(second)
        except SpoolFull:
            stage.medium.remove("ballast")
        else:
            raise Violation("nothing half-written is taken for whole", "a recording was accepted without room for it")
        desk.deliver()
        desk.accept(second)
        desk.fetch(second.recording)

    stage.with_desk(files, work)


def _undock(stage: ControllerStage, files: Files) -> None:
    """The camera goes in the middle of a chunk, and comes back."""

    def work(desk: Desk) -> None:
        first, second = stage.offered.announcements()
        desk.accept(first)
        desk.fetch(first.recording, chunks_max=1)
        missing = desk.spool.missing(first.recording)[0]
        piece = stage.offered.camera.vault.read_piece(first.recording, PART_CHUNKS, missing.offset_bytes, 700)
        desk.spool.write(first.recording, missing.offset_bytes, piece)
        desk.commit()
        desk.spool.pause(first.recording)
        for told in (second, first):
            desk.accept(told)
            desk.fetch(told.recording, commit_every=3)

    stage.with_desk(files, work)


def _deliver(stage: ControllerStage, files: Files) -> None:
    stage.with_desk(files, Desk.deliver)


def _offload_and_deliver(stage: ControllerStage, files: Files) -> None:
    _offload(stage, files)
    _deliver(stage, files)


def _erase(stage: ControllerStage, files: Files) -> None:
    def work(desk: Desk) -> None:
        for recording in stage.offered.recordings:
            desk.erase(recording)

    stage.with_desk(files, work)


def _restart(stage: ControllerStage, files: Files) -> None:
    stage.with_desk(files, lambda desk: None)


def _recovery(base: Staged, number: int) -> Staged:
    """A scenario that is nothing but the restart after a cut of ``base``, drawn by ``number``."""

    def staged() -> ControllerStage:
        cut = draw_cut(base, number)
        stage = base.stage()
        assert isinstance(stage, ControllerStage)
        files = CountedFiles(stage.medium, cut)
        run_to_its_cut(stage, files)
        stage.medium, _ = left_by(stage.medium, files, cut)
        stage.restart_only()
        return stage

    return Staged(f"recover/{number}", "controller", staged)


def _judge_said(rows: dict[bytes, Recording], said: Promises, desk: Desk) -> None:
    """What was said is still so, or has gone further."""
    for recording in said.accepted:
        if recording not in rows or rows[recording].state == "announced":
            raise Violation("nothing acknowledged is lost", f"{recording.hex()} was accepted")
    for recordings, reached in (
        (said.held, states.WHOLE_STATES),
        (said.delivered, states.REMOVABLE_STATES),
        (said.erased, {"erased"}),
    ):
        for recording in recordings:
            if rows[recording].state not in reached:
                raise Violation("nothing acknowledged is lost", f"{recording.hex()} is {rows[recording].state} again")
    for recording, chunk in said.committed:
        if chunk in {missing.chunk for missing in desk.spool.missing(recording)}:
            raise Violation("nothing acknowledged is lost", f"chunk {chunk} of {recording.hex()} is asked for again")
    for row in rows.values():
        if desk.index.erase_counter(row.camera_serial) < said.counter:
            raise Violation("nothing acknowledged is lost", f"counter {said.counter} was given, and is forgotten")


def _judge_space(desk: Desk, rows: dict[bytes, Recording]) -> None:
    stored = sum(row.chunks_bytes for row in rows.values() if row.stored)
    storage = desk.spool.storage()
    if storage.used_bytes + storage.reserved_bytes != stored:
        raise Violation("nothing acknowledged is lost", f"{stored} bytes are promised, the spool says {storage}")


def _picture(desk: Desk) -> dict[str, Any]:
    rows = desk.index.recordings()
    storage = desk.spool.storage()  # without what is free: an index that was not closed has its journal beside it
    return {
        "rows": rows,
        "missing": {row.recording: desk.spool.missing(row.recording) for row in rows if row.stored},
        "head": desk.index.ledger_head(),
        "storage": (storage.used_bytes, storage.reserved_bytes),
    }


def _is_complete(contents: dict[str, bytes], container: str) -> bool:
    for path, data in contents.items():
        name = path.rpartition("/")[2]
        if path.startswith(container + "/") and name.startswith("container") and not name.startswith("."):
            document: dict[str, Any] = json.loads(data)
            return bool(document.get("metadata", {}).get("Status") == "Complete")
    return False
