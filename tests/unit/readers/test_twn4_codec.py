"""The Simple Protocol's bytes: the document's own examples, both ways, and any bytes at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.readers import twn4_codec as codec
from host_tools.readers.tags import Tag
from host_tools.readers.twn4 import FORM_WORDS
from host_tools.readers.twn4_codec import FORMS, AnswerReader, BadAnswer, CommandFailed, Form

pytestmark = pytest.mark.req("RFID-01")
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/readers/twn4.json").read_text())


def test_the_crc_of_the_usual_digits():
    assert codec.crc(VECTORS["check"]["text"].encode()) == int(VECTORS["check"]["crc"], 16)


@pytest.mark.parametrize("vector", VECTORS["exchanges"], ids=lambda vector: vector["form"])
def test_the_documents_example_in_every_form(vector: dict[str, str]):
    form, command = FORM_WORDS[vector["form"]], bytes.fromhex(vector["command"])
    answered = bytes.fromhex(vector["answered"])
    assert command == codec.GET_USB_TYPE
    assert codec.encode(form, command).hex() == vector["sent"]
    reader = AnswerReader(form)
    assert [reader.feed(bytes([byte])) for byte in answered[:-1]] == [None] * (len(answered) - 1)
    assert reader.feed(answered[-1:]) == bytes.fromhex(vector["answer"])
    assert EmulatedTwn4(lambda: 0, form.binary, form.crc).feed(bytes.fromhex(vector["sent"])) == answered


@pytest.mark.parametrize("vector", VECTORS["bad_answers"], ids=lambda vector: vector["form"])
def test_what_is_no_answer_is_told_so(vector: dict[str, str]):
    with pytest.raises(BadAnswer):
        AnswerReader(FORM_WORDS[vector["form"]]).feed(bytes.fromhex(vector["answered"]))


def test_a_tag_as_the_document_has_it():
    for vector in VECTORS["searches"]:
        found = codec.tag_of(codec.result_of(codec.SEARCH_TAG, bytes.fromhex(vector["answer"])))
        uid = vector["uid"]
        assert found == (uid and Tag(vector["technology"], vector["bit_count"], bytes.fromhex(uid)))
    for answer in VECTORS["bad_searches"]:
        with pytest.raises(BadAnswer):
            codec.tag_of(codec.result_of(codec.SEARCH_TAG, bytes.fromhex(answer)))


def test_commands_as_the_document_has_them():
    beep = VECTORS["beep"]
    assert codec.beep(beep["percent"], beep["hertz"], beep["on_ms"], beep["off_ms"]).hex() == beep["command"]
    assert codec.text_of(bytes.fromhex("1D") + b"TWN4/B1.03/CCF1.57/PRS1.03/PI") == "TWN4/B1.03/CCF1.57/PRS1.03/PI"
    with pytest.raises(CommandFailed, match=r"command 0410 with status 1 .unknown function"):
        codec.result_of(b"\x04\x10\x07", b"\x01")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
def test_driver_and_emulated_reader_agree_in_every_form(form: Form):
    reader = EmulatedTwn4(lambda: 77, form.binary, form.crc)
    reader.hold(0x80, 56, bytes.fromhex("04A1B2C3D4E5F6"))
    answers = AnswerReader(form)
    for command in (codec.GET_VERSION, codec.GET_SYS_TICKS, codec.SET_ALL_TAG_TYPES, codec.SEARCH_TAG):
        answer = answers.feed(reader.feed(codec.encode(form, command)))
        assert answer is not None
        assert answer[0] == codec.STATUS_NONE


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
def test_the_longest_answer_is_taken_piece_by_piece_and_what_never_ends_is_given_up(form: Form):
    longest = bytes([codec.STATUS_NONE]) * (codec.ANSWER_BYTES_MAX - 2 * form.crc)
    sent = codec.encode(form, longest)
    answers = AnswerReader(form)
    assert answers.feed(sent[:-1]) is None
    assert answers.feed(sent[-1:]) == longest
    with pytest.raises(BadAnswer):
        answers.feed(b"\xff" * (2 * codec.ANSWER_BYTES_MAX + 1))
    assert answers.feed(sent) == longest, "what was given up is forgotten"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
@given(pieces=st.lists(st.binary(max_size=64)))
def test_any_bytes_are_an_answer_or_a_bad_one_and_memory_is_bounded(form: Form, pieces: list[bytes]):
    reader = AnswerReader(form)
    for piece in pieces:
        try:
            reader.feed(piece)
        except BadAnswer:
            continue
        assert len(reader._held) <= 2 * codec.ANSWER_BYTES_MAX + 64
