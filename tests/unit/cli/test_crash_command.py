"""``bwc crash``: one cut as a failure prints it, and what it says of one that is none."""

import pytest
from rich.console import Console

from host_tools.cli import crash_commands
from host_tools.simulation.cuts.model import Cut
from host_tools.simulation.cuts.sweep import Failure, Tally
from tests.unit.cli.parts import Bwc


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bwc:
    return Bwc(monkeypatch, capsys)


def test_one_cut(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_commands, "console", Console(width=200))
    ended = bwc("crash", "--cut", "camera record while full 12 inside 3")
    assert ended.code == 0
    first, second = ended.out.splitlines()
    assert first.startswith("inside write recordings/")
    assert second == "every promise holds"


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ("camera fly 1 inside 1", ("no scenario camera fly", "camera record")),
        ("record 12", ("record 12", "SIDE SCENARIO")),
        ("camera record 9999 inside 1", ("operations 0 to", "before, inside, after, block")),
        ("controller erase 1 block 1", ("phases before, inside, after",)),
    ],
)
def test_a_cut_that_is_none(bwc: Bwc, cut: str, words: tuple[str, ...]) -> None:
    bwc("crash", "--cut", cut).must_be_one_line(*words)


def test_the_table_names_what_broke_and_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_commands, "console", console := Console(record=True, width=200))
    sound = Tally("offload", "controller", operations=10, cuts=30)
    failure = Failure(Cut("record", "camera", 7, "after", 3), "nothing acknowledged is lost: it is gone")
    broken = Tally("record", "camera", operations=5, cuts=20, failures=[failure])
    crash_commands.show([broken, sound])
    shown = console.export_text()
    assert "bwc crash --cut" in shown
    assert "camera record 7 after 3" in shown
    (total,) = [line for line in shown.splitlines() if " all " in line]
    assert [word for word in total.split() if word.isdigit()] == ["15", "50", "1"]
