"""The page about a run: whole in one file, nothing fetched, nothing that a board says taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from host_tools.bench.measurements import in_range, judge
from host_tools.bench.records import Phase, Run, Unit
from host_tools.bench.report_html import Page, Scenario, bar, page, verdict

EVIL = "<script>alert('x')</script>"
VOID = {"meta", "br", "rect"}


class Reader(HTMLParser):
    """Tags that are open, tags that were seen, and whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def content(*scenarios: Scenario) -> Page:
    unit = Unit("CAM-1", EVIL, "pi_zero_2w_camera", "0.1.0", [Phase("a", "failed", 0, 1)])
    return Page(
        Run("lab", 42, 0, "hardware", "pc"), 60_000, scenarios, {f"needs {EVIL}": ["test_b"]}, (unit,), "pytest"
    )


FAILED = Scenario(
    "hil_tests/test_a.py::test_it[camera-1]",
    "failed",
    12.5,
    ("camera-1 CAM-1",),
    ("LINK-05",),
    (("CAM-1", judge("loop", 141.0, "mΩ", in_range(0, 120, marginal_maximum=60))),),
    f"AssertionError: {EVIL}",
    (("controller", "said this"), ("wire", f"17:00 camera-1 host → board identify /1 {EVIL}")),
    42,
)


@pytest.mark.req("HIL-02")
def test_a_failed_scenario_carries_its_seed_its_logs_and_its_wire():
    text = page(content(Scenario("test_good", "passed", 1.0), FAILED))
    failed = text[text.index("test_a.py") :]
    assert text.index("test_a.py") < text.index("test_good"), "the worst first"
    assert "Seed <b>42</b>" in failed
    assert "identify /1" in failed
    assert failed.index("Wire, decoded") < failed.index("said this")
    assert re.search(r"<details open><summary><span class=\"badge failed\">", text)
    assert "LINK-05" in text
    assert "1 failed" in text


def test_the_page_is_whole_and_fetches_nothing():
    reader = Reader()
    reader.feed(page(content(FAILED)))
    assert reader.open == []
    assert reader.fetched == []
    assert {"script", "link", "img", "iframe"} & set(reader.seen) == set()
    assert "url(" not in page(content(FAILED))
    assert "@import" not in page(content(FAILED))


def test_a_verdict_is_two_words():
    assert verdict(content()) == "nothing ran"
    assert verdict(content(Scenario("a", "skipped", 0))) == "nothing ran"
    assert verdict(content(Scenario("a", "passed", 0), Scenario("b", "skipped", 0))) == "all passed"
    assert verdict(content(FAILED, Scenario("b", "error", 0))) == "2 failed"


def test_a_bar_shows_a_value_beyond_its_limits_at_the_edge():
    limits = in_range(0, 100)
    places = [float(found) for found in re.findall(r'<rect x="([0-9.]+)" y="0"', bar(50, limits) + bar(1e9, limits))]
    assert places == [pytest.approx(78.5), pytest.approx(158.5)]
    assert bar(1.0, in_range(minimum=3)) == ""
