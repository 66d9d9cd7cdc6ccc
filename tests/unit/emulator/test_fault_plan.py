"""Plans of faults: read, refused, played, played again."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.bench_file import BenchFileError
from host_tools.emulator.fault_plan import parse_plan, read_plan
from tests.unit.emulator.test_faults import WITH_READER
from tests.unit.emulator.virtual import virtual_bench

PLAN = """
seed = 11

[[fault]]
at_s = 1.0
board = "camera-1"
component = "link"
type = "bitflip"
for_s = 2.5
jitter_s = 1.0

[[fault]]
at_s = 2.0
board = "dock-1"
component = "card"
type = "off"

[[fault]]
at_s = 4.0
board = "camera-2"
component = "power"
type = "brownout"
every_s = 10.0
"""


@pytest.mark.req("EMU-04", "EMU-05")
def test_a_plan_is_played_on_the_benchs_time_and_the_same_seed_plays_the_same(tmp_path: Path):
    runs = [play(tmp_path / name, PLAN) for name in ("one", "two")]
    assert runs[0] == runs[1]
    assert play(tmp_path / "three", PLAN.replace("seed = 11", "seed = 12")) != runs[0]
    told = [(round(at_s, 1), component, kind) for at_s, component, kind, _outcome in runs[0]]
    assert [each[1:] for each in told] == [
        ("link", "bitflip"),
        ("card", "off"),
        ("power", "brownout"),
        ("link", "ok"),
        ("power", "brownout"),
        ("power", "brownout"),
    ]
    assert 1.0 <= told[0][0] <= 2.0
    assert told[3][0] == pytest.approx(told[0][0] + 2.5, abs=0.1)
    assert [each[0] for each in told if each[1] == "power"] == [4.0, 14.0, 24.0]
    outcomes = {component: outcome for _at_s, component, _kind, outcome in runs[0]}
    assert outcomes["link"] == "done"
    assert outcomes["card"].startswith("unsupported: dock-1 is a dock and has no card")


def play(folder: Path, text: str) -> list[tuple[float, str, str, str]]:
    """What a plan did within half a minute."""
    with virtual_bench(folder, ready=False) as bench:
        assert bench.do(lambda: bench.bench.play(text)) == 3
        bench.run(30)
        return [(each.at_s, each.fault.component, each.fault.type, each.outcome) for each in bench.bench.played]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('component = "link"', 'component = "lnik"', "plan:7: fault 1: no component lnik; did you mean link?"),
        ('"bitflip"', '"bitflop"', "plan:8: fault 1: no fault type bitflop; did you mean bitflip?"),
        (
            'type = "off"',
            'type = "unplug"',
            "plan:16: fault 2: unsupported: card cannot be unplug; it can be off, stuck",
        ),
        ("for_s", "fro_s", "plan:9: fault 1: unknown key fro_s; did you mean for_s?"),
        ("at_s = 2.0", "at_s = -1", "plan:13: fault 2: at_s: -1 is less than 0: 0 or more"),
        ('board = "dock-1"', "", "plan:12: fault 2: board is missing; add it"),
        ("seed = 11", "sed = 11", "plan:2: unknown key sed; did you mean seed?"),
        ("seed = 11", "seed = = 11", "plan:2: not TOML: invalid value; correct this line"),
    ],
)
def test_what_is_wrong_with_a_plan_is_one_line(old: str, new: str, words: str):
    assert old in PLAN
    with pytest.raises(BenchFileError) as caught:
        parse_plan(PLAN.replace(old, new, 1))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plan_is_read_from_a_file_that_is_named_when_it_is_wrong(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    assert len(read_plan(path).fault) == 3
    with pytest.raises(BenchFileError, match=r"nothing\.toml: cannot be read .*; name an existing plan"):
        read_plan(tmp_path / "nothing.toml")


OVERLAPPING = """
[[fault]]
at_s = 1.0
board = "reader-1"
component = "reader"
type = "slow"
for_s = 2.0

[[fault]]
at_s = 2.0
board = "reader-1"
component = "reader"
type = "bitflip"
for_s = 4.0

[[fault]]
at_s = 4.0
board = "dock-1"
component = "reader"
type = "off"
for_s = 1.0
"""


@pytest.mark.req("EMU-04")
def test_a_fault_that_is_over_leaves_the_others_of_its_component_on(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False, plan=WITH_READER) as bench:
        bench.do(lambda: bench.bench.play(OVERLAPPING))
        bench.run(5)
        assert [each["type"] for each in bench.bench.faults.active()] == ["bitflip"]
        bench.run(5)
        assert bench.bench.faults.active() == []
        told = [(each.fault.type, each.outcome.partition(":")[0]) for each in bench.bench.played]
    assert told == [("slow", "done"), ("bitflip", "done"), ("ok", "done"), ("off", "unsupported"), ("ok", "done")]
