"""A sample of the sweep that leaves nothing out: every scenario, every kind of operation, every phase.

``OPENBWC_CRASH_SEED`` takes another sample, as ``OPENBWC_EXPLORE=1`` does in every run. All cuts: ``make crash``.
"""

import os
import random

import pytest

from host_tools.simulation.cuts import sweep
from host_tools.simulation.cuts.model import BLOCK, BLOCK_KINDS, MOMENTS, PHASES, Scenario

SEED_VARIABLE = "OPENBWC_CRASH_SEED"
SEED = int(os.environ.get(SEED_VARIABLE) or (random.randrange(1 << 30) if os.environ.get("OPENBWC_EXPLORE") else 1))
RECOVERIES = 6
# What the issue asks for, and what a medium can be asked to do.
CAMERA = {"record", "record while full", "erase", "recover"}
CAMERA |= {f"whole: {word}" for word in ("adopt", "record", "offload", "undock mid-offload", "erase", "recover")}
CONTROLLER = {"offload", "offload while full", "undock mid-offload", "deliver", "erase", "recover"}
CONTROLLER |= {f"whole: {word}" for word in ("adopt", "offload", "undock mid-offload", "deliver", "erase", "recover")}
KINDS = {"create", "write", "truncate", "sync", "rename", "remove", "make_folder", "remove_folder", "sync_folder"}
SCENARIOS = sweep.all_scenarios(RECOVERIES)


@pytest.mark.req("CAM-19", "CAM-21", "CTRL-08", "CTRL-09", "LINK-05")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[f"{each.side} {each.name}" for each in SCENARIOS])
def test_no_promise_breaks(scenario: Scenario) -> None:
    print(f"{SEED_VARIABLE}={SEED}")
    operations = scenario.rehearse()
    tally = sweep.try_cuts(scenario, operations, sweep.sample_of(scenario, operations, SEED))
    broken = [f"{failure.text}: {sweep.how_to_repeat(failure.cut)}" for failure in tally.failures]
    assert not broken, "\n".join(broken)
    if scenario.is_costly:
        assert set(tally.phases) == set(scenario.phases)
        return
    wanted = {(each.kind, phase) for each in operations for phase in scenario.phases}
    assert tally.cuts == len({pair for pair in wanted if pair[1] != BLOCK or pair[0] in BLOCK_KINDS})


def test_the_sample_leaves_nothing_out() -> None:
    assert {sweep.base_name(each) for each in SCENARIOS if each.side == "camera"} == CAMERA
    assert {sweep.base_name(each) for each in SCENARIOS if each.side == "controller"} == CONTROLLER
    for side, kinds, phases in (("camera", KINDS, PHASES), ("controller", KINDS | {"commit"}, MOMENTS)):
        found = {
            (operation.kind, phase)
            for each in SCENARIOS
            if each.side == side and not each.is_costly
            for operation in each.rehearse()
            for phase in each.phases
        }
        assert {kind for kind, _ in found} == kinds
        assert {phase for _, phase in found} == set(phases)


def test_a_scenario_is_the_same_every_time() -> None:
    for scenario in SCENARIOS:
        if not scenario.is_costly:  # their rehearsals are kept; a cut that does not come again is a failure of its own
            assert scenario.rehearse() == scenario.rehearse()


def test_a_cut_can_be_asked_for_by_what_it_prints() -> None:
    for scenario in SCENARIOS:
        (cut, *_) = sweep.sample_of(scenario, scenario.rehearse(), SEED)
        assert sweep.parse_cut(str(cut)) == cut
        assert sweep.find(cut.side, cut.scenario).name == scenario.name
    with pytest.raises(sweep.NoSuchCut, match="no scenario camera offload: there are camera erase"):
        sweep.find("camera", "offload")
    with pytest.raises(sweep.NoSuchCut, match="write SIDE SCENARIO"):
        sweep.parse_cut("camera record 12")
