"""``bwc destination``: accounts, log, and the move to another server."""

from __future__ import annotations

import json
import os
import resource
import zipfile
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from host_tools.destinations import connection_file
from host_tools.evidence import folder as folders
from host_tools.evidence.logbook import LOG_BYTES_MAX, LOG_NAME, LogBook
from tests.unit.cli.parts import Bwc
from tests.unit.evidence.running import wall_ms

BOX = "W-7_CAM-1_20260101T000000Z"


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bwc:
    return Bwc(monkeypatch, capsys)


@pytest.fixture
def old(bwc: Bwc, tmp_path: Path) -> Path:
    """A destination that knows a wearer, a system, and has one recording."""
    place = tmp_path / "old"
    assert bwc("destination", "create", place, "--host", "10.0.0.1", "--mode", "device").code == 0
    with folders.opened(place, LinuxFiles(place), wall_ms, iter(map(str, range(10, 99))).__next__, print) as opened:
        for container, name, about, content in (
            ("Users", "W-7", {"Name": "Zoë", "Active": "True"}, b""),
            ("System", "5fc4c3a6", {"ConnectionId": "c-1"}, b""),
            ("Devices", "CAM-1", {"Name": "Night shift", "Active": "True"}, b""),
            (BOX, "a.mp4", {}, b"a film"),
        ):
            opened.store.put_container(container, {"UserID": "W-7"} if container == BOX else {})
            upload = opened.store.begin(0)
            if content:
                upload.feed(content)
            opened.intake.finish_object(upload, container, name, about, "video/mp4")
        opened.store.update_container(BOX, {"Status": "Complete"})
    return place


@pytest.mark.req("DEST-10", "DEST-04", "DEST-01")
def test_people_go_to_a_new_server_and_controllers_know_it_again(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    people, new = tmp_path / "people.json", tmp_path / "new"
    assert bwc("destination", "export-people", people, "--folder", old).code == 0
    assert people.stat().st_mode & 0o077 == 0
    assert (old / "account.key").read_text().strip() not in people.read_text()
    assert bwc("destination", "import-people", people, new, "--host", "10.0.0.2").code == 0
    with folders.opened(new, LinuxFiles(new), wall_ms, str, print) as opened:
        catalogue = opened.store.catalogue
        found = {each: catalogue.objects(each) for each in ("Users", "Devices", "System")}
        assert found["Users"][0].metadata == {"Name": "Zoë", "Active": "True"}
        assert found["System"][0].metadata == {"ConnectionId": "c-1"}, "it is still their destination"
        assert opened.settings.mode == "device", "kept on migration"
        assert opened.store.sweep(wall_ms()) == 0
        assert catalogue.container(BOX) is None
    for place in (old, new):
        assert bwc("destination", "connection-file", place, tmp_path / f"{place.name}.json").code == 0
    before, after = (connection_file.parse((tmp_path / f"{each}.json").read_bytes()) for each in ("old", "new"))
    connection_file.check_change(before, after)
    assert after.auth_uris == ("https://10.0.0.2:8443/auth/v1.0",)
    assert (after.key, after.certificates) != (before.key, before.certificates)
    people.write_text('{"format": "another"}')
    bwc("destination", "import-people", people, tmp_path / "third").must_be_one_line("no file of people")


@pytest.mark.req("DEST-10")
def test_more_people_move_than_a_process_may_have_open_files(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    people, few, count = tmp_path / "people.json", 40, 60
    assert bwc("destination", "export-people", people, "--folder", old).code == 0
    document = json.loads(people.read_text(encoding="utf-8"))
    document["rows"] += [{"container": "Users", "name": f"W-{n}", "metadata": {}} for n in range(100, 100 + count)]
    people.write_text(json.dumps(document), encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + few, limits[1]))
    try:
        assert bwc("destination", "import-people", people, tmp_path / "new", "--host", "10.0.0.2").code == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.req("DEST-10")
def test_a_destination_moves_with_all_it_keeps(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("words that are long enough\n")
    assert bwc("destination", "account", "setup", "--folder", old, "--password-file", password).code == 0
    new = tmp_path / "new"
    told = bwc("destination", "migrate", old, new, "--host", "10.0.0.2")
    assert (told.code, "device-centric as before" in told.out.replace("\n", " ")) == (0, True)
    with folders.opened(new, LinuxFiles(new), wall_ms, str, print) as opened:
        row = opened.store.catalogue.object(BOX, "a.mp4")
        assert row is not None
        assert b"".join(opened.store.read(row, 0, row.length_bytes)) == b"a film"
        assert opened.settings.hosts == ("10.0.0.2",)
        assert opened.secret == (old / "account.key").read_text().strip()
    assert (new / "certificate.pem").read_bytes() != (old / "certificate.pem").read_bytes()
    assert "root" in bwc("destination", "account", "list", "--folder", new).out
    bwc("destination", "migrate", old, new).must_be_one_line("exists")
    bwc("destination", "migrate", tmp_path / "nothing", tmp_path / "x").must_be_one_line("does not exist")


@pytest.mark.req("DEST-11", "CTRL-02")
def test_accounts_are_given_and_taken(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("words that are long enough\n")
    with_password = ("--folder", old, "--password-file", password)
    assert "no accounts yet" in bwc("destination", "account", "list", "--folder", old).out
    assert bwc("destination", "account", "setup", *with_password).code == 0
    password.write_text("quite some other words\n")
    assert bwc("destination", "account", "add", "vera", "--role", "viewer", *with_password).code == 0
    bwc("destination", "account", "add", "x", "--role", "king", *with_password).must_be_one_line("king", "viewer")
    assert "vera" in bwc("destination", "account", "list", "--folder", old).out
    assert bwc("destination", "account", "remove", "vera", "--folder", old).code == 0
    assert "vera" not in bwc("destination", "account", "list", "--folder", old).out


@pytest.mark.req("DEST-09")
def test_the_log_is_kept_and_taken_out_without_a_secret(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    log = LogBook(old)
    log.tell("recording x is in quarantine:\n StartTime is out of bounds", 1_767_225_600_000)
    assert log.text().endswith("2026-01-01 00:00:00 recording x is in quarantine: StartTime is out of bounds\n")
    (old / LOG_NAME).write_bytes(b"x" * LOG_BYTES_MAX)
    log.tell("a line more", 1_767_225_600_000)
    assert log.text().endswith("a line more\n")
    assert len(log.text()) > LOG_BYTES_MAX, "the older file is kept until the newer is full"
    out = tmp_path / "logs.zip"
    assert bwc("destination", "logs", out, "--folder", old).code == 0
    with zipfile.ZipFile(out) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(parts) == {"destination.log", "health.json", "server.toml", "certificate.json"}
    assert json.loads(parts["health.json"])["recordings"] == 1
    secret = (old / "account.key").read_text().strip()
    assert not [name for name, text in parts.items() if secret in text]
    bwc("destination", "logs", out, "--folder", old).must_be_one_line("new file")
