"""A verb that waits for its controller and is told to end: at once, without a word, with the code of that signal."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.cli.ending import INTERRUPTED_EXIT, TERMINATED_EXIT
from tests.house.tree import ROOT
from tests.patience import LIMIT_S

SIGNALS = ((signal.SIGINT, INTERRUPTED_EXIT), (signal.SIGTERM, TERMINATED_EXIT))
VERBS = (("transfer", "list"), ("transfer", "rejected", "send", "ab" * 16))


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A controller that hears what it is asked, and never answers."""
    with tempfile.TemporaryDirectory(prefix="bwc-") as folder, socket.socket(socket.AF_UNIX) as controller:
        controller.settimeout(LIMIT_S)
        controller.bind(f"{folder}/controller.sock")
        controller.listen()
        yield controller


@pytest.mark.parametrize(
    ("verb", "number", "code"),
    [(verb, *told) for verb, told in zip(VERBS, SIGNALS, strict=True)],
    ids=["interrupted", "terminated"],
)
def test_a_verb_that_waits_ends_at_once(deaf: socket.socket, verb: tuple[str, ...], number: int, code: int):
    folder = Path(deaf.getsockname()).parent
    with subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli", *verb, "--folder", folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as program:
        asked, _ = deaf.accept()
        with asked:
            asked.settimeout(LIMIT_S)
            assert b'"verb"' in asked.recv(4_096), "it waits for the answer from now on"
            program.send_signal(number)
            said = program.communicate(timeout=LIMIT_S)[0].decode()
    assert (program.returncode, said) == (code, "")
