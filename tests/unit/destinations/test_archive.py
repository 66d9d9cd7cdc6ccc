"""The encrypted archive on a drive: whole, readable with the passphrase alone, or not there."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import pyzipper

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.archive import ABOUT_NAME, UNFINISHED, ArchiveError, check_passphrase, write_archive
from host_tools.destinations.interface import SourceMismatch
from host_tools.destinations.rejected import RejectedObject
from host_tools.destinations.suite import CLIP, CONTENT, Pieces

WORDS = "five random words are enough"


def write(path: Path, objects: list[RejectedObject], free_bytes: int = 10**9) -> str:
    return asyncio.run(write_archive(path, objects, {"UserID": "W-7"}, WORDS, free_bytes, run_in_thread))


def clip(name: str = CLIP, content: bytes = CONTENT) -> RejectedObject:
    return RejectedObject(name, Pieces(content), len(content), {})


@pytest.mark.req("CTRL-11")
def test_it_opens_with_the_passphrase_alone(tmp_path: Path):
    path = tmp_path / "recording.zip"
    digest = write(path, [clip(), clip("note", b"")])
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert CONTENT[:64] not in path.read_bytes()
    with pyzipper.AESZipFile(path) as archive:
        assert archive.namelist() == [CLIP, "note", ABOUT_NAME]
        assert {info.wz_aes_strength for info in archive.infolist()} == {3}, "AES-256"
        with pytest.raises(RuntimeError, match="password"):
            archive.read(CLIP, pwd=b"wrong")
        archive.setpassword(WORDS.encode())
        assert archive.read(CLIP) == CONTENT
        about = json.loads(archive.read(ABOUT_NAME))
        assert about["metadata"] == {"UserID": "W-7"}
        assert about["sha256"][CLIP] == hashlib.sha256(CONTENT).hexdigest()
    for seven in filter(None, (shutil.which("7z"), shutil.which("7zz"))):
        subprocess.run([seven, "t", f"-p{WORDS}", str(path)], check=True, capture_output=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.req("CTRL-11")
def test_what_goes_wrong_leaves_nothing(tmp_path: Path):
    path = tmp_path / "recording.zip"
    with pytest.raises(ArchiveError, match="are free"):
        write(path, [clip()], free_bytes=len(CONTENT))
    broken = RejectedObject(CLIP, Pieces(CONTENT, fault=LookupError("a chunk is damaged")), len(CONTENT), {})
    with pytest.raises(LookupError, match="damaged"):
        write(path, [broken])
    with pytest.raises(SourceMismatch):
        write(path, [RejectedObject(CLIP, Pieces(CONTENT), len(CONTENT) + 1, {})])
    with pytest.raises(ArchiveError, match="check the drive"):
        write(tmp_path / "no" / "recording.zip", [clip()])
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"somebody's")
    with pytest.raises(ArchiveError, match="exists"):
        write(path, [clip()])
    assert path.read_bytes() == b"somebody's"


@pytest.mark.req("CTRL-11")
def test_a_passphrase_is_typed_twice_and_long():
    check_passphrase(WORDS, WORDS)
    with pytest.raises(ArchiveError, match="differ"):
        check_passphrase(WORDS, WORDS + "x")
    check_passphrase("abcdef" * 5, "abcdef" * 5)
    for weak in ("", "short", "a" * 30, "abcde" * 6, WORDS * 20):
        with pytest.raises(ArchiveError, match="too weak"):
            check_passphrase(weak, weak)


@pytest.mark.req("CTRL-11")
def test_a_link_that_somebody_has_laid_leads_nowhere(tmp_path: Path):
    path, others = tmp_path / "recording.zip", tmp_path / "others"
    others.write_bytes(b"somebody's")
    path.with_name(path.name + UNFINISHED).symlink_to(others)
    write(path, [clip()])
    assert others.read_bytes() == b"somebody's"
    assert path.is_file()
    assert not path.is_symlink()


@pytest.mark.req("CTRL-11")
def test_it_is_told_when_its_name_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, synced, fsync = tmp_path / "recording.zip", list[tuple[str, bool]](), os.fsync

    def watched(descriptor: int) -> None:
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write(path, [clip()])
    assert synced == [(f"{path}{UNFINISHED}", False), (str(tmp_path), True)]
