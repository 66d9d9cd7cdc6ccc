"""From the tap to the lamp: under 300 ms, on virtual time with modelled serial timing. All figures: the benchmark."""

from __future__ import annotations

import pytest

from benchmarks.tap_bench import LIMIT_MS, measure, summary


@pytest.mark.req("RFID-02")
def test_a_tap_is_a_lamp_in_under_300_ms():
    found = measure(taps=16, seed=11)
    figures = summary(found)
    print("seed 11:", figures)
    assert figures["camera_ms"]["worst"] < LIMIT_MS
    assert figures["bay_ms"]["worst"] < LIMIT_MS
    assert figures["reader_ms"]["median"] > 50, "the serial line and the search take their time"
