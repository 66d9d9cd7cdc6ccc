"""For all tests here: how hypothesis runs, and how a distributed run is dealt out. What a test leaves behind is watched
by ``host_tools.bench.leaks_plugin``."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from tests.patience import LIMIT_S

# The ordinary run tries the same examples every time: it has to say the same of the same tree. OPENBWC_EXPLORE=1 tries
# others, and more of them. No deadline a single example: machines differ, and pytest-timeout bounds the whole.
settings.register_profile("house", deadline=None, print_blob=True, derandomize=True, max_examples=60)
settings.register_profile("explore", settings.get_profile("house"), derandomize=False, max_examples=500)
settings.load_profile("explore" if os.environ.get("OPENBWC_EXPLORE") else "house")

SCENARIOS: Final = "hil_tests"
PATIENT_MS: Final = round(LIMIT_S * 1000)
BESIDE_CORES: Final = 2  # processes beyond the machine's cores: a scenario waits most of its time


@pytest.fixture
def patient_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both ends of a link go by the wall clock: neither takes a busy machine for a board that is gone."""
    monkeypatch.setattr("firmware.link.session.OPEN_LIMIT_MS", PATIENT_MS)
    monkeypatch.setattr("firmware.link.pulse.SILENCE_MS", PATIENT_MS)


@pytest.hookimpl
def pytest_configure() -> None:
    """Nothing that collection makes is garbage: do not look for any meanwhile."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Some thousand tests and all modules stay to the end: whoever collects garbage need not walk them each time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``."""
    return (os.cpu_count() or 1) + BESIDE_CORES


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scenarios wait and unit tests compute: a distributed run mixes their files, so that neither is left for the end
    while a core has nothing to do. Files with many tests come first, and no scenario in the last third."""
    if not hasattr(config, "workerinput"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    by_size = sorted(files.values(), key=len, reverse=True)
    scenarios = [each for each in by_size if SCENARIOS in each[0].path.parts]
    others = [each for each in by_size if SCENARIOS not in each[0].path.parts]
    items[:] = [item for each in mixed(scenarios, others) for item in each]


def mixed(scenarios: list[list[pytest.Item]], others: list[list[pytest.Item]]) -> list[list[pytest.Item]]:
    """The first scenarios at once, the rest at even distances among the first two thirds of the others."""
    distance = max(1, 2 * len(others) // 3 // max(1, len(scenarios)))
    dealt = scenarios[:BESIDE_CORES]
    rest = iter(scenarios[BESIDE_CORES:])
    for place, other in enumerate(others, 1):
        dealt.append(other)
        if place % distance == 0:
            dealt += [each for each in [next(rest, None)] if each is not None]
    return dealt + list(rest)
