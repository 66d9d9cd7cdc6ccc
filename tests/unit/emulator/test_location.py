"""A walk on the virtual bench: what the receiver says is in the manifest, and from indoors there is nothing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from firmware.formats import canonical, track
from firmware.formats.manifest import Manifest
from firmware.formats.track import DEGREE, Place
from host_tools.custody import belief
from host_tools.emulator.truth import SaidPlace
from host_tools.simulation.sealing import SimBelief
from tests.unit.emulator.fault_shows import record
from tests.unit.emulator.virtual import Bench, virtual_bench
from tests.unit.trust.parts import World as TrustWorld

HALF_STEP = 2e-7  # degrees: what the sentences' decimals leave open


def set_location(bench: Bench, word: str) -> None:
    """By the camera's profile."""
    settings = {"profile": "walk", "settings": canonical.encode({"location": word})}
    bench.do(lambda: bench.app().behaviour.handlers()["configure"](settings))


def noted(bench: Bench) -> list[Place]:
    """In the last recording, as its system reads it."""
    outcome = bench.app().last_outcome
    assert outcome is not None
    assert outcome.manifest is not None
    return places_of(outcome.manifest)


def places_of(closed: Manifest) -> list[Place]:
    opener = SimBelief(TrustWorld().trust).opener_of(closed)
    return [place for entry in belief.known(closed, opener).track for place in track.unpack(entry.places)]


def said(bench: Bench, number: int = -1) -> list[SaidPlace]:
    """What its receiver said meanwhile."""
    return [SaidPlace(*each) for each in bench.bench.truth.lines()[number].get("places", [])]


@pytest.mark.req("CAM-09", "EMU-02")
def test_a_walk_is_in_the_manifest_point_for_point_and_the_house_is_a_gap(tmp_path: Path):
    """Seven minutes into the walk a building is entered, and left a minute and a half later."""
    with virtual_bench(tmp_path) as bench:
        set_location(bench, "undocked")
        bench.run(380)
        record(bench, 140)
        places, truth = noted(bench), said(bench)
        assert len(truth) - 3 <= len(places) <= len(truth)
        known = {each.unix_ms: each for each in truth}
        for place in places:
            assert place.latitude / DEGREE == pytest.approx(known[place.unix_ms].latitude, abs=HALF_STEP)
            assert place.longitude / DEGREE == pytest.approx(known[place.unix_ms].longitude, abs=HALF_STEP)
        pauses_s = [(after.at_ms - before.at_ms) / 1000 for before, after in pairwise(places)]
        (house_s,) = [pause_s for pause_s in pauses_s if pause_s > 2]
        assert 88 < house_s < 96, "and nothing was made up for it"


@pytest.mark.req("CAM-09")
def test_in_its_bay_and_without_the_profile_there_is_no_place(tmp_path: Path):
    with virtual_bench(tmp_path) as bench:
        bench.run(5)
        record(bench, 5)
        assert said(bench), "the receiver talks"
        assert noted(bench) == [], "and nobody notes it"
        set_location(bench, "recording")
        bench.do(lambda: bench.bench.put_in("camera-2", "dock-1", 2))
        bench.run(2)
        receiver = bench.camera().gnss
        assert receiver is not None
        receiver.line.look()
        assert receiver.line.heard[-1].fix is None


@pytest.mark.req("CAM-09", "EMU-02")
def test_a_battery_that_was_out_costs_a_hot_start_and_no_place_is_made_up(tmp_path: Path):
    with virtual_bench(tmp_path) as bench:
        set_location(bench, "recording")
        bench.run(20)
        bench.inject("camera-2", "power", "brownout")
        bench.wait(lambda: bench.camera().emulated.is_on and bench.app().state == "ready", 10)
        record(bench, 8)
        places = noted(bench)
        assert 3 <= len(places) <= len(said(bench))


def test_location_off_is_looked_at_no_oftener(tmp_path: Path):
    """Nothing ticks where nobody notes places."""
    steps: list[int] = []
    for word in ("off", "recording"):
        with virtual_bench(tmp_path) as bench:
            set_location(bench, word)
            before = bench.camera().emulated.steps
            bench.run(60)
            steps.append(bench.camera().emulated.steps - before)
    assert steps[0] == steps[1]
