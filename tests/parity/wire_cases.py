"""The vectors of the wire, read by the portable decoders in every way in which a line can deliver them.

Portable: runs under CPython and MicroPython alike. The file has one vector a line and is read line by line, so that it
fits into a board's heap. A case is a name and a function; what the function returns is compared between the two.
"""

import json
from binascii import crc32, hexlify, unhexlify

from firmware.link import codec, frames, schema
from firmware.link.control import MessageReader
from firmware.link.errors import PeerError

FILE = "tests/vectors/link/wire.json"  # relative to the root of the tree, where both interpreters are started
PARTS = ("frames", "messages", "refused", "streams")
PIECES = (1, 7, 1 << 20)  # bytes taken in at once: one, an odd few, all
GARBAGE = (b"\xc5", b"\x00\xb7\xc5", b"\xc5\xb7\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"noise " * 9)
SLACK_BYTES = 512
CUTS = (1, 8, 15, 16, 17, 21)  # bytes that are left of a truncated frame
TICKS_MAX = 2000  # more than any stream of the vectors has left-over bytes in which a frame could begin


def vectors(part):
    """Vectors of one part of the file, one after another."""
    inside = False
    with open(FILE, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('"'):
                inside = line.startswith('"%s"' % part)
            elif inside and line.startswith("{"):
                yield json.loads(line.rstrip().rstrip(","))


def plain(value):
    """A value of the file as the codec has it."""
    if isinstance(value, dict):
        if set(value) == {"hex"}:
            return unhexlify(value["hex"])
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def new_reader(vector, payload_max=1024):
    reader = frames.FrameReader(vector.get("payload_max", payload_max), SLACK_BYTES)
    reader.salt = vector["salt"]
    return reader


def read(reader, data, step, patient=True):
    """All frames of ``data``, taken in ``step`` bytes at a time; then, if ``patient``, time passes until none waits."""
    found = []
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        while piece:
            piece = piece[reader.take(piece, 0) :]
            collect(reader, found)
    now_ms = 0
    for _ in range(TICKS_MAX):
        if not patient or reader.deadline_ms() is None:
            break
        now_ms = reader.deadline_ms()
        reader.tick(now_ms)
        collect(reader, found)
    return found


def collect(reader, found):
    frame = reader.next_frame()
    while frame is not None:
        found.append([frame.kind, frame.sequence, hexlify(frame.payload).decode()])
        frame = reader.next_frame()


def frames_are_built_and_parsed():
    for vector in vectors("frames"):
        payload = unhexlify(vector["payload_hex"])
        rows = codec.FRAME_BY_NUMBER[vector["kind"]][3]
        fields = plain(vector["fields"])
        assert codec.pack(rows, fields) == payload, vector["name"]
        assert codec.parse(rows, payload) == fields, vector["name"]
        wire = frames.frame(vector["kind"], vector["sequence"], payload, vector["salt"], vector["version"])
        assert hexlify(wire).decode() == vector["wire_hex"], vector["name"]


def each_frame(check):
    """Call ``check(vector, wire, expected)`` for every frame; returns what tells the runs of two interpreters apart."""
    count = 0
    for vector in vectors("frames"):
        check(vector, unhexlify(vector["wire_hex"]), [vector["kind"], vector["sequence"], vector["payload_hex"]])
        count += 1
    return "%d frames" % count


def frames_arrive_in_any_division():
    def check(vector, wire, expected):
        for step in PIECES:
            assert read(new_reader(vector), wire, step) == [expected], (vector["name"], step)

    return each_frame(check)


def frames_arrive_with_garbage_around_them():
    def check(vector, wire, expected):
        for garbage in GARBAGE:
            found = read(new_reader(vector), garbage + wire + garbage + wire + garbage, 64)
            assert found == [expected, expected], (vector["name"], garbage)

    return each_frame(check)


def truncated_frames_give_way_to_the_next():
    def check(vector, wire, expected):
        for cut in CUTS:
            if cut < len(wire):
                found = read(new_reader(vector), wire[:cut] + wire, 64)
                assert found == [expected], (vector["name"], cut)
                assert read(new_reader(vector), wire[:-cut], 64) == [], (vector["name"], cut)

    return each_frame(check)


def duplicated_frames_are_both_delivered():
    def check(vector, wire, expected):
        assert read(new_reader(vector), wire + wire, 100, False) == [expected, expected], vector["name"]

    return each_frame(check)


def damaged_frames_are_counted_and_never_delivered():
    counted = 0
    for vector in vectors("frames"):
        wire = unhexlify(vector["wire_hex"])
        for place in range(0, len(wire), 1 + len(wire) // 40):
            spoilt = bytearray(wire)
            spoilt[place] ^= 0x40
            reader = new_reader(vector)
            assert read(reader, bytes(spoilt), 1 << 20) == [], (vector["name"], place)
            counted += reader.bad_headers + reader.bad_payloads
    return "%d counted" % counted


def messages_are_built_and_parsed():
    table = codec.TableCodec()
    crc = 0
    for vector in vectors("messages"):
        fields = plain(vector["fields"])
        name = codec.MESSAGE_BY_NUMBER[vector["number"]][1]
        wire = table.encode(name, fields, vector["request"])
        assert hexlify(wire).decode() == vector["wire_hex"], vector["name"]
        assert table.decode(vector["number"], wire[codec.MESSAGE_HEADER_BYTES :]) == fields, vector["name"]
        crc = crc32(wire, crc)
    return "%08x" % crc


def messages_arrive_in_any_division():
    count = 0
    for vector in vectors("messages"):
        wire = unhexlify(vector["wire_hex"])
        expected = (vector["number"], vector["request"], wire[codec.MESSAGE_HEADER_BYTES :])
        for step in PIECES:
            reader = MessageReader(schema.MESSAGE_BYTES_MAX)
            found = []
            for start in range(0, 2 * len(wire), step):
                reader.feed((wire + wire)[start : start + step])
                message = reader.next_message()
                while message is not None:
                    found.append(message)
                    message = reader.next_message()
            assert found == [expected, expected], (vector["name"], step)
        count += 1
    return "%d messages" % count


def truncated_messages_are_refused():
    table = codec.TableCodec()
    refusals = 0
    for vector in vectors("messages"):
        body = unhexlify(vector["wire_hex"])[codec.MESSAGE_HEADER_BYTES :]
        for end in sorted({0, 1, len(body) // 2, len(body) - 1}):
            if 0 <= end < len(body):
                refusals += expect_refusal(table.decode, vector["number"], body[:end])
        refusals += expect_refusal(table.decode, vector["number"], body + b"\0")
    return "%d refusals" % refusals


def bodies_that_break_the_table_are_refused():
    refusals = 0
    for vector in vectors("refused"):
        rows = codec.MESSAGE_BY_NUMBER[vector["number"]][4] if vector["of"] == "message" else None
        if rows is None:
            rows = codec.FRAME_BY_NUMBER[vector["number"]][3]
        refusals += expect_refusal(codec.parse, rows, unhexlify(vector["body_hex"]))
    return "%d refusals" % refusals


def streams_give_what_is_in_them():
    totals = []
    for vector in vectors("streams"):
        counters = None
        for step in PIECES:
            reader = new_reader(vector)
            found = read(reader, unhexlify(vector["wire_hex"]), step)
            assert found == vector["expected"], (vector["name"], step, found)
            counted = (reader.bad_headers, reader.bad_payloads, reader.skipped_bytes)
            assert counters in (None, counted), (vector["name"], step, counters, counted)
            counters = counted
        totals.append(counters)
    return str(totals)


def expect_refusal(parse, first, body):
    text = ""
    try:
        parse(first, body)
    except PeerError as error:
        text = str(error)
    assert text, "taken: %s" % hexlify(body).decode()
    assert "\n" not in text
    return 1


CASES = tuple(
    (function.__name__, function)
    for function in (
        frames_are_built_and_parsed,
        frames_arrive_in_any_division,
        frames_arrive_with_garbage_around_them,
        truncated_frames_give_way_to_the_next,
        duplicated_frames_are_both_delivered,
        damaged_frames_are_counted_and_never_delivered,
        messages_are_built_and_parsed,
        messages_arrive_in_any_division,
        truncated_messages_are_refused,
        bodies_that_break_the_table_are_refused,
        streams_give_what_is_in_them,
    )
)
