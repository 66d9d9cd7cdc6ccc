"""Debian's Chromium for tests: found by name, driven by Playwright, and axe-core beside it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from host_tools.accounts.sessions import COOKIE_NAME
from tests.browser.station import ROOT
from tests.patience import LIMIT_S

HERE = Path(__file__).parent
MANUAL = ROOT / "docs" / "manual"
NODE = ROOT / "build" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome")
DESK = ViewportSize(width=1280, height=860)
TELEPHONE = ViewportSize(width=360, height=740)
WALL = ViewportSize(width=1920, height=1080)
LIMIT_MS = LIMIT_S * 1_000
NPM_RETRIES = 5
NPM_S_MAX = 300  # retries, and waits between them
# What axe calls these fails; anything lighter is printed with the failure.
GRAVE = ("serious", "critical")
FREEZE_CLOCK = """() => {
    const clock = document.getElementById('clock');
    if (clock) { clock.replaceWith(clock.cloneNode()); document.getElementById('clock').textContent = '14:05:00'; }
}"""
# Good news goes by itself after a few seconds: what was said on a page is kept.
KEEP_TOASTS = """addEventListener('DOMContentLoaded', () => {
    window.saidHere = [];
    const holder = document.getElementById('toasts');
    const keep = records => records.forEach(each => each.addedNodes.forEach(one => saidHere.push(one.textContent)));
    if (holder) new MutationObserver(keep).observe(holder, {childList: true});
});"""
EXPECTED_LOG = ("the server responded with a status of 4",)  # a refused request is told to the page, too


@contextmanager
def running_browser() -> Generator[Browser]:
    """Chromium, without a window."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "no Chromium: apt-get install chromium"
    arguments = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Served(Protocol):
    """Whatever has pages: an address, and sessions by role."""

    @property
    def url(self) -> str: ...

    def cookie(self, role: str) -> str: ...


@dataclass
class Tab:
    """One page of somebody, and what its console said. ``expected``: what a test brings about; a console may say it
    later than the page shows it."""

    page: Page
    station: Served
    log: list[str] = field(default_factory=list[str])
    expected: list[str] = field(default_factory=lambda: list(EXPECTED_LOG))

    def open(self, path: str) -> None:
        """Go to a page of the manager and wait until it is live."""
        self.page.goto(self.station.url + path)
        self.live()

    def live(self) -> None:
        """Until the page follows the controller."""
        self.page.wait_for_selector("#link-state[data-state=live]")

    def says(self, text: str) -> None:
        """Until the page has said so in a short message, which may be gone by now."""
        self.page.wait_for_function("text => window.saidHere?.some(each => each.includes(text))", arg=text)

    def note(self, message: ConsoleMessage) -> None:
        """Something is in the console."""
        if message.type in ("error", "warning"):
            self.log.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


@contextmanager
def opened_tab(browser: Browser, station: Served, role: str = "", cookie: str = "", **context: Any) -> Generator[Tab]:
    """A page as somebody of that role (or with that session). At its end nothing bad may be in its console."""
    settings: dict[str, Any] = {"viewport": DESK, **context}
    made = browser.new_context(**settings, ignore_https_errors=True, locale="en-GB", reduced_motion="reduce")
    made.add_init_script(KEEP_TOASTS)
    try:
        if role or cookie:
            _give(made, station, cookie or station.cookie(role))
        tab = Tab(made.new_page(), station)
        tab.page.set_default_timeout(LIMIT_MS)
        tab.page.on("console", tab.note)
        tab.page.on("pageerror", lambda error: tab.log.append(f"page error: {error}"))
        yield tab
        told = [line for line in tab.log if not any(known in line for known in tab.expected)]
        assert not told, "\n".join(told)
    finally:
        made.close()


def _give(context: BrowserContext, station: Served, cookie: str) -> None:
    context.add_cookies(
        [
            {
                "name": COOKIE_NAME,
                "value": cookie,
                "url": station.url,
                "secure": True,
                "httpOnly": True,
                "sameSite": "Strict",
            }
        ]
    )


def axe_script() -> str:
    """axe-core's own file, from npm: the version and digest are pinned in package-lock.json."""
    path = NODE / "node_modules" / "axe-core" / "axe.min.js"
    NODE.mkdir(parents=True, exist_ok=True)
    with (NODE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a run beside this one fetches it, too
        if not path.exists():
            _fetch_axe()
    return path.read_text(encoding="utf-8")


def _fetch_axe() -> None:
    npm = shutil.which("npm")
    assert npm, "no npm for axe-core: apt-get install npm"
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, NODE / name)
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", f"--fetch-retries={NPM_RETRIES}")
    told = subprocess.run([npm, *words], cwd=NODE, check=False, timeout=NPM_S_MAX, capture_output=True, text=True)
    assert told.returncode == 0, f"npm {' '.join(words)}: {told.stderr[-2_000:]}"


def check_accessibility(tab: Tab) -> None:
    """No finding of axe-core that is serious, under WCAG 2.2 A and AA."""
    # The page's own policy forbids foreign scripts, so it comes in through the debugger.
    if not tab.page.evaluate("'axe' in window"):
        tab.page.evaluate(axe_script())
    found: dict[str, Any] = tab.page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], "
        "resultTypes: ['violations']})"
    )
    assert found["passes"], "axe has looked at nothing"
    grave = [each for each in found["violations"] if each["impact"] in GRAVE]
    lines = [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}: {each['nodes'][0]['failureSummary']}"
             for each in grave]  # fmt: skip
    assert not lines, "\n".join(lines)


def passes(check: Callable[[], None]) -> bool:
    """Whether an expectation is met, for what may have to be done once more."""
    with suppress(AssertionError):
        check()
        return True
    return False


def picture(tab: Tab, name: str, full: bool = True, of: Locator | None = None) -> None:
    """A screenshot for the manual: docs/manual/NAME.png, without what changes by itself (the clock). ``of``: that part
    of the page alone, wherever it is on it."""
    tab.page.evaluate(FREEZE_CLOCK)
    tab.page.evaluate("scrollTo(0, 0)")  # the bar at the top would lie across a page that is scrolled
    MANUAL.mkdir(parents=True, exist_ok=True)
    # Written here: Playwright would leave a thread behind for it.
    box = of.bounding_box() if of else None  # cut from the whole page: on the screen the bar may lie across it
    part = FloatRect(x=box["x"], y=box["y"], width=box["width"], height=box["height"]) if box else None
    shot = tab.page.screenshot(full_page=full, animations="disabled", clip=part)
    (MANUAL / f"{name}.png").write_bytes(shot)
