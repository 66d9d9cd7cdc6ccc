"""The identity of a recording and its text form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import recording_id
from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy


@given(st.binary(min_size=16, max_size=16))
def test_text_and_back(recording: bytes) -> None:
    assert recording_id.parse(recording_id.text(recording)) == recording


def test_new_ones_differ() -> None:
    entropy = SeededEntropy(1)
    drawn = {recording_id.new_id(entropy) for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(len(recording) == recording_id.RECORDING_ID_BYTES for recording in drawn)


@pytest.mark.parametrize(
    "name", ["", "00" * 15, "00" * 17, "AA" * 16, "gg" * 16, "\uff10" * 32, " " + "0" * 31, "../" + "0" * 29]
)
def test_nothing_else_is_a_name(name: str) -> None:
    with pytest.raises(FormatError, match="recording id"):
        recording_id.parse(name)


def test_nothing_else_is_a_recording() -> None:
    with pytest.raises(FormatError, match="15 bytes"):
        recording_id.text(bytes(15))
