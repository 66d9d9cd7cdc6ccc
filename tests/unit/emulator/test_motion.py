"""A wearer's movements on the bench, and what the camera's firmware makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.errors import BenchError, FaultUnsupported
from tests.unit.emulator.fault_shows import watch_for_falls
from tests.unit.emulator.rig import WITH_MOTION
from tests.unit.emulator.virtual import virtual_bench


@pytest.mark.req("CAM-11", "EMU-03")
def test_a_fall_starts_a_recording_and_the_manifest_says_so(tmp_path: Path):
    with virtual_bench(tmp_path, plan=WITH_MOTION) as bench:
        bench.wait(lambda: bench.app().state == "ready", 5)
        watch_for_falls(bench)
        for activity, seconds in (("running", 8), ("sitting", 8), ("walking", 4)):
            bench.do(lambda activity=activity: bench.bench.move("camera-2", activity))
            bench.run(seconds)
            assert bench.app().state == "ready", activity
        bench.do(lambda: bench.bench.move("camera-2", "fall"))
        bench.wait(lambda: bench.app().state == "recording", 6)
        bench.run(3)
        bench.press(4.0)
        bench.wait(lambda: bench.app().last_outcome is not None, 15)
        outcome = bench.app().last_outcome
        assert outcome is not None
        assert outcome.manifest is not None
        assert (outcome.manifest.cause_start, outcome.manifest.cause_stop) == ("fall", "button")
        bench.run(30)
        assert bench.app().state == "ready", "one fall, one recording: the wearer still lies there"


@pytest.mark.req("CAM-11")
def test_without_the_profiles_setting_the_sensor_sleeps_and_a_fall_is_nothing(tmp_path: Path):
    with virtual_bench(tmp_path, plan=WITH_MOTION) as bench:
        bench.wait(lambda: bench.app().state == "ready", 5)
        bench.run(5)
        before = bench.camera().emulated.steps
        bench.do(lambda: bench.bench.move("camera-2", "fall"))
        bench.run(60)
        assert bench.app().state == "ready"
        assert bench.camera().emulated.steps - before < 20, "nothing asks a sensor that nobody wants to know of"


@pytest.mark.req("CAM-11", "CAM-26")
def test_a_motion_sensor_that_is_lost_is_a_line_of_the_usage_log(tmp_path: Path):
    with virtual_bench(tmp_path, plan=WITH_MOTION) as bench:
        bench.wait(lambda: bench.app().state == "ready", 5)
        watch_for_falls(bench)
        bench.inject("camera-2", "imu", "off")
        bench.run(150)
        _, page = bench.app().usage.handlers()["get_usage"]({"log": b"", "after": 0})
        faults = [entry["cause"] for entry in page["entries"] if entry["cause"]]
        assert faults == ["motion_sensor"], "once, however often it is tried again"
        bench.press()
        bench.wait(lambda: bench.app().state == "recording", 2)


def test_what_cannot_be_moved_says_why(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False, plan=WITH_MOTION) as bench:
        hands = bench.bench
        with pytest.raises(BenchError, match=r"nobody can be fal; did you mean fall\?"):
            bench.do(lambda: hands.move("camera-2", "fal"))
        with pytest.raises(FaultUnsupported, match="camera-1 is a pi_zero_2w_camera and has no motion sensor"):
            bench.do(lambda: hands.move("camera-1", "walking"))
        bench.do(lambda: hands.put_in("camera-2", "dock-1", 5))
        with pytest.raises(BenchError, match="camera-2 is in bay 5 of dock-1, worn by nobody; take it out first"):
            bench.do(lambda: hands.move("camera-2", "walking"))
        shown = hands.state()["cameras"]
        assert (shown["camera-1"]["motion"], shown["camera-2"]["motion"]["activity"]) == (None, "docked")
        bench.do(lambda: hands.take_out("camera-2"))
        assert hands.state()["cameras"]["camera-2"]["motion"]["activity"] == "standing"
