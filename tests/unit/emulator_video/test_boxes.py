"""The box splitter: the same fragments however the bytes come, and nothing else."""

import random

import pytest

from host_tools.emulator.video_boxes import BoxError, BoxSplitter


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


INIT = box(b"ftyp", b"iso5") + box(b"moov", bytes(700))
FIRST = box(b"moof", bytes(90)) + box(b"mdat", bytes(range(256)) * 40)
SECOND = box(b"sidx", bytes(36)) + box(b"moof", bytes(80)) + box(b"mdat", b"")


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_fragments_do_not_depend_on_how_bytes_arrive(seed: int | None) -> None:
    chance = random.Random(seed)
    splitter, stream, place, fragments = BoxSplitter(), INIT + FIRST + SECOND, 0, []
    while place < len(stream):
        step = 1 if seed is None else chance.randint(1, 3000)
        part = stream[place : place + step]
        assert splitter.write(part) == len(part)
        fragments += splitter.take()
        place += step
    assert fragments == [INIT, FIRST, SECOND]
    assert splitter.held_bytes() == 0


def test_a_torn_fragment_is_never_handed_out() -> None:
    splitter = BoxSplitter()
    splitter.write(INIT + FIRST[:-1])
    assert splitter.take() == [INIT]
    assert splitter.take() == []
    assert splitter.held_bytes() == len(FIRST) - 1


def test_memory_is_bounded() -> None:
    splitter = BoxSplitter(fragment_bytes_max=20_000)
    splitter.write(INIT)
    for _ in range(1000):
        splitter.write(box(b"free", bytes(1000)))
        assert splitter.held_bytes() <= 20_000
    assert splitter.take() == [INIT], "what was whole before is not lost"
    with pytest.raises(BoxError, match="larger than 20000 bytes: lower the bit rate"):
        splitter.take()


@pytest.mark.parametrize("size", [0, 1, 7])
def test_sizes_that_no_fragment_has_are_refused(size: int) -> None:
    splitter = BoxSplitter()
    splitter.write(size.to_bytes(4, "big") + b"mdat" + bytes(40))
    with pytest.raises(BoxError, match="no fragment has"):
        splitter.take()
