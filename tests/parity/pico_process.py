"""A dock on MicroPython as a Pico shows itself: two serial ports, the prompt first and the link second.

The prompt's side stands for a Pico's interpreter: Ctrl-C stops the dock's program and gives the prompt, Ctrl-D there
is a soft reset, after which the program runs anew, in a raw prompt one after which it does not. (The Unix port ends
instead; a process is started again.) CPython's side; wall-clock time.
"""

from __future__ import annotations

import fcntl
import os
import re
import selectors
import socket
import subprocess
import termios
import threading
import tty
from pathlib import Path
from typing import Any

from firmware.ports.errors import PortFault
from tests.house.micropython import tool
from tests.parity import micropython
from tests.parity.compiled import dock_program
from tests.parity.dock_process import HEAP_KIB
from tests.patience import LIMIT_S
from tests.unit.dock.portable import World

READ_BYTES = 4_096
RAW, FRIENDLY = b"\x01", b"\x02"  # what a host sends for either kind of prompt
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
SOFT_REBOOT = b"MPY: soft reboot\r\n"


class PicoProcess:
    """``folder``: where the links ``prompt`` and ``link`` to the two terminals are. ``world``: what is electrical."""

    def __init__(self, folder: Path, bays: list[int]) -> None:
        self.prompt, self.link = folder / "prompt", folder / "link"
        self.world = World(bays)
        self.starts = 0
        self.lock = threading.Lock()  # around ``world``, which a thread of ours looks at
        self._ready = selectors.DefaultSelector()
        self._ended, self._ending = os.pipe()
        self._files: list[int] = []
        self._asked = b""
        self._is_raw = False
        self._swallowing, self._swallowed = False, b""
        self._host, host_slave = os.openpty()
        tty.setraw(host_slave)
        self._host_slave = host_slave
        _point(self.prompt, host_slave)
        self._hears_host = False
        self._ready.register(self._ended, selectors.EVENT_READ, None)
        self._process = self._start(with_program=True)
        self._thread = threading.Thread(target=self._serve, name="pico")
        self._thread.start()

    def __enter__(self) -> PicoProcess:
        return self

    def __exit__(self, *error: object) -> None:
        os.write(self._ending, b"\0")
        self._thread.join(LIMIT_S)
        self._stop()
        for file in (self._host, self._host_slave, self._ended, self._ending):
            os.close(file)
        self._ready.close()

    # -- in the thread

    def _serve(self) -> None:
        while True:
            for key, _ in self._ready.select():
                if key.data is None:
                    return
                key.data()

    def _start(self, with_program: bool) -> subprocess.Popen[bytes]:
        """A reset: both terminals of the board's side are new, and so is the one that a host has for the link."""
        self.starts += 1
        self._asked = b""
        self._hear_host(False)  # a Ctrl-C would end an interpreter that is not up yet
        self._repl, repl_slave = os.openpty()
        _only_signals(repl_slave)
        link, link_slave = os.openpty()
        tty.setraw(link_slave)
        self._world, theirs = socket.socketpair()
        main = dock_program()
        program = ["-i", str(main), str(theirs.fileno()), str(link)] if with_program else []
        process = subprocess.Popen(
            [tool("micropython"), "-X", f"heapsize={HEAP_KIB}K", *program],
            cwd=main.parent,
            env=micropython.environment(main.parent),
            stdin=repl_slave,
            stdout=repl_slave,
            stderr=repl_slave,
            pass_fds=[theirs.fileno(), link],
            preexec_fn=_own_terminal,  # no thread of this process holds a lock that it needs
        )
        theirs.close()
        os.close(repl_slave)
        self._files = [self._repl, link, link_slave]
        _point(self.link, link_slave)
        self._ready.register(self._repl, selectors.EVENT_READ, self._from_board)
        self._ready.register(self._world, selectors.EVENT_READ, self._from_world)
        return process

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._ready.unregister(self._repl)
        if self._world.fileno() >= 0:
            self._ready.unregister(self._world)
            self._world.close()
        for file in self._files:
            os.close(file)

    def _from_host(self) -> None:
        data = os.read(self._host, READ_BYTES)
        # A second Ctrl-C while the first one's trace is printed ends the unix port (uncaught NLR), not a board's.
        data = re.sub(b"\x03+", b"\x03", data)
        for byte in (RAW, FRIENDLY):
            if byte in data:
                self._is_raw = byte == RAW
        os.write(self._repl, data)

    def _hear_host(self, hears: bool) -> None:
        if hears and not self._hears_host:
            self._ready.register(self._host, selectors.EVENT_READ, self._from_host)
        elif self._hears_host and not hears:
            self._ready.unregister(self._host)
        self._hears_host = hears

    def _from_board(self) -> None:
        try:
            data = os.read(self._repl, READ_BYTES)
        except OSError:  # the process has ended, and its terminal hangs up
            self._reset()
            return
        self._hear_host(True)
        if self._swallowing:  # the banner of a new process, which a soft reset does not show
            self._swallowed += data
            at = self._swallowed.find(RAW_BANNER[:3])
            if at < 0:
                return
            data, self._swallowing = self._swallowed[at:], False
        os.write(self._host, data)

    def _reset(self) -> None:
        self._stop()
        os.write(self._host, SOFT_REBOOT)
        self._process = self._start(with_program=not self._is_raw)
        if self._is_raw:
            self._swallowing, self._swallowed = True, b""
            os.write(self._repl, RAW)

    def _from_world(self) -> None:
        try:
            data = self._world.recv(READ_BYTES)
        except ConnectionResetError:  # the process ended with answers that it had not read
            data = b""
        if not data:
            self._ready.unregister(self._world)
            self._world.close()
            return
        self._hear_host(True)
        *lines, self._asked = (self._asked + data).split(b"\n")
        for line in lines:
            with self.lock:
                answer = answer_of(self.world, line.decode().split())
            if answer is not None:
                self._world.sendall(answer.encode() + b"\n")


def answer_of(world: Any, words: list[str]) -> str | None:
    """What the world says to a line of ``firmware.platform.unix_micropython.world``."""
    world.follow()
    try:
        if words[0] == "adc":
            return str(world.adc.read_uv(words[1]))
        if words[0] == "in":
            return str(int(world.pins.read(words[1])))
        world.pins.write(words[1], words[2] == "1")
    except PortFault as fault:
        return f"error {fault}"
    return None


def _point(link: Path, slave: int) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(slave))


def _only_signals(terminal: int) -> None:
    """Ctrl-C is a signal to a program that runs, as it interrupts one on a Pico; everything else passes as it is."""
    modes = termios.tcgetattr(terminal)
    modes[0] = modes[1] = 0
    modes[3] = termios.ISIG
    termios.tcsetattr(terminal, termios.TCSANOW, modes)


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
