"""The generated dissector in a real tshark: once for every one that is installed (Debian: ``apt install tshark``).

Without one there is nothing to run it in, and only its text is looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware.link import codec, frames, opening, schema
from host_tools.protocol.capture import CaptureFile
from host_tools.protocol.decode import MESSAGE
from host_tools.protocol.decode_frames import salt_behind
from host_tools.protocol.dissector import dissector
from host_tools.protocol.replay import read_entries
from tests.house.tree import ROOT
from tests.patience import LIMIT_S
from tests.unit.protocol.parts import CONTENT, PtyBoard, connected, pulled
from tests.unit.protocol.test_decode import frame, message
from tests.unit.protocol.test_vectors import SALT, WIRE, values

INSTALLED = [path for path in [shutil.which("tshark")] if path]
# In one of these streams an accept begins another session; in the other a length is wrong by what the ends agreed on.
NOT_AS_A_LISTENER = {"every kind once", "a payload longer than agreed"}
with_tshark = pytest.mark.parametrize("tshark", INSTALLED)
HOST_NONCE = 0x1122334455667788
CHECKS = ("openbwc.frame.check_good", "openbwc.frame.payload_good")


def nonce_for(salt: int) -> int:
    """The board's nonce with which HOST_NONCE makes that salt: the last four bytes of a CRC can be chosen."""
    front = opening.salt_of(HOST_NONCE, 0).to_bytes(4, "little")
    assert len(front) == 4
    begun = frames.crc32(HOST_NONCE.to_bytes(8, "little") + bytes(4))
    nonce = (salt_behind(bytes(4), salt) ^ begun) << 32
    assert opening.salt_of(HOST_NONCE, nonce) == salt
    return nonce


ACCEPT = frame("accept", version=1, payload_max=1024, capabilities=3, nonce=nonce_for(SALT), nonce_seen=HOST_NONCE)


def tshark_rows(tshark: str, trace: Path, *arguments: str) -> str:
    command = [tshark, "-X", f"lua_script:{ROOT / 'docs' / 'openbwc.lua'}", "-r", str(trace), *arguments]
    home = {**os.environ, "HOME": str(trace.parent)}
    done = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S, env=home, text=True)
    complaints = [line for line in done.stderr.splitlines() if "Lua" in line or "openbwc" in line]
    assert complaints == []
    assert "Lua Error" not in done.stdout
    return done.stdout


def tree_of(tshark: str, trace: Path, *arguments: str) -> list[dict[str, Any]]:
    """Every packet's protocol tree; a key that occurs more than once has a list."""

    def merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
            else:
                found[name] = value
        return found

    packets = json.loads(tshark_rows(tshark, trace, "-T", "json", *arguments), object_pairs_hook=merged)
    return [packet["_source"]["layers"].get("openbwc", {}) for packet in packets]


def every(tree: Any, key: str) -> list[str]:
    """All values of a field in a tree, in order."""
    if isinstance(tree, list):
        return [value for each in tree for value in every(each, key)]
    if not isinstance(tree, dict):
        return []
    found: list[str] = []
    for name, value in tree.items():
        if name == key:
            found += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
        found += every(value, key)
    return found


def marks_in(tree: Any) -> set[str]:
    """What the dissector complains of in a tree."""
    if isinstance(tree, list):
        return {mark for each in tree for mark in marks_in(each)}
    if not isinstance(tree, dict):
        return set()
    own = {name.removeprefix("openbwc.expert.") for name in tree if name.startswith("openbwc.expert.")}
    return own.union(*map(marks_in, tree.values()))


def captured(path: Path, *parts: tuple[str, bytes]) -> Path:
    """A capture with these bytes in it, a millisecond apart."""
    clock = iter(range(0, 10**9, 1000))
    file = CaptureFile(path / "trace.pcapng", "", lambda: next(clock))
    recorder = file.recorder("camera1")
    for direction, data in parts:
        (recorder.to_board if direction == "to_board" else recorder.to_host)(data)
    file.close()
    return path / "trace.pcapng"


def delivered(tree: list[dict[str, Any]]) -> list[list[int]]:
    """Kind and sequence of every good frame of the session, after the accept that begins it."""
    found = [shown for packet in tree for shown in frames_in(packet)]
    good = [shown for shown in found if all(shown.get(name, "1") in ("1", "True") for name in CHECKS)]
    return [[int(shown["openbwc.frame.kind"]), int(shown["openbwc.frame.sequence"])] for shown in good][1:]


def same(shown: str, value: str | int) -> bool:
    """Whether a value is shown, in whatever base."""
    return shown == value or (isinstance(value, int) and shown.lstrip("-")[:1].isdigit() and int(shown, 0) == value)


def frames_in(tree: Any) -> list[dict[str, Any]]:
    """The parts of a tree that are frames."""
    if isinstance(tree, list):
        return [found for each in tree for found in frames_in(each)]
    if not isinstance(tree, dict):
        return []
    if "openbwc.frame.kind" in tree:
        return [tree]
    return [found for each in tree.values() for found in frames_in(each)]


def test_the_dissector_is_complete_without_a_tshark():
    text = dissector()
    assert "@@" not in text
    for number, name, *_ in (*schema.FRAME_KINDS, *schema.MESSAGES):
        assert f'[{number}] = {{ name = "{name}"' in text


@pytest.mark.req("LINK-09")
@with_tshark
def test_a_capture_of_a_real_session_shows_the_messages_and_bytes_that_passed(tshark: str, tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board")
        clock = iter(range(0, 10**9, 1000))  # not the machine's, which may stand still amid a frame
        file = CaptureFile(tmp_path / "trace.pcapng", "", lambda: next(clock))
        board.plug.recorder = file.recorder("camera1")
        async with connected(tmp_path / "board") as connection:
            await connection.ask("identify")
            await connection.ask("set_time", {"unix_ms": 5, "uncertainty_ms": 1})
            assert await pulled(connection) == CONTENT
        file.close()
        board.unplug()

    asyncio.run(scenario())
    trace = tmp_path / "trace.pcapng"
    tree = tree_of(tshark, trace)
    expected = [(entry.name, entry.number) for entry in read_entries(trace) if entry.what == MESSAGE]
    names, requests = every(tree, "openbwc.message.name"), every(tree, "openbwc.message.request")
    assert list(zip(names, map(int, requests), strict=True)) == expected
    assert sum(map(int, every(tree, "openbwc.data.bytes"))) == len(CONTENT)
    assert set(every(tree, "openbwc.frame.check_good")) <= {"1", "True"}
    assert every(tree, "openbwc.message.identity.serial") == ["CAM-0001"]
    assert len(every(tree, "openbwc.message.question_in")) == 2
    lines = tshark_rows(tshark, trace).splitlines()
    assert any(re.search(r"camera1 → host +OpenBWC \d+ identity$", line) for line in lines)
    assert tshark_rows(tshark, trace, "-Y", "_ws.expert") == ""


@pytest.mark.req("LINK-09")
@with_tshark
def test_every_field_of_every_message_is_shown(tshark: str, tmp_path: Path):
    stream: list[tuple[str, bytes]] = [("to_host", ACCEPT)]
    wire = b"".join(bytes.fromhex(vector["wire_hex"]) for vector in WIRE["messages"])
    parts = [wire[at : at + 200] for at in range(0, len(wire), 200)]
    stream += [("", frame("segment", at, SALT, ack=0, data=part)) for at, part in enumerate(parts)]
    trace = captured(tmp_path, *[(direction or "to_host", data) for direction, data in stream])
    tree = tree_of(tshark, trace)
    assert every(tree, "openbwc.message.name") == [
        codec.MESSAGE_BY_NUMBER[vector["number"]][1] for vector in WIRE["messages"]
    ]
    for vector in WIRE["messages"]:
        name = codec.MESSAGE_BY_NUMBER[vector["number"]][1]
        for field, value in values(vector["fields"]).items():
            shown = every(tree, f"openbwc.message.{name}.{field}")
            if isinstance(value, str | int) and value not in ("", True, False):
                assert any(same(each, value) for each in shown), (name, field, value)
    (most,) = [vector for vector in WIRE["messages"] if vector["name"] == "recordings, most"]
    digest = most["fields"]["entries"][0]["manifest_sha256"]["hex"]
    shown = [each.replace(":", "") for each in every(tree, "openbwc.recording.manifest_sha256")]
    assert shown.count(digest) == len(most["fields"]["entries"])
    assert "malformed" not in marks_in(tree)


@pytest.mark.req("LINK-02", "LINK-09")
@with_tshark
@pytest.mark.parametrize("size", [7, 10_000])
def test_frames_are_found_in_every_stream_of_the_vectors(tshark: str, tmp_path: Path, size: int):
    """All streams, one behind the other on boards of their own, in packets of some size."""
    now_us = [0]
    file = CaptureFile(tmp_path / "trace.pcapng", "", lambda: now_us[0])
    streams = [vector for vector in WIRE["streams"] if vector["name"] not in NOT_AS_A_LISTENER]
    for vector in streams:
        recorder = file.recorder(vector["name"])
        wire = ACCEPT + bytes.fromhex(vector["wire_hex"])
        for at in range(0, len(wire), size):
            recorder.to_host(wire[at : at + size])
        now_us[0] += 2 * frames.STALL_MS * 1000  # what stands still is given up
        recorder.to_host(b"\0")
    file.close()
    shown: dict[str, list[dict[str, Any]]] = {vector["name"]: [] for vector in streams}
    for packet in tree_of(tshark, tmp_path / "trace.pcapng"):
        shown[packet["openbwc.board"]].append(packet)
    for vector in streams:
        expected = [row[:2] for row in vector["expected"]]
        assert delivered(shown[vector["name"]]) == expected, vector["name"]


@with_tshark
def test_damage_is_marked(tshark: str, tmp_path: Path):
    damaged = bytearray(frame("segment", 0, SALT, ack=0, data=message("identify", 1)))
    damaged[-5] ^= 1
    trace = captured(
        tmp_path,
        ("to_host", ACCEPT + b"noise" + bytes(damaged) + frame("ping", 1, SALT, stamp=1)),
        ("to_host", frame("ping", 2, SALT ^ 1, stamp=1)),
        ("to_host", frame("segment", 0, SALT, ack=0, data=message("identify", 1))),
        ("to_host", frame("segment", 1, SALT, ack=0, data=b"\x05\0\x63\0\x01\0x")),
        ("to_host", frame("segment", 2, SALT, ack=0, data=b"\x05\0\x02\0\x01\0x")),
        ("to_host", frame("segment", 3, SALT, ack=0, data=b"\xff\xff\x02\0\x01\0x")),
    )
    marked = list(map(marks_in, tree_of(tshark, trace)))
    for expert, packets in {
        "bad_payload": [1],
        "noise": [1],
        "foreign": [2],
        "direction": [3],
        "unknown": [4],
        "malformed": [5],
        "gap": [6],
    }.items():
        assert [number for number, marks in enumerate(marked, 1) if expert in marks] == packets, expert
    rows = tshark_rows(tshark, trace, "-Y", "openbwc.expert.gap", "-T", "fields", "-e", "frame.number")
    assert rows.split() == ["6"], "they can be filtered by"


@with_tshark
def test_a_capture_that_begins_in_the_middle_is_read_and_a_second_pass_shows_the_same(tshark: str, tmp_path: Path):
    wire = frame("data", 4, SALT, request=1, offset=5, data=bytes(300)) + frame("ping", 1, SALT, stamp=1)
    segment = frame("segment", 9, SALT, ack=0, data=message("get_bays", 3))
    trace = captured(tmp_path, ("to_host", wire[7:400]), ("to_host", wire[400:]), ("to_board", segment))
    once, twice = tree_of(tshark, trace), tree_of(tshark, trace, "-2")
    assert once == twice
    assert every(once, "openbwc.message.name") == ["get_bays"]
    assert every(once, "openbwc.frame.ping.stamp") == ["1"]
    assert len(set(every(once, "openbwc.frame.salt"))) == 1
