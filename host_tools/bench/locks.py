"""Who uses a board now: a lock a board, with owner, heartbeat and expiry, that several programs and users agree on.

Law: a lock is a file in one folder of the machine. Only its owner renews or removes it; anybody else may take it over
when it has expired and not a moment earlier, whatever has become of the owner. Whoever is refused is told who holds it.
Time is the machine's since it was started: it does not jump, and all its processes agree on it. A lock from before a
restart of the machine is nobody's.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import re
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from host_tools.bench.errors import LockError, LockLost

EXPIRY_S = 60.0  # after the last heartbeat: a program that was killed gives its boards back within a minute
HEARTBEATS = 4  # in that time: three may fail to come, on a machine that is busy
SHARED_FOLDER = Path("/run/lock")
FOLDER_NAME = "openbwc-boards"
SHARED_MODE = 0o777  # whoever uses the bench takes over what has expired, so no sticky bit: a lock is an agreement
SUFFIX = ".lock"
GUARD = "guard"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Holder(BaseModel):
    """What a lock says. Times in seconds since the machine was started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    board: str
    owner: str
    purpose: str
    pid: int
    ticket: str
    boot: str
    since_s: float
    beat_s: float
    expiry_s: float

    def told(self, now_s: float) -> str:
        """For whoever is refused."""
        left_s = max(0.0, self.beat_s + self.expiry_s - now_s)
        return (
            f"held by {self.owner} (process {self.pid}, {self.purpose}) for {now_s - self.since_s:.0f} s; "
            f"the lock expires {left_s:.0f} s from now unless it is renewed"
        )


class Locks:
    """The locks of this machine. ``clock_s`` and ``boot`` are the machine's, and a test's own in tests."""

    def __init__(
        self,
        folder: Path | None = None,
        clock_s: Callable[[], float] | None = None,
        boot: str | None = None,
        expiry_s: float = EXPIRY_S,
    ) -> None:
        self.folder = folder or locks_folder()
        self.expiry_s = expiry_s
        self._clock_s = clock_s or machine_seconds
        self._boot = boot if boot is not None else boot_id()

    def take(self, board: str, purpose: str, owner: str = "") -> Holder:
        """The board is ours until the lock expires. LockError names the holder."""
        with self._guarded():
            now_s = self._clock_s()
            held = self._read(board)
            if held is not None and not self.is_expired(held, now_s):
                raise LockError(f"{board} is {held.told(now_s)}; wait for it, or ask them")
            mine = Holder(
                board=board,
                owner=owner or whoami(),
                purpose=purpose,
                pid=os.getpid(),
                ticket=uuid.uuid4().hex,
                boot=self._boot,
                since_s=now_s,
                beat_s=now_s,
                expiry_s=self.expiry_s,
            )
            self._write(mine)
            return mine

    def renew(self, mine: Holder) -> Holder:
        """A heartbeat. LockLost if somebody else has the board by now."""
        with self._guarded():
            self._must_be_mine(mine)
            renewed = mine.model_copy(update={"beat_s": self._clock_s()})
            self._write(renewed)
            return renewed

    def release(self, mine: Holder) -> None:
        """Give the board back. One that was lost already is no error: it is not ours to remove."""
        with self._guarded():
            held = self._read(mine.board)
            if held is not None and held.ticket == mine.ticket:
                self._path(mine.board).unlink(missing_ok=True)

    def holder(self, board: str) -> Holder | None:
        """Who holds a board now; None if nobody does."""
        held = self._read(board)
        return None if held is None or self.is_expired(held, self._clock_s()) else held

    def all(self) -> list[Holder]:
        """Every lock that holds, by board."""
        names = sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []
        found = [self._load(path) for path in names]
        return [held for held in found if held is not None and not self.is_expired(held, self._clock_s())]

    def now_s(self) -> float:
        """By the clock that the locks go by."""
        return self._clock_s()

    def is_expired(self, held: Holder, now_s: float) -> bool:
        """Whether anybody may take it over."""
        return held.boot != self._boot or now_s >= held.beat_s + held.expiry_s

    def _must_be_mine(self, mine: Holder) -> None:
        held = self._read(mine.board)
        if held is None or held.ticket != mine.ticket:
            now = "nobody" if held is None else held.owner
            raise LockLost(f"{mine.board}: the lock expired before it was renewed, and {now} has it; run it again")

    def _read(self, board: str) -> Holder | None:
        return self._load(self._path(board))

    def _load(self, path: Path) -> Holder | None:
        try:
            return Holder.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise LockError(f"{path}: is no lock; remove it, when nobody uses that board") from error
        except OSError as error:
            raise LockError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error

    def _write(self, held: Holder) -> None:
        path = self._path(held.board)
        draft = path.with_suffix(f".{os.getpid()}.new")
        try:
            draft.write_text(json.dumps(held.model_dump()) + "\n", encoding="utf-8")
            draft.chmod(0o644)
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise LockError(
                f"{path}: cannot be written ({error.strerror}); an expired lock is removed by its owner or by root"
            ) from error

    def _path(self, board: str) -> Path:
        return self.folder / (re.sub(r"[^A-Za-z0-9._-]", "_", board) + SUFFIX)

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """One at a time looks and then writes."""
        make_shared(self.folder)
        try:
            descriptor = os.open(self.folder / GUARD, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise LockError(f"{self.folder / GUARD}: cannot be opened ({error.strerror}); check its owner") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class HeldBoards:
    """Several boards that are ours, renewed by a thread until ``release``. ``lost`` tells what went wrong meanwhile."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks
        self._held: dict[str, Holder] = {}
        self._guard = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost: dict[str, str] = {}

    def take(self, boards: Sequence[str], purpose: str) -> None:
        """All of them, or none. LockError."""
        taken: list[Holder] = []
        try:
            for board in sorted(boards):  # everybody in one order, so that two never wait for each other
                taken.append(self._locks.take(board, purpose))
        except LockError:
            for held in taken:
                self._locks.release(held)
            raise
        with self._guard:
            self._held |= {held.board: held for held in taken}
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="board-locks", daemon=True)
            self._thread.start()

    def release(self) -> None:
        """Give all back. A second call does nothing."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._guard:
            held, self._held = list(self._held.values()), {}
        for each in held:
            self._locks.release(each)

    def renew(self) -> None:
        """One heartbeat of each; what was lost is told in ``lost``."""
        with self._guard:
            for board, held in list(self._held.items()):
                try:
                    self._held[board] = self._locks.renew(held)
                except LockLost as error:
                    self.lost[board] = str(error)
                    del self._held[board]

    def _beat(self) -> None:
        while not self._ending.wait(self._locks.expiry_s / HEARTBEATS):
            self.renew()


def locks_folder() -> Path:
    """Where all users of this machine meet; a folder of one's own where there is none."""
    if os.access(SHARED_FOLDER, os.W_OK):
        return SHARED_FOLDER / FOLDER_NAME
    return Path(tempfile.gettempdir()) / FOLDER_NAME


def make_shared(folder: Path) -> None:
    """The folder, for every user to write to. LockError."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(SHARED_MODE)
    except OSError as error:
        raise LockError(f"{folder}: cannot be made ({error.strerror}); make it: install -d -m 777 {folder}") from error


def machine_seconds() -> float:
    """Since the machine was started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Which start of the machine this is."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def whoami() -> str:
    """``ada@lab-pc``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())  # a user of another machine or container
    return f"{user}@{socket.gethostname()}"
