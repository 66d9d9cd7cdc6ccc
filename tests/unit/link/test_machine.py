"""Two sessions over a line with every fault there is, in any order: hypothesis looks for an order that breaks them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.link.machine import TwoSessions

EXAMPLES = 200
STEPS = 60


@pytest.mark.req("LINK-02", "LINK-03")
def test_no_order_of_faults_breaks_two_sessions():
    run_state_machine_as_test(
        TwoSessions,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
