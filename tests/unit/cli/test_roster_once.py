"""A roster file is imported when it is new, and never turns back what people have changed since."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.cli.domain import opened_system
from host_tools.controller.settings import Settings
from host_tools.system.records import FixedAssignment

ROSTER = """
[[wearer]]
id = "W-1"
name = "Ada"

[[wearer]]
id = "W-2"
name = "Eve"

[[assignment]]
camera = "CAM-0001"
wearer = "W-1"

[[assignment]]
camera = "CAM-0002"
wearer = "W-1"
"""


def whose(settings: Settings) -> dict[str, str]:
    """At the next start."""
    with opened_system(settings, {}) as system:
        return {camera: each.wearer for camera, each in system.assignments.items()}


@pytest.mark.req("CTRL-05")
def test_a_restart_gives_no_camera_back_to_whom_it_was_taken_from(tmp_path: Path):
    file = tmp_path / "roster.toml"
    file.write_text(ROSTER, encoding="utf-8")
    settings = Settings(folder=tmp_path, roster=file)
    assert whose(settings) == {"CAM-0001": "W-1", "CAM-0002": "W-1"}
    with opened_system(settings, {}) as system, system.change("ada", 1) as edit:
        edit.put(FixedAssignment(camera="CAM-0001", wearer="W-2"))
        edit.remove("assignment", "CAM-0002")
    assert whose(settings) == {"CAM-0001": "W-2"}
    file.write_text(ROSTER + "\n# changed by its owner: now it counts again\n", encoding="utf-8")
    assert whose(settings) == {"CAM-0001": "W-1", "CAM-0002": "W-1"}
