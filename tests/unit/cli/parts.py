"""The command ``bwc`` as people meet it: arguments in, exit code and lines out."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from host_tools.cli.main import main
from host_tools.cli.trusting import make_trust
from host_tools.trust.system import SystemTrust
from tests.unit.trust.parts import CHEAP, PHRASE

NOBODY = 65_534


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def must_be_one_line(self, *words: str) -> None:
        """A clear line that holds these words, exit code 1, no traceback."""
        assert self.code == 1, self
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("bwc: "), self.err
        for word in words:
            assert word in lines[0], f"{word!r} is not in: {lines[0]}"


class Bwc:
    """Runs the command inside the test's own process: the very entry point of the console script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        """Run it to its end."""
        self._monkeypatch.setattr(sys, "argv", ["bwc", *map(str, arguments)])
        self._capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        out, err = self._capsys.readouterr()
        return Ended(code, out, err)


async def bwc_process(*arguments: object) -> Ended:
    """The same as a process of its own, while the test's loop goes on."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "host_tools.cli",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


def system_in(folder: Path) -> SystemTrust:
    """Give the controller in ``folder`` a system; its passphrase is PHRASE."""
    return make_trust(folder, PHRASE, "controller-1", CHEAP)


@contextmanager
def without_privileges() -> Generator[None]:
    """As a user whom file permissions hold back, whoever runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)


@contextmanager
def folder_for_all() -> Generator[Path]:
    """A folder that anybody may enter, with a short name.

    Not below pytest's own: that one is its user's alone, and every run that begins makes it so again.
    """
    with tempfile.TemporaryDirectory(prefix="bwc-") as made:
        path = Path(made)
        path.chmod(0o755)
        yield path
