"""From a failing plan to a small one: mishaps that are not needed for the failure are left out.

Law: pure over an oracle ("does this plan fail in the same way?"); delta debugging after Zeller and Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input" (2002). People's days stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host_tools.simulation.plan import Mishap, Plan

RUNS_MAX = 200  # then the smallest plan so far must do

Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails, told: Callable[[int, int], None] | None = None) -> Plan:
    """The smallest plan found that still fails; ``told`` hears of runs so far and mishaps left."""
    kept: Sequence[Mishap] = plan.mishaps
    runs, parts = 0, 2

    def still_fails(mishaps: Sequence[Mishap]) -> bool:
        nonlocal runs
        runs += 1
        if told is not None:
            told(runs, len(kept))
        return fails(plan.with_mishaps(mishaps))

    if kept and still_fails(()):
        return plan.with_mishaps(())
    while len(kept) > 1 and runs < RUNS_MAX:
        smaller = _without_one_part(kept, parts, still_fails, lambda: runs < RUNS_MAX)
        if smaller is not None:
            kept, parts = smaller, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return plan.with_mishaps(kept)


def _without_one_part(
    mishaps: Sequence[Mishap],
    parts: int,
    still_fails: Callable[[Sequence[Mishap]], bool],
    may_go_on: Callable[[], bool],
) -> Sequence[Mishap] | None:
    """The mishaps without the first part that is not needed; None if every part is."""
    for part in range(parts):
        start, stop = len(mishaps) * part // parts, len(mishaps) * (part + 1) // parts
        rest = [*mishaps[:start], *mishaps[stop:]]
        if not may_go_on():
            return None
        if stop > start and still_fails(rest):
            return rest
    return None
