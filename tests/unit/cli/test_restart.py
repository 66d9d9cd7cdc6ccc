"""A controller that is told to start anew does: as a fresh program with the same number, and nothing is lost."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

import pytest

from host_tools.cli.compose import create_destination
from host_tools.cli.trusting import make_trust
from host_tools.controller.remote import controller_client
from host_tools.transports.local import LocalError
from tests.patience import LIMIT_S

READY = b"end: Ctrl-C"
ROOT = Path(__file__).parents[3]


def until_ready(output: IO[bytes]) -> None:
    """Until it has said so once more."""
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while READY not in said:
            assert selector.select(LIMIT_S), f"it has not begun in {LIMIT_S:.0f} s: {said!r}"
            piece = os.read(output.fileno(), 65_536)
            assert piece, f"it ended by itself: {said!r}"
            said += piece


@pytest.mark.req("CTRL-23")
def test_it_starts_anew_with_what_it_had(tmp_path: Path):
    folder, store = tmp_path / "controller", tmp_path / "destination"
    make_trust(folder, "copper lantern meadow", "CTRL-RESTART")
    create_destination(store)
    words = ("controller", "--folder", folder, "--destination", store, "--web", "off", "--bench", tmp_path)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "500", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    output = cast("IO[bytes]", process.stdout)
    try:
        until_ready(output)
        call = controller_client(folder).call
        call("add_wearer", id="W-1", name="Ada")
        assert call("restart_controller") is None
        until_ready(output)
        assert process.poll() is None, "the same process, with another program in it"
        assert call("get_wearer", id="W-1")["name"] == "Ada"
        acts = call("search_audit", action="restart_controller")["rows"]
        assert [act["outcome"] for act in acts] == ["done"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        with pytest.raises(LocalError):
            call("status")
    finally:
        process.kill()
        process.wait()
        output.close()
