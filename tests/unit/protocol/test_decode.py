"""Listening to the wire: nothing is lost, nothing is invented, and both finders of frames agree."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from binascii import crc32
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.link import codec, frames, opening, schema
from host_tools.protocol import decode_words
from host_tools.protocol.decode import (
    DAMAGED,
    FOREIGN,
    FRAME,
    GAP,
    MESSAGE,
    NOISE,
    SESSION,
    Entry,
    LineDecoder,
    json_of,
    text_of,
)
from host_tools.protocol.decode_control import ControlListener, Heard, Unheard, lone_messages
from host_tools.protocol.decode_frames import Damaged, Foreign, Found, FrameFinder, Noise, salt_behind
from host_tools.protocol.decode_input import InputError, bytes_of_hex, decode_bytes
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST
from tests.patience import LIMIT_S
from tests.unit.protocol.test_vectors import SALT, WIRE, construct_frames, pieces, portable_frames, values

HOST_NONCE, BOARD_NONCE = 11, 22
SESSION_SALT = opening.salt_of(HOST_NONCE, BOARD_NONCE)
KIND = {row[1]: row[0] for row in schema.FRAME_KINDS}


def frame(name: str, sequence: int = 0, salt: int = SESSION_SALT, **fields: Any) -> bytes:
    payload = codec.pack(codec.FRAME_BY_NAME[name][3], fields)
    return frames.frame(KIND[name], sequence, payload, salt, schema.PROTOCOL_VERSION)


def segment(number: int, data: bytes, salt: int = SESSION_SALT) -> bytes:
    return frame("segment", number, salt, ack=0, data=data)


def message(name: str, request: int = 0, **fields: Any) -> bytes:
    return codec.TableCodec().encode(name, fields, request)


ACCEPT = frame("accept", version=1, payload_max=1024, capabilities=3, nonce=BOARD_NONCE, nonce_seen=HOST_NONCE)
LAMP = message("set_lamp", 5, bay=3, pattern=7)


def heard(data: bytes, direction: str = TO_HOST, salt: int | None = None) -> list[Entry]:
    decoder = LineDecoder(salt=salt)
    return [*decoder.feed(direction, data), *decoder.finish()]


def kinds(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.what, entry.name) for entry in entries]


@st.composite
def spoilt_streams(draw: st.DrawFn) -> bytes:
    """Frames with everything between them and in them."""
    parts: list[bytes] = []
    for vector in draw(st.lists(st.sampled_from(WIRE["frames"]), max_size=8)):
        wire = bytearray(bytes.fromhex(vector["wire_hex"]))
        for _ in range(draw(st.integers(0, 2))):
            wire[draw(st.integers(0, len(wire) - 1))] ^= 1 << draw(st.integers(0, 7))
        start, end = sorted(draw(st.tuples(st.integers(0, len(wire)), st.integers(0, len(wire)))))
        cut = draw(st.sampled_from([wire, wire[:end], wire[start:], wire[:start] + wire[end:], wire + wire[start:]]))
        parts += [draw(st.binary(max_size=20)), bytes(cut)]
    return b"".join(parts)


@pytest.mark.req("LINK-01", "LINK-02")
@given(spoilt_streams(), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_both_finders_find_the_same_frames_in_anything(stream: bytes, size: int):
    expected = portable_frames([stream], SALT, 1024)
    assert construct_frames([stream], SALT, 1024) == expected
    assert construct_frames(pieces(stream, size), SALT, 1024) == expected


@given(spoilt_streams(), st.integers(1, 40), st.sampled_from([None, SALT]))
@settings(max_examples=200, deadline=None)
def test_no_byte_is_lost_or_told_twice(stream: bytes, size: int, salt: int | None):
    finder = FrameFinder(salt, tell_foreign=True)
    items = [item for part in pieces(stream, size) for item in finder.feed(part)] + list(finder.finish())
    place = 0
    for item in items:
        if isinstance(item, Damaged):
            assert item.offset == place  # its bytes follow, as noise and whatever is in them
            continue
        found = item.frame if isinstance(item, Foreign) else item
        assert found.offset == place
        place += len(found.data) if isinstance(found, Noise) else found.wire_bytes
    assert place == len(stream)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 0xFFFFFFFF))
def test_a_crc_runs_backwards(data: bytes, salt: int):
    assert salt_behind(data, crc32(data, salt)) == salt


def test_a_session_is_followed_from_its_beginning():
    entries = heard(frame("announce") + ACCEPT + segment(0, message("done", 4, about=35)))
    assert kinds(entries) == [
        (FRAME, "announce"),
        (FRAME, "accept"),
        (SESSION, ""),
        (FRAME, "segment"),
        (MESSAGE, "done"),
    ]
    assert entries[2].fields["salt"] == SESSION_SALT
    assert entries[4].fields == {"about": 35}
    assert entries[4].number == 4


def test_a_capture_that_begins_in_the_middle_is_read_all_the_same():
    wire = (segment(7, LAMP) + frame("ping", stamp=4))[5:] + segment(8, LAMP)
    entries = heard(wire, TO_BOARD)
    assert kinds(entries) == [
        (NOISE, ""),
        (SESSION, ""),
        (FRAME, "ping"),
        (FRAME, "segment"),
        (MESSAGE, "set_lamp"),
    ]
    assert entries[1].fields == {"salt": SESSION_SALT}


def test_frames_of_another_session_are_told_as_such():
    entries = heard(ACCEPT + frame("ping", salt=1234, stamp=4) + frame("pong", stamp=5))
    assert kinds(entries)[2:] == [(FOREIGN, "ping"), (FRAME, "pong")]
    assert "000004d2" in text_of(entries[2])


def test_a_new_session_is_followed_in_both_directions():
    decoder = LineDecoder()
    list(decoder.feed(TO_HOST, ACCEPT))
    list(decoder.feed(TO_BOARD, segment(0, LAMP)))
    again = frame("accept", version=1, payload_max=1024, capabilities=3, nonce=5, nonce_seen=6)
    assert kinds(list(decoder.feed(TO_HOST, again)))[-1] == (SESSION, "")
    salt = opening.salt_of(6, 5)
    assert kinds(list(decoder.feed(TO_BOARD, segment(0, LAMP, salt)))) == [(FRAME, "segment"), (MESSAGE, "set_lamp")]


def test_damage_noise_and_what_is_unknown_are_told_and_reading_goes_on():
    damaged = bytearray(segment(0, LAMP))
    damaged[-6] ^= 1
    newer = frames.frame(200, 1, b"later", SESSION_SALT, 1) + segment(0, b"\x05\0\x63\0\x01\0x")
    wrong = segment(1, message("get_bays", 3)) + segment(2, b"\x05\0\x02\0\x01\0x")
    entries = heard(ACCEPT + b"noise" + bytes(damaged) + newer + wrong)
    told = [(entry.what, entry.name, bool(entry.remark)) for entry in entries[2:] if entry.what != NOISE]
    assert told == [
        (DAMAGED, "segment", True),
        (FRAME, "unknown-200", True),
        (FRAME, "segment", False),
        (MESSAGE, "unknown-99", True),
        (FRAME, "segment", False),
        (MESSAGE, "get_bays", True),
        (FRAME, "segment", False),
        (MESSAGE, "done", True),
    ]
    assert b"".join(entry.fields["data"] for entry in entries if entry.what == NOISE) == b"noise" + damaged


def test_a_frame_that_stands_still_is_given_up_when_the_line_goes_on():
    decoder = LineDecoder()
    list(decoder.feed(TO_HOST, ACCEPT, 0))
    begun = list(decoder.feed(TO_HOST, segment(0, LAMP)[:30], 1000))
    assert begun == []
    late = list(decoder.feed(TO_HOST, frame("ping", stamp=1), 1000 + frames.STALL_MS * 1000))
    assert kinds(late) == [(NOISE, ""), (FRAME, "ping")]


@given(st.permutations(range(6)), st.integers(1, 9))
def test_the_control_stream_is_put_together_from_segments_in_any_order(order: list[int], size: int):
    listener = ControlListener()
    listener.segment(0, b"")
    stream = LAMP + message("identify", 9) + LAMP
    parts = [stream[at * size : (at + 1) * size] for at in range(5)] + [stream[5 * size :]]
    found = [each for number in order for each in listener.segment(number + 1, parts[number])]
    found += [each for number in order for each in listener.segment(number + 1, parts[number])]  # all once more
    assert [(each.number, each.request) for each in found if isinstance(each, Heard)] == [(35, 5), (3, 9), (35, 5)]
    assert len(found) == 3


def test_a_gap_in_the_control_stream_is_told_and_listening_goes_on():
    listener = ControlListener()
    listener.segment(0, LAMP[:3])
    found = [each for number in range(2, 40) for each in listener.segment(number, LAMP)]
    assert isinstance(found[0], Unheard)
    assert [each.number for each in found[1:] if isinstance(each, Heard)] == [35] * 38
    assert [each for number in range(2, 40) for each in listener.segment(number, LAMP)] == []  # all heard before
    assert [each for each in ControlListener().segment(0, b"\xff\xff\0\0\0\0") if isinstance(each, Unheard)]
    assert (GAP, "") in kinds(heard(ACCEPT + segment(0, b"\xff\xff\0\0\0\0")))


@pytest.mark.parametrize("vector", WIRE["messages"], ids=[vector["name"] for vector in WIRE["messages"]])
def test_a_lone_message_is_recognised_and_readable(vector: dict[str, Any]):
    wire = bytes.fromhex(vector["wire_hex"])
    (entry,) = decode_bytes(wire, "", None)
    assert (entry.what, entry.number, entry.fields) == (MESSAGE, vector["request"], values(vector["fields"]))
    assert entry.name in text_of(entry)
    assert json.loads(json.dumps(json_of(entry)))["name"] == entry.name
    assert lone_messages(wire + wire[:-1]) is None


def test_values_are_shown_with_words_and_units():
    fields = {
        "bay": 2,
        "measurements": [{"quantity": 2, "value": 5_000_000, "low": -1, "high": 6, "verdict": 0}],
    }
    shown = decode_words.describe("contacts", codec.MESSAGE_BY_NAME["contacts"][4], fields)
    assert (
        shown == "bay 2, measurements [{quantity supply_voltage, value 5000000 uV, low -1 uV, high 6 uV, verdict pass}]"
    )
    entry = heard(ACCEPT)[0]
    assert "capabilities bulk+probe" in text_of(entry)


def test_words_belong_to_fields_of_the_table():
    owners = {row[1]: row[3] for row in schema.FRAME_KINDS} | {row[1]: row[4] for row in schema.MESSAGES}
    fields = {(owner, row[0]) for owner, rows in {**owners, **schema.RECORDS}.items() for row in rows}
    assert set(decode_words.FIELD_WORDS) | set(decode_words.FIELD_BITS) <= fields
    lists = list(decode_words.WORD_LISTS.values())
    assert all(any(each is words for each in lists) for words in decode_words.FIELD_WORDS.values())


@pytest.mark.parametrize(
    "text",
    [
        "06 00 23 00 05 00 03 07",
        "0600230005000307",
        "0x06,0x00,0x23,0x00, 0x05 0x00 0x03 0x07",
        "06:00:23:00\n05:00:03:07\n",
        r"\x06\x00\x23\x00\x05\x00\x03\x07",
        "00000000: 0600 2300 0500 0307                      ..#.. ab c",
        "00000000: 0600 2300                                ..  ab\n00000004: 0500 0307                    1 2",
        "00000000  06 00 23 00  05 00 03 07                          |..#. ab |\n00000008\n",
    ],
)
def test_hexadecimal_is_taken_as_people_and_tools_write_it(text: str):
    assert bytes_of_hex(text) == LAMP


def test_what_is_no_hexadecimal_is_told_with_its_line():
    with pytest.raises(InputError, match=r"line 2 .*--binary"):
        bytes_of_hex("0600\nhello")


@pytest.mark.parametrize("arguments", [[], ["--binary"]])
def test_the_command_reads_standard_input(arguments: list[str]):
    data = ACCEPT + segment(0, LAMP)
    given_in = data if arguments else data.hex(" ").encode()
    command = [sys.executable, "-m", "host_tools.cli", "decode", "--from", "host", "--json", *arguments]
    done = subprocess.run(command, input=given_in, capture_output=True, check=True, timeout=LIMIT_S)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["what"], row["name"]) for row in rows][-1] == ("message", "set_lamp")
    assert rows[-1]["fields"] == {"bay": 3, "pattern": 7}


def test_noise_in_a_long_stream_is_bounded_in_memory():
    seed = 3
    print(f"seed {seed}")
    finder = FrameFinder(SALT, tell_foreign=True)
    rng = random.Random(seed)
    for _ in range(40):
        items = list(finder.feed(rng.randbytes(65_536)))
        assert not [item for item in items if isinstance(item, Found)]
        assert finder.waiting_bytes < schema.PAYLOAD_BYTES_MAX + 65_536
