"""The Simple Protocol's bytes: the document's own examples, both ways, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.readers import twn4_codec as codec
from host_tools.readers.tags import ISO14443A, Tag
from host_tools.readers.twn4_codec import FORMS, AnswerReader, BadAnswer, CommandFailed, Form

pytestmark = pytest.mark.req("RFID-01")
# form, GetUSBType, its answer: of the document
USB_TYPE = [
    (Form(False, False), b"0005\r", b"0001\r"),
    (Form(False, True), b"000515A7\r", b"000131E1\r"),
    (Form(True, False), bytes.fromhex("02000005"), bytes.fromhex("02000001")),
    (Form(True, True), bytes.fromhex("0400000515A7"), bytes.fromhex("0400000131E1")),
]


def test_the_crc_of_the_usual_digits():
    assert codec.crc(b"123456789") == 0x6F91


@pytest.mark.parametrize(("form", "command", "answer"), USB_TYPE)
def test_the_documents_example_in_every_form(form: Form, command: bytes, answer: bytes):
    assert codec.encode(form, codec.GET_USB_TYPE) == command
    reader = AnswerReader(form)
    assert [reader.feed(bytes([byte])) for byte in answer[:-1]] == [None] * (len(answer) - 1)
    assert reader.feed(answer[-1:]) == b"\x00\x01"
    assert EmulatedTwn4(lambda: 0, form.binary, form.crc).feed(command) == answer


def test_a_tag_as_the_document_has_it():
    assert codec.tag_of(codec.result_of(codec.SEARCH_TAG, bytes.fromhex("000180200466CF4DC2"))) == Tag(
        ISO14443A, 32, bytes.fromhex("66CF4DC2")
    )
    assert codec.tag_of(bytes.fromhex("00")) is None
    assert codec.tag_of(bytes.fromhex("00802004")) is None
    with pytest.raises(BadAnswer, match="does not fit"):
        codec.tag_of(bytes.fromhex("01802004 66CF"))


def test_commands_as_the_document_has_them():
    assert codec.beep(100, 2400, 500, 500).hex().upper() == "0407646009F401F401"
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
@given(pieces=st.lists(st.binary(max_size=64)))
def test_any_bytes_are_an_answer_or_a_bad_one_and_memory_is_bounded(form: Form, pieces: list[bytes]):
    reader = AnswerReader(form)
    for piece in pieces:
        try:
            reader.feed(piece)
        except BadAnswer:
            continue
        assert len(reader._held) <= 2 * codec.ANSWER_BYTES_MAX + 64
