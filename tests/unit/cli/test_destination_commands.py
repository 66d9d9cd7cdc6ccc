"""``bwc destination``: make one, run it, examine it, look into it."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from host_tools.bench.programs import free_port
from host_tools.cli import destination_commands
from host_tools.cli.delivering import choose_destination
from host_tools.cli.destination_folder import opened_destination
from host_tools.custody.blocking import run_inline
from host_tools.destinations import connection_file
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.encryption import Encrypting
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.names import WearerNames
from host_tools.destinations.sntp import NoTime, TimeReading
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from tests.unit.cli.parts import Bwc, bwc_process


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bwc:
    return Bwc(monkeypatch, capsys)


@pytest.mark.req("DEST-01", "DEST-08", "DEST-10")
def test_a_destination_is_made_and_moved(bwc: Bwc, tmp_path: Path) -> None:
    place, file = tmp_path / "d", tmp_path / "connection.json"
    assert bwc("destination", "create", place, "--host", "10.0.0.1", "--port", 9443).code == 0
    bwc("destination", "create", place).must_be_one_line("not empty")
    bwc("destination", "create", tmp_path / "e", "--mode", "both").must_be_one_line("both", "wearer")
    assert bwc("destination", "connection-file", place, file).code == 0
    assert file.stat().st_mode & 0o077 == 0
    before = connection_file.parse(file.read_bytes())
    assert before.auth_uris == ("https://10.0.0.1:9443/auth/v1.0",)
    bwc("destination", "connection-file", place, file).must_be_one_line("new file")
    (place / "server.toml").write_text((place / "server.toml").read_text().replace("10.0.0.1", "10.0.0.2"))
    moved = bwc("destination", "certificate", place, "--renew")
    assert "10.0.0.2" in moved.out
    assert bwc("destination", "connection-file", place, tmp_path / "new.json").code == 0
    after = connection_file.parse((tmp_path / "new.json").read_bytes())
    connection_file.check_change(before, after)
    assert after.auth_uris == ("https://10.0.0.2:9443/auth/v1.0",)
    assert after.certificates != before.certificates
    bwc("destination", "status", tmp_path / "nothing").must_be_one_line("nothing")


@pytest.mark.req("DEST-01", "CTRL-25")
def test_it_says_that_it_is_a_time_server_only_where_one_answers(
    bwc: Bwc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, file = tmp_path / "d", tmp_path / "connection.json"
    assert bwc("destination", "create", place, "--host", "10.0.0.1", "--host", "10.0.0.2").code == 0
    issue = ("destination", "connection-file", place, file, "--time-server")
    asked: list[str] = []

    async def answer(server: str) -> TimeReading:
        asked.append(server)
        if asked == ["10.0.0.1", "10.0.0.2"]:
            raise NoTime("no answer comes")
        return TimeReading(3, 5, 2)

    monkeypatch.setattr(destination_commands, "ask_time", answer)
    bwc(*issue).must_be_one_line("10.0.0.2: is no time server", "leave --time-server out")
    assert not file.exists()
    assert bwc(*issue).code == 0
    assert asked == ["10.0.0.1", "10.0.0.2"] * 2
    assert connection_file.parse(file.read_bytes()).is_time_server
    assert bwc("destination", "connection-file", place, tmp_path / "other.json").code == 0
    assert not connection_file.parse((tmp_path / "other.json").read_bytes()).is_time_server


@pytest.mark.req("DEST-03", "DEST-11")
def test_wearers_are_shown_by_the_id_that_people_know(bwc: Bwc, tmp_path: Path) -> None:
    place, name = tmp_path / "d", WearerNames("5fc4c3a6-0000-4000-8000-000000000001").of("W-7")
    assert bwc("destination", "create", place).code == 0
    with opened_destination(place) as opened:
        for container, each, about in (
            ("Users", name, {"UserID": "W-7", "Name": "Zoë", "Active": "False"}),
            ("Devices", "CAM-1", {}),
        ):
            opened.store.put_container(container, {}, "")
            opened.intake.finish_object(opened.store.begin(0), container, each, about, "")
        opened.intake.put_container(f"{name}_CAM-1_20260101T000000Z", {"UserID": name, "BWCSerialNumber": "CAM-1"})
    found = bwc("destination", "search", place, "--wearer", "w-7")
    assert " W-7 " in found.out
    assert f"{name}_CAM-1_20260101T000000Z" in found.out
    assert "users W-7: disabled" in bwc("destination", "status", place).out


@pytest.mark.req("DEST-02", "DEST-09", "DEST-11")
def test_a_running_one_is_examined_searched_and_stopped(bwc: Bwc, tmp_path: Path) -> None:
    place, file = tmp_path / "d", tmp_path / "connection.json"
    port = free_port()
    assert bwc("destination", "create", place, "--port", port).code == 0
    assert bwc("destination", "connection-file", place, file).code == 0

    async def run() -> list[dict[str, str]]:
        command = [sys.executable, "-m", "host_tools.cli", "destination", "serve", str(place), "--listen", "127.0.0.1"]
        server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert server.stdout is not None
            assert b"destination" in await server.stdout.readline()
            checked = await bwc_process(
                "destination", "check", file, "--json", "--recording", "a_BWCCHECK_20260101T000000Z"
            )
        finally:
            server.send_signal(signal.SIGTERM)
            await server.communicate()
        assert (server.returncode, checked.code) == (0, 0), checked
        return json.loads(checked.out)

    findings = asyncio.run(run())
    assert {row["verdict"] for row in findings} == {"yes", "optional"}
    assert [row["part"] for row in findings if row["verdict"] == "optional"] == [
        "GET an object gives its bytes",
        "GET a range of it: 206",
    ]
    status = json.loads(bwc("destination", "status", place, "--json").out)
    assert (status["recordings"], status["rejected"], status["licences_used"]) == (1, 1, 0)
    asked = ["destination", "search", place, "--camera", "bwccheck"]
    rows = json.loads(bwc(*asked, "--state", "complete", "--json").out)
    assert [row["container"] for row in rows] == ["a_BWCCHECK_20260101T000000Z"]
    (rejected,) = json.loads(bwc(*asked, "--state", "rejected", "--json").out)
    assert rejected["container"] in bwc(*asked).out, "whole, as it is to be copied"
    bwc(*asked, "--state", "gone").must_be_one_line("'gone'", "rejected")
    assert bwc("destination", "search", place, "--after", "2026-01-02", "--json").out.strip() == "[]"
    out = tmp_path / "out"
    assert bwc("destination", "export", "a_BWCCHECK_20260101T000000Z", out, "--folder", place).code == 0
    assert (out / "SHA256SUMS").exists()
    export = ("destination", "export", "--folder", place)
    bwc(*export, "nobody_", tmp_path / "none").must_be_one_line("nobody_: there is no such recording")
    (clip,) = [each.name for each in (out / "objects").glob("*.mp4")]
    assert bwc(*export, "a_BWC", tmp_path / "by-letters").code == 0
    assert (tmp_path / "by-letters" / "objects" / clip).exists()
    identity = clip.removesuffix(".mp4").rpartition("_")[2]  # of the one that was refused, too
    alike = bwc(*export, identity, tmp_path / "none")
    alike.must_be_one_line(f"several recordings begin with {identity}", "a_BWCCHECK_2026", rejected["container"])
    assert not (tmp_path / "none").exists()
    assert "0 recordings" in bwc("destination", "clean-up", place).out


def test_an_examination_of_nothing_says_so(bwc: Bwc, tmp_path: Path) -> None:
    ended = bwc("destination", "check", "http://127.0.0.1:1/auth/v1.0", "--user", "u", "--key", "k", "--json")
    assert ended.code == 1
    (finding,) = json.loads(ended.out)
    assert (finding["part"], finding["verdict"]) == ("Authentication", "no")
    bwc("destination", "check", "http://127.0.0.1:1/auth/v1.0").must_be_one_line("--user")
    bwc("destination", "check", tmp_path / "none").must_be_one_line("cannot be read")


@pytest.mark.req("DEST-01", "DEST-08")
def test_evidence_leaves_the_machine_encrypted_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "connection.json"
    for uri, leaves in (("http://192.0.2.7/auth/v1.0", True), ("http://127.0.0.1:1/a", False), ("https://h/a", False)):
        place.write_bytes(connection_file.write(ConnectionFile("s", "a", "1", (uri,), "u", "k", container_type="mp4")))
        if leaves:
            with pytest.raises(ConnectionFileError, match="in the clear"):
                choose_destination(place)
        else:
            assert choose_destination(place).describe().kind == "swift"
    assert choose_destination(tmp_path).describe().kind == "directory"


@pytest.mark.req("DEST-01")
def test_an_encrypted_clip_is_opened_with_the_private_key(bwc: Bwc, tmp_path: Path) -> None:
    private = rsa.generate_private_key(65_537, 2048)
    pem = tmp_path / "private.pem"
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    numbers, memory = itertools.count(1), MemoryDestination()

    async def store() -> None:
        wrapped = Encrypting(memory, public, "k", lambda count: bytes([next(numbers)]) * count, run_inline)
        await wrapped.ensure_container(BOX, {})
        await wrapped.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        for name in (CLIP, CLIP.replace("mp4", "key")):
            (tmp_path / name).write_bytes(await memory.read_object(BOX, name))

    asyncio.run(store())
    clip, key, plain = tmp_path / CLIP, tmp_path / CLIP.replace("mp4", "key"), tmp_path / "plain.mp4"
    assert bwc("destination", "decrypt", clip, key, pem, plain).code == 0
    assert plain.read_bytes() == CONTENT
    assert plain.stat().st_mode & 0o077 == 0
    bwc("destination", "decrypt", clip, key, pem, plain).must_be_one_line("exists")
    assert plain.read_bytes() == CONTENT
    clip.write_bytes(clip.read_bytes()[:-3])
    bwc("destination", "decrypt", clip, key, pem, tmp_path / "torn.mp4").must_be_one_line("cannot be opened")
    assert not (tmp_path / "torn.mp4").exists()
