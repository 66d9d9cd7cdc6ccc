"""The trace of a scenario: what its controller's ports carried, over several starts, cut off where one was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.bench.trace import LINE_CHARACTERS_MAX, Trace
from host_tools.protocol.capture import CaptureFile

NOISE = b"MicroPython v1.26 on 2026-11-21; Raspberry Pi Pico\r\n"


def capture(path: Path, *pieces: bytes) -> None:
    file = CaptureFile(path, "test", iter(range(0, 10**9, 1_000_000)).__next__)
    recorder = file.recorder("dock-1", "/dev/ttyACM0")
    for piece in pieces:
        recorder.to_host(piece)
    recorder.note("pulled out")
    file.close()


@pytest.mark.req("HIL-02")
def test_all_captures_are_one_trace_and_a_torn_one_counts_as_far_as_it_goes(tmp_path: Path):
    capture(tmp_path / "1-1.pcapng", NOISE)
    capture(tmp_path / "2-1.pcapng", b"later" * 4, NOISE)
    torn = tmp_path / "2-1.pcapng"
    torn.write_bytes(torn.read_bytes()[:-30])
    trace = Trace(tmp_path)
    lines = trace.lines()
    assert len(trace.files()) == 2
    assert [line for line in lines if "pulled out" in line], lines
    assert any("noise" in line for line in lines)
    assert trace.counts()["noise"] >= 1
    assert trace.messages("identify") == []
    assert list(trace.entries("camera-9")) == []
    assert all(len(line) <= LINE_CHARACTERS_MAX for line in lines)


def test_a_long_trace_says_what_it_leaves_out(tmp_path: Path):
    file = CaptureFile(tmp_path / "1.pcapng")
    recorder = file.recorder("dock-1")
    for number in range(50):
        recorder.note(f"event {number}")
    file.close()
    lines = Trace(tmp_path).lines(limit=10)
    assert lines[0] == "(40 earlier lines left out)"
    assert len(lines) == 11
    assert "event 49" in lines[-1]


def test_nothing_recorded_is_an_empty_trace(tmp_path: Path):
    trace = Trace(tmp_path / "none")
    assert (trace.lines(), trace.files()) == ([], [])
    assert set(trace.counts().values()) == {0}
