"""The programs of a scenario as processes of their own, and what is heard of them.

Law: starts and ends only what it was told to start; whoever starts a program ends it, and if it is killed itself Linux
does. Knows programs by their command line and their sockets, nothing of cameras and docks.
"""

from __future__ import annotations

import asyncio
import ctypes
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from host_tools.transports.local import LocalClient, LocalError

POLL_S = 0.05  # between two looks at something that has no event
POLL_S_MAX = 0.25  # where a look is dear and what is waited for has not come soon: a twentieth of the time passed
LIMIT_S = 120.0  # for anything that takes a second or two: a busy machine is slow, and is not broken for that
END_LIMIT_S = LIMIT_S  # for a program that was asked to end
SERVER_PORTS = (10_240, 65_536)  # from where neither privilege nor custom has a claim
LOCAL_PORTS_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOCAL_PORTS = (32_768, 60_999)  # Linux's own choice
LOG_SHOWN_BYTES = 8_192  # of a failing scenario's logs: the end tells

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # of prctl(2)

T = TypeVar("T")
Event = dict[str, Any]


class Pace:
    """How much longer than usual everything may take: on a machine that is known to be slow, deadlines are stretched.
    One for the process, as the machine is one; set once, before the first scenario."""

    stretch: float = 1.0


class ScenarioFailed(AssertionError):
    """Something did not come within its deadline, or a program ended that should not have."""


def end_with_parent() -> None:
    """For a child, before it becomes its program: it is asked to end (SIGTERM) when the thread that started it ends,
    however that is: a run of tests that is killed leaves no bench behind."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Program:
    """One ``bwc`` command as a process; what it says goes to ``log``. Started from the main thread."""

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is not ready yet."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "host_tools.cli", *self._arguments]
            self._process = subprocess.Popen(  # noqa: S603 - ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # a call of the C library, and nothing that could be locked
            )

    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """ScenarioFailed if it has ended by itself."""
        if not self.is_running():
            raise ScenarioFailed(f"the {self.name} has ended: {log_end(self.log)}")

    def kill(self) -> None:
        """SIGKILL: no farewell of any kind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: it stands still and does not know it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end (SIGTERM); returns its exit code. Killed if it does not."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.terminate()
        try:
            return process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ScenarioFailed(f"the {self.name} did not end within {END_LIMIT_S:.0f} s of SIGTERM") from None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def run_command(*arguments: str) -> str:
    """One ``bwc`` command to its end; what it says. ScenarioFailed if it could not."""
    command = [sys.executable, "-m", "host_tools.cli", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S * Pace.stretch, check=False
        )
    except subprocess.TimeoutExpired:
        raise ScenarioFailed(f"bwc {' '.join(arguments)}: did not end within {LIMIT_S:.0f} s") from None
    if done.returncode != 0:
        raise ScenarioFailed(f"bwc {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


class EventLog:
    """All events of a server from its first answer on, until it is gone. A thread listens; anybody may wait."""

    def __init__(self, client: LocalClient) -> None:
        self._client = client
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), name="event-log")

    def start(self) -> None:
        """Listen as soon as there is somebody to listen to."""
        self._thread.start()

    def close(self) -> None:
        """When the server has ended."""
        self._closing = True
        self._thread.join()

    def mark(self) -> int:
        """The present end of the log, for ``wait_for(after=…)``."""
        with self._changed:
            return len(self._events)

    def all(self) -> list[Event]:
        """Everything so far."""
        with self._changed:
            return list(self._events)

    def wait_for(
        self, wanted: Callable[[Event], bool], what: str, limit_s: float, after: int, check: Callable[[], None]
    ) -> Event:
        """The first such event, from ``after`` on. ScenarioFailed if none comes; ``check`` may raise earlier."""
        limit_s *= Pace.stretch
        deadline_s = time.monotonic() + limit_s
        place = after
        with self._changed:
            while True:
                for event in self._events[place:]:
                    if wanted(event):
                        return event
                place = len(self._events)
                check()
                if time.monotonic() > deadline_s:
                    raise ScenarioFailed(f"waited {limit_s:.0f} s for {what}; last event: {self._events[-1:]}")
                self._changed.wait(1.0)

    async def _listen(self) -> None:
        while not self._closing:
            try:
                async for event in self._client.events():
                    if not event:
                        continue  # the server's sign that we listen
                    with self._changed:
                        self._events.append(event)
                        self._changed.notify_all()
            except LocalError:
                await asyncio.sleep(POLL_S)
            else:
                return


def until(
    condition: Callable[[], T | None],
    what: str,
    limit_s: float = LIMIT_S,
    check: Callable[[], None] | None = None,
    poll_s_max: float = POLL_S,
) -> T:
    """Look until the condition gives something true, and return it. ScenarioFailed when it does not in time."""
    limit_s *= Pace.stretch
    begun_s = time.monotonic()
    deadline_s = begun_s + limit_s
    while True:
        found = condition()
        if found:
            return found
        if check is not None:
            check()
        if time.monotonic() > deadline_s:
            raise ScenarioFailed(f"waited {limit_s:.0f} s for {what}")
        time.sleep(min(max(POLL_S, (time.monotonic() - begun_s) / 20), poll_s_max))


def first_answer(client: LocalClient, verb: str, check: Callable[[], None]) -> dict[str, Any]:
    """Ask until somebody answers. ScenarioFailed says why nobody does."""
    deadline_s = time.monotonic() + LIMIT_S * Pace.stretch
    while True:
        try:
            found: dict[str, Any] = client.call(verb)
        except LocalError as error:
            check()
            if time.monotonic() > deadline_s:
                raise ScenarioFailed(f"waited {LIMIT_S:.0f} s for an answer to {verb}: {error}") from None
            time.sleep(POLL_S)
        else:
            return found


def free_port() -> int:
    """A port here that nobody uses, for a server that has to know its port before it starts: none that the system gives
    to somebody else meanwhile, and never the same one twice."""
    for port in _PORTS:
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            probe.bind(("127.0.0.1", port))
            return port
    raise ScenarioFailed("no port is free")


def _ports() -> Iterator[int]:
    """In an order of this process's own, so that runs beside each other do not meet; without those that connections
    get from the system."""
    try:
        low, high = map(int, LOCAL_PORTS_FILE.read_text().split())
    except OSError:
        low, high = LOCAL_PORTS
    ports = [port for port in range(*SERVER_PORTS) if not low <= port <= high] or list(range(*SERVER_PORTS))
    random.SystemRandom().shuffle(ports)
    return iter(ports)


_PORTS = _ports()


def log_end(path: Path) -> str:
    """The end of a log."""
    if not path.exists():
        return "(no log)"
    return path.read_bytes()[-LOG_SHOWN_BYTES:].decode(errors="replace").strip() or "(nothing said)"
