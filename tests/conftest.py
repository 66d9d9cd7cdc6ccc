"""For all tests here: how hypothesis runs, and how a distributed run is dealt out. What a test leaves behind is watched
by ``host_tools.bench.leaks_plugin``."""

from __future__ import annotations

import gc
import os
import signal
from typing import Final

import pytest
from hypothesis import settings

from tests.dealing import dealt
from tests.patience import LIMIT_S

# The ordinary run tries the same examples every time: it has to say the same of the same tree. OPENBWC_EXPLORE=1 tries
# others, and more of them. No deadline a single example: machines differ, and pytest-timeout bounds the whole.
settings.register_profile("house", deadline=None, print_blob=True, derandomize=True, max_examples=60)
settings.register_profile("explore", settings.get_profile("house"), derandomize=False, max_examples=500)
settings.load_profile("explore" if os.environ.get("OPENBWC_EXPLORE") else "house")

# What is written looks the same in a narrow terminal, in one with colours, and where no terminal is.
os.environ["COLUMNS"] = "80"
for _name in ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)

PATIENT_MS: Final = round(LIMIT_S * 1000)
STANDSTILL_MS: Final = 4_000  # of a line that loses nothing
BESIDE_CORES: Final = 3  # processes beyond the machine's cores: a scenario waits most of its time


@pytest.fixture
def patient_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both ends of a link go by the wall clock: neither takes a busy machine for a board that is gone, nor a
    thread that waits for its turn for bytes that were lost."""
    monkeypatch.setattr("firmware.link.session.OPEN_LIMIT_MS", PATIENT_MS)
    monkeypatch.setattr("firmware.link.pulse.SILENCE_MS", PATIENT_MS)
    monkeypatch.setattr("firmware.link.frames.STALL_MS", STANDSTILL_MS)
    monkeypatch.setattr("firmware.link.bulk.SILENCE_MS_MIN", STANDSTILL_MS)


@pytest.hookimpl
def pytest_configure() -> None:
    """Nothing that collection makes is garbage: do not look for any meanwhile. And whoever runs tests in the background
    of a script, or under ``nohup``, is given programs that hear Ctrl-C and a closed terminal all the same."""
    gc.disable()
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


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
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    items[:] = dealt(files, BESIDE_CORES)
