"""Small files under a key that only one camera has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure.sealing_file import SEALED_FILE_BYTES_MAX, FileSealer

KEY = bytes(range(32))


def sealer(key: bytes = KEY, seed: int = 1) -> FileSealer:
    return FileSealer(key, SeededEntropy(seed))


@pytest.mark.req("CAM-19")
@given(st.binary(max_size=2000))
def test_a_file_opens_again_after_a_restart(data: bytes):
    assert sealer(seed=2).open("assignment", sealer().seal("assignment", data)) == data


@pytest.mark.req("CAM-19")
def test_a_sealed_file_says_nothing():
    name = "Ada Åström".encode()
    sealed = sealer().seal("assignment", name)
    assert name not in sealed
    assert len(sealed) == len(sealer().seal("assignment", b"Bo")) == 8 + 12 + 256 + 16
    assert sealed[:8] == b"OBWD\x01\x00\x00\x00"


def test_every_writing_has_a_nonce_of_its_own():
    ours = sealer()
    written = {ours.seal("assignment", b"the same")[8:20] for _ in range(100)}
    assert len(written) == 100


def test_only_this_camera_opens_only_this_file():
    sealed = sealer().seal("assignment", b"data")
    with pytest.raises(FormatError, match="assignment: damaged, or sealed on another camera"):
        sealer(bytes(32)).open("assignment", sealed)
    with pytest.raises(FormatError, match="settings: damaged, or sealed on another camera"):
        sealer().open("settings", sealed)


def test_every_changed_byte_and_every_other_length_shows():
    sealed = sealer().seal("assignment", b"data")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 0x40
        with pytest.raises(FormatError, match="assignment: "):
            sealer().open("assignment", changed)
    for length in range(len(sealed)):
        with pytest.raises(FormatError, match="assignment: "):
            sealer().open("assignment", sealed[:length])


def test_limits():
    with pytest.raises(FormatError, match="device key: 16 bytes instead of 32"):
        sealer(bytes(16))
    with pytest.raises(FormatError, match="too long for a sealed file"):
        sealer().seal("assignment", bytes(SEALED_FILE_BYTES_MAX))
    with pytest.raises(FormatError, match="at most 65536 are allowed"):
        sealer().open("assignment", bytes(SEALED_FILE_BYTES_MAX + 1))
    longest = bytes(SEALED_FILE_BYTES_MAX - 8 - 12 - 16 - 256)
    assert sealer().open("assignment", sealer().seal("assignment", longest)) == longest
