"""The dock in its own MicroPython process, its world and its cable at this end. CPython's side; wall-clock time."""

from __future__ import annotations

import os
import select
import selectors
import socket
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from firmware.link import events
from firmware.link.session import HOST, Session
from firmware.ports.errors import PortFault
from tests.parity import micropython
from tests.parity.compiled import dock_program
from tests.patience import LIMIT_S
from tests.unit.dock.portable import CAMERA_UV, World

HEAP_KIB = micropython.HEAP_KIB  # to the byte what a Pico has left, though objects are twice as large here
READ_BYTES = 4096


class DockProcess:
    """``messages``: all that the dock has said, as (name, fields, request)."""

    def __init__(
        self, process: subprocess.Popen[bytes], world: socket.socket, read_fd: int, write_fd: int, bays: int = 1
    ) -> None:
        self.process = process
        self.world = World(list(range(1, bays + 1)))
        self.messages: list[tuple[str, dict[str, Any], int]] = []
        self.host = Session(HOST, int.from_bytes(os.urandom(8), "little"), payload_max=4096, slack_bytes=4096)
        self._world = world
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._asked = b""
        self._ready = selectors.DefaultSelector()
        self._ready.register(world, selectors.EVENT_READ)
        self._ready.register(read_fd, selectors.EVENT_READ)

    def open(self) -> None:
        """Have a session with the dock."""
        self.host.open(now_ms())
        self.until(lambda: self.host.state == "open")

    def ask(self, name: str, fields: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Name and fields of the dock's answer."""
        request = 1 + len(self.messages)
        self.host.send(name, fields or {}, request)
        self.until(lambda: any(message[2] == request for message in self.messages))
        return next(message[:2] for message in self.messages if message[2] == request)

    def insert(self, bay: int) -> None:
        """A camera arrives."""
        self.world.adc.drive(f"bay{bay}.presence", CAMERA_UV)

    def until(self, condition: Callable[[], object]) -> None:
        """Serve world and cable until the condition holds; fails with the process's own words when it does not."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not in {LIMIT_S} s; {self.said()}"
            assert self.process.poll() is None, f"the process has ended; {self.said()}"
            self._turn(min(left, 0.1))

    def lose_world(self) -> None:
        """Nothing electrical answers any more, not even the question that has been asked already."""
        self._ready.unregister(self._world)
        while not self._world.recv(READ_BYTES, socket.MSG_PEEK).splitlines()[-1].startswith(b"adc "):
            self._serve_world()
        self._world.close()

    def end_by_itself(self) -> int:
        """Pull its cable, a pipe, and serve its world until the process has ended; returns its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        deadline = time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"no end in {LIMIT_S} s; {self.said()}"
            if select.select([self._world], [], [], 0.1)[0]:
                self._serve_world()
        return self.process.returncode

    def said(self) -> str:
        """What the process wrote for people (or, before its loop began, into the cable); ends the process."""
        self.process.kill()
        texts = [file.read().decode(errors="replace") for file in (self.process.stderr, self.process.stdout) if file]
        return f"messages {self.messages}, the process:\n" + "\n".join(texts)

    def close(self) -> None:
        """Forget the descriptors; they belong to whoever made them."""
        self._ready.close()

    def _turn(self, limit_s: float) -> None:
        for key, _ in self._ready.select(limit_s):
            if key.fileobj is self._world:
                self._serve_world()
            else:
                self._read_cable()
        self.host.tick(now_ms())
        self._take_events()
        while (data := self.host.take_output()) is not None:
            os.write(self._write_fd, data)

    def _read_cable(self) -> None:
        data = os.read(self._read_fd, READ_BYTES)
        while data:
            data = data[self.host.receive(data, now_ms()) :]
            self._take_events()

    def _take_events(self) -> None:
        while (event := self.host.next_event()) is not None:
            if isinstance(event, events.Message):
                self.messages.append((event.name, event.fields, event.request))

    def _serve_world(self) -> None:
        *lines, self._asked = (self._asked + self._world.recv(READ_BYTES)).split(b"\n")
        for line in lines:
            answer = self._answer(line.decode().split())
            if answer is not None:
                self._world.sendall(answer.encode() + b"\n")

    def _answer(self, words: list[str]) -> str | None:
        self.world.follow()
        try:
            if words[0] == "adc":
                return str(self.world.adc.read_uv(words[1]))
            if words[0] == "in":
                return str(int(self.world.pins.read(words[1])))
            self.world.pins.write(words[1], words[2] == "1")
        except PortFault as fault:
            return f"error {fault}"
        return None


@contextmanager
def over_pipes() -> Iterator[DockProcess]:
    """The cable is the process's standard input and output."""
    with started(subprocess.PIPE, subprocess.PIPE, []) as (process, world):
        assert process.stdin is not None
        assert process.stdout is not None
        yield from serving(process, world, process.stdout.fileno(), process.stdin.fileno())


@contextmanager
def over_a_terminal(bays: int = 1, heap_kib: int = HEAP_KIB) -> Iterator[DockProcess]:
    """The cable is a pseudo-terminal, which the process opens by its path."""
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        arguments = [os.ttyname(slave), str(bays)]
        with started(subprocess.DEVNULL, subprocess.DEVNULL, arguments, heap_kib) as (process, world):
            yield from serving(process, world, master, master, bays)
    finally:
        os.close(slave)
        os.close(master)


@contextmanager
def started(
    stdin: int, stdout: int, arguments: list[str], heap_kib: int = HEAP_KIB
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """The process and its world; both are gone at the end."""
    ours, theirs = socket.socketpair()
    program = dock_program()
    command = micropython.command(program, str(theirs.fileno()), *arguments, heap_kib=heap_kib)
    with ours, theirs:
        process = subprocess.Popen(
            command,
            cwd=program.parent,
            env=micropython.environment(program.parent),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        with process:
            try:
                yield process, ours
            finally:
                process.kill()


def serving(
    process: subprocess.Popen[bytes], world: socket.socket, read_fd: int, write_fd: int, bays: int = 1
) -> Iterator[DockProcess]:
    """One dock while its process runs."""
    dock = DockProcess(process, world, read_fd, write_fd, bays)
    try:
        yield dock
    finally:
        dock.close()


def now_ms() -> int:
    """This process's clock."""
    return int(time.monotonic() * 1000)
