"""Both ends of every link here go by the wall clock."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def patient(patient_links: None) -> None:
    """Neither takes a busy machine for a board that is gone."""
