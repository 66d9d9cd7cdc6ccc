"""The order of a distributed run: nothing is lost, nothing that takes long begins last."""

from tests.dealing import LONG, dealt
from tests.house import tree

FILES = {f"tests/unit/room/test_{count}.py": [f"{count}-{n}" for n in range(count)] for count in range(1, 61)}
SCENARIOS = {f"hil_tests/test_{count}.py": [f"scenario {count}-{n}" for n in range(count)] for count in range(1, 11)}


def test_every_test_is_dealt_once_and_files_stay_whole():
    files = FILES | SCENARIOS | {LONG[0]: ["long"]}
    order = dealt(files, 2)
    assert sorted(order) == sorted(item for items in files.values() for item in items)
    for items in files.values():
        begin = order.index(items[0])
        assert order[begin : begin + len(items)] == items


def test_long_files_and_two_scenarios_begin_and_no_scenario_is_left_for_the_end():
    order = dealt(FILES | SCENARIOS | {LONG[0]: ["long"], LONG[1]: ["long too"]}, 2)
    scenarios = [place for place, item in enumerate(order) if item.startswith("scenario")]
    first_two = [f"scenario {count}-{n}" for count in (10, 9) for n in range(count)]
    assert order[: len(first_two)] == first_two
    assert order[len(first_two) : len(first_two) + 2] == ["long", "long too"]

    assert order[-1] == "1-0", "the smallest file is last"
    files_after = {item.partition("-")[0] for item in order[scenarios[-1] + 1 :]}
    assert len(files_after) >= len(FILES) // 3


def test_long_files_are_there():
    assert [name for name in LONG if not (tree.ROOT / name).is_file()] == []
