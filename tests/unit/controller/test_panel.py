"""The controller's two lamps."""

from __future__ import annotations

import pytest

from host_tools.controller.panel import PanelFacts, panel

FINE = PanelFacts(False, False, False, False)


@pytest.mark.req("CTRL-23", "CTRL-08")
@pytest.mark.parametrize(
    ("changes", "status", "storage"),
    [
        ({}, "green", "green"),
        ({"storage_busy": True}, "green", "green flashing"),
        ({"storage_low": True}, "amber", "green"),
        ({"destination_lost": True}, "red", "green"),
        ({"storage_failed": True, "storage_busy": True}, "red", "red"),
        ({"destination_lost": True, "storage_low": True}, "red", "green"),
    ],
)
def test_the_worst_shows(changes: dict[str, bool], status: str, storage: str):
    assert panel(FINE._replace(**changes)) == {"status": status, "storage": storage}
