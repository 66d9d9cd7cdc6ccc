"""Every code that an alert may be told by has its text in the catalogue, the texts ask for no value that is not given,
and there is no text that nothing says."""

from __future__ import annotations

import re
import string
import tomllib
from itertools import product
from pathlib import Path

import pytest

from host_tools.controller.alert_rules import CameraFacts, Facts, alerts_of, of_page
from host_tools.controller.contact_alerts import (
    EMPTY_REMEDIES,
    QUANTITIES,
    Part,
    details_of,
    named_by_cases,
    named_by_wear,
    remedies,
)
from host_tools.system.alert_texts import ENGLISH, FOLDER, Saying, catalogue
from host_tools.system.alerts import KINDS, Alert, remedies_of
from host_tools.system.contact_wear import SEEN_MIN, Seating

ROOT = Path(__file__).parents[3]
NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
CODE = re.compile(r"""["'](?:detail|contact|beyond|part|swap|lacks|remedy)\.[a-z_]+["']""")
FOLDERS = ("directory evidence", "swift https://evidence.example")


def named(code: str) -> set[str]:
    """The names of a code's texts: one, or one for one and one for more."""
    return {name for name in catalogue() if name == code or name in (f"{code}.one", f"{code}.other")}


def of_table() -> list[Saying]:
    """All that the table of kinds can say."""
    said = [Saying(f"alert.{kind}.{part}") for kind in KINDS for part in ("title", "meaning")]
    return said + [step for kind in KINDS for device in FOLDERS for step in remedies_of(kind, device)]


def of_contacts() -> list[Saying]:
    """All that measurements of a bay can say."""
    row = {"quantity": "", "value": 402_396, "low": 0, "high": 60_000, "unit": "uOhm"}
    rows = [row | {"quantity": each, "low": low} for each in (*QUANTITIES, "glow") for low in (0, 500_000)]
    said = [details_of(each, "D", 2) for each in rows]
    parts = [named_by_cases(cases, "D", 2, camera) for cases, camera in product(CASES, ("CAM-1", ""))]
    parts += [named_by_wear(seatings, "D", 2, "CAM-1") for seatings in HISTORIES]
    parts += [Part("", Saying("part.battery_or_camera"))]
    return [
        *said,
        *EMPTY_REMEDIES,
        *(step for part in parts for camera in ("CAM-1", "") for step in remedies(camera, part)),
    ]


def of_rules() -> list[Saying]:
    """All that rules say by a code."""
    empty = CameraFacts("CAM-1", battery_percent=0)
    found = alerts_of(Facts(NOW_MS, (empty,), {"CAM-8": NOW_MS + 1, "CAM-9": NOW_MS + 3 * DAY_MS}))
    found |= of_page("own", NOW_MS + DAY_MS, NOW_MS)
    return [details for details in found.values() if isinstance(details, Saying)]


def with_parts(saying: Saying) -> list[Saying]:
    """And those that are values of it."""
    inner = [value for value in saying.values.values() if isinstance(value, Saying)]
    return [saying, *(each for value in inner for each in with_parts(value))]


def worn(bay: float, camera: float) -> list[Seating]:
    """Enough dockings of four bays and four cameras, of which D/2 and CAM-1 are as bad as that."""
    pairs = list(product(range(1, 5), range(1, 5))) * 6
    return [Seating(f"D/{b}", f"CAM-{c}", 42 + (b + c) % 3 + bay * (b == 2) + camera * (c == 1)) for b, c in pairs]


CASES = ([], [("D/2", "CAM-7")], [("D/9", "CAM-1")], [("D/2", "CAM-7"), ("D/9", "CAM-1")])
ELSEWHERE = [Seating(f"D/{bay}", f"CAM-{camera}", 42.0) for bay in (7, 8) for camera in (7, 8)] * 6
HISTORIES = (
    worn(0, 0),
    worn(60, 0),
    worn(0, 60),
    worn(60, 60),
    [],
    [Seating("D/2", "CAM-1", 90.0)],
    [Seating("D/2", "CAM-1", 90.0)] * SEEN_MIN,
    [*ELSEWHERE, Seating("D/2", "CAM-7", 150.0), Seating("D/7", "CAM-1", 150.0)],
    [*worn(0, 0), *([Seating("D/2", "CAM-1", 60.0)] * 2)],
)


def test_every_kind_and_every_step_has_its_texts():
    for saying in of_table():
        assert named(saying.code) == {saying.code}, saying.code


def test_every_code_in_the_sources_has_a_text():
    sources = [path.read_text(encoding="utf-8") for room in ("system", "controller") for path in _python(room)]
    codes = {code.strip("\"'") for source in sources for code in CODE.findall(source)}
    assert len(codes) > 15, "the sources were not found"
    assert not {code for code in codes if not named(code)}


@pytest.mark.req("CTRL-12")
def test_each_is_told_whole_and_nothing_in_the_catalogue_is_never_told():
    said = [each for saying in (*of_table(), *of_contacts(), *of_rules()) for each in with_parts(saying)]
    for saying in said:
        assert "{" not in saying.text()
        for name in named(saying.code):
            asked = {field for _, field, _, _ in string.Formatter().parse(catalogue()[name]) if field}
            assert asked <= set(saying.values), (name, asked - set(saying.values))
    never = set(catalogue()) - {name for saying in said for name in named(saying.code)}
    assert never <= RARE, never


# Said of histories that are tedious to make: that they exist is shown by the sources.
RARE = {"lacks.too_close", "lacks.no_other", "swap.camera_elsewhere", "swap.another_elsewhere"}


def test_numbers_choose_their_text():
    assert Saying("detail.days_left", {"n": 1}).text() == "1 day is left"
    assert Saying("detail.days_left", {"n": 3}).text() == "3 days are left"
    with pytest.raises(KeyError):
        Saying("detail.days_left", {}).text()


def test_an_alert_travels_with_codes_beside_its_english():
    plain = Alert(1, "docking_issue", "CAM-1", "as it was told", NOW_MS).plain()
    assert plain["words"] == {
        "details": None,
        "remedies": [{"code": f"remedy.{step}", "values": {}} for step in ("reseat", "clean", "known_good_bay")],
    }
    assert plain["remedies"] == [catalogue()[each["code"]] for each in plain["words"]["remedies"]]
    nested = Saying("part.undecided", {"swap": Saying("swap.crosswise_any", {"dock": "D", "bay": 2})})
    assert nested.plain()["values"]["swap"] == {"code": "swap.crosswise_any", "values": {"dock": "D", "bay": 2}}
    assert nested.text() == "Undecided: dock another camera in bay 2 of D, and this one elsewhere."


def test_other_languages_have_no_text_that_english_has_not():
    assert ENGLISH.parent == FOLDER
    for path in FOLDER.glob("*.toml"):
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= set(tomllib.loads(ENGLISH.read_text("utf-8")))


def _python(room: str) -> list[Path]:
    return sorted((ROOT / "host_tools" / room).glob("*.py"))
