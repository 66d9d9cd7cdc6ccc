"""What scenarios speak of: a bench with cameras and docks, a controller, a destination.

Law: cameras and bays, never ports or processes, so that a scenario reads the same on real boards. What few benches can
tell or do (the true recording, the bytes on the wire, a link made slow) says which feature it needs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from firmware.secure import document
from host_tools.bench.hands import Hands, Lamps
from host_tools.bench.programs import (
    LIMIT_S,
    POLL_S_MAX,
    Event,
    EventLog,
    Program,
    ScenarioFailed,
    T,
    first_answer,
    log_end,
    until,
)
from host_tools.controller.remote import controller_client
from host_tools.custody.index import open_index
from host_tools.evidence.media import inspect_clip

Range = tuple[int, int]  # from, up to; bytes of a recording's chunks

READY = {"green": True, "red": False}
RECORDING = {"green": False, "red": True}
STEADY_S = 0.3  # longer than the green phase of any pattern that is not steady
BADGE_S_MAX = 300.0  # that a badge is held to a reader which does not notice
PRESS_LIMIT_S = 2.0  # a camera that was just taken may still show that it was assigned, and not listen yet
HOLD_S = 3.3  # a little longer than the hold time of the record button
HOLD_LIMIT_S = 3 * HOLD_S  # a board that stood still for a moment has not seen how long it was held
FRAGMENT_MS = 1_000  # the most that a clip may be shorter than what was recorded
BLOCK_BYTES = 1 << 20


BoardT = TypeVar("BoardT", "Camera", "Dock")


class Bench:
    """A bench: its boards, and hands that move them. ``cameras`` and ``docks`` by number, from 1."""

    def __init__(self, hands: Hands, cameras: Mapping[str, str], docks: Mapping[str, str]) -> None:
        """Names of the boards with their serials."""
        self.hands = hands
        self.docks = [Dock(hands, name, serial) for name, serial in docks.items()]
        self.used: list[tuple[str, str]] = []  # serial and name of the boards that somebody has asked for
        first = next(iter(docks), "")
        self.cameras = [Camera(hands, name, serial, first) for name, serial in cameras.items()]

    def camera(self, number: int) -> Camera:
        """The camera of that number."""
        return self._used(self.cameras[number - 1])

    def dock(self, number: int) -> Dock:
        """The dock of that number."""
        return self._used(self.docks[number - 1])

    def start_recording(self, *cameras: Camera) -> None:
        """Press the record button of each, and wait until each shows that it records."""
        for camera in cameras:
            camera.begin_to_record()
        for camera in cameras:
            until(camera.press_unless_recording, f"{camera.name} to record")

    def show_badge(self, uid: str, until_heard: Callable[[], T]) -> T:
        """Hold a badge of that number to the reader until it was heard, and take it away. Needs "badge"."""
        self.hands.show_badge(uid, BADGE_S_MAX)
        try:
            return until_heard()
        finally:
            self.hands.take_badge_away(uid)

    def reader_refuses(self) -> bool:
        """Whether the reader has refused the last badge, to be seen or heard. Needs "badge"."""
        return self.hands.reader_refuses()

    def let_pass(self, seconds: float) -> None:
        """Let cameras record. A recording has a length: the one thing in a scenario that is waited for by the clock."""
        time.sleep(seconds)

    def tidy(self) -> None:
        """Put everything where a scenario finds it: boards on, cameras in nobody's bay, links fast."""
        self.hands.tidy()

    def until_ready(self, *cameras: Camera) -> None:
        """Until all show that they may be used, steadily: some patterns are as green for a moment."""
        until(lambda: all(camera.shows(READY, STEADY_S) for camera in cameras), "cameras to be ready")

    def crashes(self) -> list[str]:
        """What firmware has crashed, a traceback each."""
        return self.hands.crashes()

    def _used(self, board: BoardT) -> BoardT:
        if (board.serial, board.name) not in self.used:
            self.used.append((board.serial, board.name))
        return board


class Camera:
    """A camera, and the hands of its wearer."""

    def __init__(self, hands: Hands, name: str, serial: str, dock: str) -> None:
        self.name = name
        self.serial = serial
        self.wire = Wire(hands, name)
        self._hands = hands
        self._dock = dock
        self._knows_truth = "truth" in hands.features
        self._own_truths: list[dict[str, Any]] = []  # what the hands know, where nobody knows better
        self._began_s: tuple[float, float] | None = None  # between these two moments
        self._asked_s = 0.0
        self._truths_before = len(hands.truths(serial))

    # -- hands

    def dock(self, bay: int, dock: str = "") -> None:
        """Put it into a bay, of the first dock unless another is named. It ends its recording."""
        begin_s = time.monotonic()
        self._hands.put_in(self.name, dock or self._dock, bay)
        self._ended(begin_s)

    def undock(self) -> None:
        """Pull it out of its bay."""
        self._hands.take_out(self.name)

    def stop_recording(self) -> None:
        """Hold the record button until the lamp says that the camera is ready again."""
        begin_s = time.monotonic()
        self.press(HOLD_S)
        until(self._hold_if_recording, f"{self.name} to be ready again")
        self._ended(begin_s)

    def press(self, hold_s: float = 0.15) -> None:
        """Press the record button."""
        self._hands.press(self.name, "record", hold_s)

    def begin_to_record(self) -> None:
        """Press it for the first time. It may record from now on, whenever it shows that."""
        self._asked_s = time.monotonic()
        self.press()

    def press_unless_recording(self) -> bool:
        """Give the lamp a moment to say that it records; else press the record button (again)."""
        try:
            until(lambda: self.shows(RECORDING), "the red lamp", PRESS_LIMIT_S)
        except ScenarioFailed:
            self.press()
            return False
        self._began_s = (self._asked_s, time.monotonic())
        return True

    def put_cell(self, percent: float) -> None:
        """Put a cell of that charge into it. Needs "cell"."""
        self._hands.put_cell(self.name, percent)

    def let_stand(self, hours: float) -> None:
        """Leave it where it is for so long. Needs "hours"."""
        self._hands.let_stand(self.name, hours)

    def cut_power(self) -> None:
        """Take its battery out."""
        begin_s = time.monotonic()
        self._hands.set_power(self.name, False)
        self._ended(begin_s)

    def restore_power(self) -> None:
        """Put the battery back."""
        self._hands.set_power(self.name, True)

    def reset(self) -> None:
        """Make it boot anew."""
        begin_s = time.monotonic()
        self._hands.reset(self.name)
        self._ended(begin_s)

    # -- eyes

    def lamps(self) -> dict[str, bool]:
        """Which lamps are lit at this moment. Needs "look"."""
        return self._hands.lamps(self.name)

    def shows(self, wanted: Lamps, steady_s: float = 0.0) -> bool:
        """Whether exactly these lamps are lit, for so long."""
        return self._hands.shows(self.name, wanted, steady_s=steady_s)

    # -- what few benches have

    def make_link_slow(self, bytes_per_s: int) -> None:
        """So that there is time to interrupt it. Needs "slow-link"."""
        self._hands.limit_link(self.name, bytes_per_s)

    def make_link_fast(self) -> None:
        """As it was."""
        self._hands.limit_link(self.name, None)

    def truths(self) -> list[dict[str, Any]]:
        """What it has recorded since the scenario began: ``sha256``, ``prefixes``, ``frames``, ``duration_ms``. On a
        bench without "truth" what the hands know of it: between which two durations it was, and no more."""
        if not self._knows_truth:
            return list(self._own_truths)
        return self._hands.truths(self.serial)[self._truths_before :]

    def _hold_if_recording(self) -> bool:
        """Give the lamp time to say that it is ready; else hold the button once more, as people do."""
        try:
            until(lambda: self.shows(READY), "the green lamp", HOLD_LIMIT_S)
        except ScenarioFailed:
            if self.shows(RECORDING):
                self.press(HOLD_S)
            return False
        return True

    def _ended(self, begin_s: float) -> None:
        """A recording has ended since ``begin_s``, if one was under way. Hands take their time: it was as long as lies
        between the two bounds."""
        if self._began_s is not None:
            bounds_ms = [max(0, begin_s - self._began_s[1]) * 1000, (time.monotonic() - self._began_s[0]) * 1000]
            self._own_truths.append({"camera": self.serial, "sha256": None, "duration_ms": bounds_ms})
        self._began_s = None


class Dock:
    """A docking station."""

    def __init__(self, hands: Hands, name: str, serial: str) -> None:
        self.name = name
        self.serial = serial
        self._hands = hands

    def reset(self) -> None:
        """Cut its mains for a moment."""
        self._hands.reset(self.name)

    def lamps(self, bay: int) -> dict[str, bool]:
        """Which lamps of a bay are lit at this moment. Needs "look"."""
        return self._hands.lamps(self.name, bay)

    def shows(self, bay: int, wanted: Lamps) -> bool:
        """Whether exactly these lamps of a bay are lit."""
        return self._hands.shows(self.name, wanted, bay)


class Wire:
    """A listener on a camera's cable. Needs "wire"."""

    def __init__(self, hands: Hands, name: str) -> None:
        self._hands = hands
        self._name = name
        self._before: list[list[Any]] = []

    def listen(self) -> None:
        """From now on. Before the session begins, for only then its frames can be read."""
        self._before = self._served()

    def served(self, recording: str) -> list[Range]:
        """Ranges of a recording's chunks that the camera has sent since ``listen``, in the order of sending."""
        before = self._before
        ranges = self._served()[max(0, len(before) - 1) :]
        if before and ranges and ranges[0][:3] == before[-1][:3]:  # the last range has grown since
            ranges[0] = [*ranges[0][:2], before[-1][3], ranges[0][3]]
        return [(start, end) for name, part, start, end in ranges if name == recording and part == 0 and start < end]

    def _served(self) -> list[list[Any]]:
        return self._hands.served(self._name)


class ScenarioController:
    """The controller of a scenario. It can be killed and started again; its folder stays."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder = folder
        self.log = folder.parent / "controller.log"
        self._program = Program("controller", ["controller", "--folder", str(folder), *arguments], self.log)
        self._client = controller_client(folder)
        self._events: EventLog | None = None

    def start(self) -> None:
        """Start it. What it tells is kept from the first moment on."""
        self._program.start()
        self._events = EventLog(self._client)
        self._events.start()

    def stop(self) -> None:
        """In order. ScenarioFailed if it does not end well."""
        try:
            code = self._program.stop()
        finally:
            self._close_events()
        if code != 0:
            raise ScenarioFailed(f"the controller ended with exit code {code}: {log_end(self.log)}")

    def kill(self) -> None:
        """SIGKILL."""
        self._program.kill()
        self._close_events()

    def is_running(self) -> bool:
        """Whether it is."""
        return self._program.is_running()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._program.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self._program.thaw()

    def status(self) -> dict[str, Any]:
        """What ``bwc status --json`` prints."""
        return first_answer(self._client, "status", self._program.check)

    def command(self, verb: str, **arguments: Any) -> Any:
        """Have it do something, as the command line would. LocalError if it refuses."""
        return self._client.call(verb, **arguments)

    def camera(self, camera: Camera) -> dict[str, Any] | None:
        """What it says of a camera; None while it knows of none."""
        return next((row for row in self.status()["cameras"] if row["serial"] == camera.serial), None)

    def status_of(self, recording: str) -> dict[str, Any]:
        """One recording's row of the status."""
        return next(row for row in self.status()["recordings"] if row["recording"] == recording)

    def until(self, condition: Callable[[dict[str, Any]], T | None], what: str, limit_s: float = LIMIT_S) -> T:
        """Ask for the status until the condition gives something true, and return that."""
        return until(lambda: condition(self.status()), what, limit_s, self._program.check, POLL_S_MAX)

    def wait_for(
        self,
        what: str,
        camera: Camera | None = None,
        having: Callable[[Event], bool] = bool,
        after: int = 0,
        limit_s: float = LIMIT_S,
    ) -> Event:
        """The first event of that name (of that camera, ``having`` that), since the controller started or ``after``."""

        def wanted(event: Event) -> bool:
            is_it = event.get("what") == what and (camera is None or event.get("camera") == camera.serial)
            return is_it and having(event)

        told = f"{what} of {camera.serial}" if camera else what
        return self._log().wait_for(wanted, told, limit_s, after, self._program.check)

    def wait_for_share(self, camera: Camera, share: float, after: int = 0) -> str:
        """Until so much of the recording being offloaded from that camera is here, or all of it: progress is told now
        and then, and of a short recording not at all. Returns the recording."""

        def is_here(event: Event) -> bool:
            what = event["what"]
            return what == "offloaded" or (what == "progress" and event["bytes_here"] >= share * event["bytes_whole"])

        event = self._log().wait_for(
            lambda event: event.get("camera") == camera.serial and is_here(event),
            f"{share:.0%} of a recording of {camera.serial}",
            LIMIT_S,
            after,
            self._program.check,
        )
        return event["recording"]

    def mark(self) -> int:
        """The present end of what it has told, for ``wait_for(after=…)``."""
        return self._log().mark()

    def events(self) -> list[Event]:
        """All it has told since it was started."""
        return self._log().all()

    def is_whole(self, recording: str) -> bool:
        """Whether all of it has arrived, read from its index beside it."""
        with closing(open_index(str(self.folder / "index.sqlite"), read_only=True)) as index:
            return index.get(bytes.fromhex(recording)).state not in ("announced", "offloading")

    def committed(self, recording: str) -> list[Range]:
        """The chunks of a recording under way that count as arrived, read from its index beside it."""
        with closing(open_index(str(self.folder / "index.sqlite"), read_only=True)) as index:
            chunks = index.committed_chunks(bytes.fromhex(recording))
        manifest = self.folder / "spool" / "recordings" / recording / "manifest.json"
        entries = document.manifest_in(manifest.read_bytes()).chunks
        return [(entries[chunk].offset, entries[chunk].offset + entries[chunk].length) for chunk in chunks]

    def _log(self) -> EventLog:
        if self._events is None:
            raise ScenarioFailed("the controller has not been started")
        return self._events

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()


class DestinationFolder:
    """Where recordings arrive; it can be taken away and brought back, as a disk can."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away = path.with_name(path.name + "-away")

    def take_away(self) -> None:
        """The disk is pulled."""
        self.path.rename(self._away)

    def bring_back(self) -> None:
        """The disk is back."""
        self._away.rename(self.path)

    def clip(self, container: str) -> Clip:
        """The one clip of a container."""
        (path,) = (self.path / container).glob("*.mp4")
        return Clip(path)


@dataclass(frozen=True)
class Clip:
    """A delivered clip."""

    path: Path

    def sha256(self) -> str:
        """Of the file, in hexadecimal."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def must_be(self, truth: dict[str, Any]) -> None:
        """Bit by bit what the camera recorded, and every picture decodes; where nobody knows the bits (they are signed,
        and the controller has checked that), about as long as it was recorded. AssertionError."""
        if truth["sha256"] is None:
            report = inspect_clip(self.path)
            assert report.frames > 0
            assert report.decode_errors == 0
            low_ms, high_ms = truth["duration_ms"]
            assert low_ms - FRAGMENT_MS <= report.duration_ms <= high_ms + FRAGMENT_MS, truth
            return
        assert self.sha256() == truth["sha256"], f"{self.path} is not what {truth['camera']} recorded"
        report = inspect_clip(self.path)
        assert (report.frames, report.decode_errors) == (truth["frames"], 0)
        assert abs(report.duration_ms - truth["duration_ms"]) <= FRAGMENT_MS


def overlaps(ranges: list[Range], others: list[Range]) -> list[tuple[Range, Range]]:
    """Every pair that has bytes in common."""
    return [(one, two) for one in ranges for two in others if one[0] < two[1] and two[0] < one[1]]


def covered_bytes(ranges: list[Range]) -> int:
    """How many bytes are in at least one of the ranges."""
    covered = end = 0
    for start, stop in sorted(ranges):
        covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return covered
