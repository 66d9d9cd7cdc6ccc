"""The requirements catalogue is whole, and tests mark only what is in it."""

from collections import Counter

import pytest

from host_tools.bench.requirements import LANES, load_catalogue
from tests.house import markers, tree

CATALOGUE = load_catalogue(tree.ROOT / "docs/requirements.md")
KNOWN = {requirement.id for requirement in CATALOGUE}
SECTIONS = {
    "LINK": 9, "DOCK": 8, "CAM": 28, "RFID": 5, "CTRL": 29, "DEST": 12, "LIVE": 12, "ASST": 5, "EMU": 7, "HIL": 4
}  # fmt: skip


def strangers(text: str) -> list[str]:
    """Marked IDs that the catalogue does not know."""
    return [
        f"{line}: {identity} is not in docs/requirements.md"
        for line, identity in markers.marked_requirements(text)
        if identity not in KNOWN
    ]


def test_no_requirement_was_lost():
    """Numbers are never given twice and never taken back, so sections only grow at their end."""
    counts = Counter(requirement.id.partition("-")[0] for requirement in CATALOGUE)
    for section, least in SECTIONS.items():
        numbers = [requirement.id for requirement in CATALOGUE if requirement.id.startswith(section + "-")]
        assert counts[section] >= least
        assert numbers == [f"{section}-{number:02d}" for number in range(1, counts[section] + 1)]


def test_every_requirement_stands_in_its_own_section():
    headings = {row.id: row.section.partition(" — ")[0].split(", ") for row in CATALOGUE}
    assert [identity for identity, heading in headings.items() if identity.partition("-")[0] not in heading] == []


def test_every_lane_is_meant_for_something():
    assert {lane for row in CATALOGUE for lane in row.lanes} == set(LANES)


def test_every_marker_names_a_requirement():
    tree.hold(tree.python_files("tests", "hil_tests"), strangers)


def test_there_are_markers():
    assert any(True for path in tree.python_files("tests") for _ in markers.marked_requirements(tree.read(path)))


@pytest.mark.parametrize("identity", ["LINK-99", "LINK-1", "link-01"])
def test_a_stranger_is_seen(identity: str):
    marker = "@pytest.mark." + f"req('{identity}')\ndef test_x():\n    pass\n"
    assert len(strangers(marker)) == 1
