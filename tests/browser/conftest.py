"""Fixtures of browser tests: one station and one browser for all of them, a tab for each test.

The station's cameras are docked members, each in its bay when a test begins. A test that changes more than it puts back
takes a station of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import Tab, opened_tab, running_browser
from tests.browser.station import Station, running_station, settle

OpenTab = Callable[..., Tab]
MakeStation = Callable[..., Station]


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    """Chromium."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="package")
def one_station(tmp_path_factory: pytest.TempPathFactory) -> Generator[Station]:
    """A bench with three cameras and its controller."""
    with running_station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.fixture
def station(one_station: Station) -> Station:
    """The station of all tests, whatever the one before has left of it."""
    settle(one_station)
    return one_station


@pytest.fixture
def own_station(tmp_path: Path) -> Generator[MakeStation]:
    """``own_station(cameras=1)``: one that nobody else uses."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_station(tmp_path, **options))


@pytest.fixture
def open_tab(browser: Browser, station: Station, own_station: MakeStation) -> Generator[OpenTab]:
    """``open_tab("viewer")``: a page of somebody of that role; ``open_tab()``: of nobody. Closed before a station of a
    test's own ends, so that no page misses it."""
    with ExitStack() as stack:

        def open_one(role: str = "", at: Station | None = None, **context: Any) -> Tab:
            opened: AbstractContextManager[Tab] = opened_tab(browser, at or station, role, **context)
            return stack.enter_context(opened)

        yield open_one
