"""``bwc … --at``: from another machine than the controller's, over its manager's REST API, with real boards behind it.

That every verb says the same both ways is in ``tests/unit/cli/test_verbs_both_ways.py``; here are those that need a
dock and cameras, one after the other, as somebody who has logged in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pytest

from tests.browser.station import PASSPHRASE, PASSWORDS, Station, come_back, undocked, until
from tests.unit.cli.parts import Bwc

Ask = Callable[..., str]


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Bwc:
    """The command, as somebody who has never logged in anywhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv("OPENBWC_AT", raising=False)
    return Bwc(monkeypatch, capsys)


@pytest.fixture
def ask(bwc: Bwc, station: Station, tmp_path: Path) -> Ask:
    """``ask("status")``: what it prints for Ada, an administrator who sits elsewhere."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORDS["administrator"] + "\n")
    said = bwc("login", station.url, "--account", "ada", "--password-file", secret, "--fingerprint", digest_of(station))
    assert said.out.startswith("ada (administrator) at "), said

    def asked(*words: object) -> str:
        ended = bwc(*words, "--at", station.url)
        assert ended.code == 0, ended
        return ended.out

    return asked


@contextmanager
def following(words: Sequence[str], log: IO[bytes]) -> Generator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """``bwc`` with these words as a process of its own, and its lines."""
    process = subprocess.Popen([sys.executable, "-m", "host_tools.cli", *words], stdout=subprocess.PIPE, stderr=log)
    lines = cast("IO[bytes]", process.stdout)
    try:
        yield process, lines
    finally:
        process.terminate()
        process.wait()
        lines.close()


def digest_of(station: Station) -> str:
    """What ``bwc controller`` has printed."""
    (row,) = [row for row in station.controller.call("list_certificates") if row["state"] == "active"]
    return str(row["sha256"])


@pytest.mark.req("CTRL-14")
def test_docks_and_cameras_are_looked_after_from_elsewhere(ask: Ask, bwc: Bwc, station: Station, tmp_path: Path):
    here = json.loads(bwc("camera", "list", "--json", "--folder", station.folder / "controller").out)
    there = json.loads(ask("camera", "list", "--json"))
    assert [row["serial"] for row in there] == [row["serial"] for row in here]
    assert "CAM-0003" in ask("status")
    rows = json.loads(ask("dock", "check", "--bay", "1", "--quick", "--json"))
    assert {row["verdict"] for row in rows["DOCK-0001 bay 1"]} <= {"pass", "not_measured", "uncertain"}
    assert "DOCK-0001" in ask("dock", "history", "--limit", "3")
    assert "bay 2 is" in ask("dock", "power-cycle", "--bay", "2", "--off-ms", "500")
    phrase = tmp_path / "phrase"
    phrase.write_text(PASSPHRASE + "\n")
    key = tmp_path / "restore"
    ask("restore-key", "make", key, "--passphrase-file", phrase)
    assert json.loads(key.read_text())["format"] == "openbwc-restore-key"
    archive = tmp_path / "system.zip"
    ask("report", "system", archive)
    assert archive.read_bytes().startswith(b"PK")
    until(lambda: not undocked(station), "the camera whose bay was without power")


@pytest.mark.req("CTRL-12")
def test_what_happens_is_followed_from_elsewhere(ask: Ask, station: Station, tmp_path: Path):
    assert "CAM-0003" in ask("status")
    words = ("follow", "--json", "--at", station.url)
    with (tmp_path / "follow.log").open("wb") as log, following(words, log) as (process, lines):
        until(lambda: "following" in (tmp_path / "follow.log").read_text(), "it to follow")
        station.bench.call("take_out", camera="camera-3")
        told = next(happening for line in lines if (happening := json.loads(line))["what"] == "undocked")
        assert told["camera"] == "CAM-0003"
        assert process.poll() is None
    come_back(station, 3)
