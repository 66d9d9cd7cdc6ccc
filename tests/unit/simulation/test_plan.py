"""Plans: data from a seed."""

from host_tools.simulation.mishaps import EFFECTS
from host_tools.simulation.plan import MS_PER_H, RATES, Days, Mishap, Plan, make_plan
from host_tools.simulation.shrink import shrink


def test_a_seed_has_one_plan() -> None:
    assert make_plan(5, 3, 48, "heavy") == make_plan(5, 3, 48, "heavy")
    assert make_plan(5, 3, 48, "heavy") != make_plan(6, 3, 48, "heavy")


def test_mishaps_leave_peoples_days_alone() -> None:
    assert make_plan(5, 3, 48, "heavy").actions == make_plan(5, 3, 48, "none").actions
    assert make_plan(5, 3, 48, "none").mishaps == ()


def test_every_kind_of_mishap_occurs_and_is_in_time() -> None:
    assert set(RATES) == set(EFFECTS)
    plan = make_plan(5, 16, 24 * 14, "heavy")
    assert {mishap.kind for mishap in plan.mishaps} == set(EFFECTS)
    assert all(0 <= mishap.at_ms < plan.end_ms for mishap in plan.mishaps)
    assert len(plan.mishaps) > 10 * len(make_plan(5, 16, 24 * 14, "light").mishaps) / 2


def test_everybody_wears_somebody_elses_camera_the_next_day() -> None:
    taken = [action for action in make_plan(5, 3, 72, "none").actions if action.verb == "take"]
    assert {(action.camera, action.who) for action in taken} == {(c, w) for c in range(3) for w in range(3)}


def test_a_short_run_is_one_short_day() -> None:
    plan = make_plan(5, 1, 2, "none", Days(clumsy_percent=0))
    verbs = [action.verb for action in plan.actions if action.verb != "bookmark"]
    assert verbs[0] == "take"
    assert verbs[-1] == "dock"
    assert verbs.count("record") == 6
    assert plan.end_ms == 2 * MS_PER_H


def numbered(count: int) -> Plan:
    return Plan(1, 1, 1, (), tuple(Mishap(n, "link_cut", 0, 1, 0) for n in range(count)))


def test_the_shrinker_keeps_what_a_failure_needs_and_no_more() -> None:
    needed = {3, 17}

    def fails(plan: Plan) -> bool:
        return needed <= {mishap.at_ms for mishap in plan.mishaps}

    assert {mishap.at_ms for mishap in shrink(numbered(40), fails).mishaps} == needed


def test_the_shrinker_says_so_when_no_mishap_is_needed() -> None:
    assert shrink(numbered(40), lambda plan: True).mishaps == ()


def test_the_shrinker_gives_up_in_time_and_still_holds_a_failure() -> None:
    runs = 0

    def fails(plan: Plan) -> bool:
        nonlocal runs
        runs += 1
        return sum(mishap.at_ms for mishap in plan.mishaps) * 7919 % 101 < 60 or len(plan.mishaps) == 300

    small = shrink(numbered(300), fails)
    assert runs <= 202
    assert fails(small)
