"""A recording that the destination refuses: it is on the controllers' page with its reason, taken away as an encrypted
archive, and let go only on a person's word."""

from __future__ import annotations

import asyncio
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pyzipper
from playwright.sync_api import expect

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_inline
from host_tools.destinations.directory import DirectoryDestination
from host_tools.destinations.names import container_time
from tests.browser.browsing import check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import PASSPHRASE, Station, come_back, until
from tests.browser.taking import take_and_record

WEARER, CAMERA = "W-003", "CAM-0003"
SECRET = "seven wet dogs, one bone"
CLOCK_S = 5  # by which a camera's clock and ours may differ


@pytest.mark.req("CTRL-11")
def test_what_the_destination_refuses_is_archived_and_let_go_by_a_person(
    open_tab: OpenTab, station: Station, tmp_path: Path
):
    tab = open_tab("administrator")
    tab.open("/controller")
    began_s = int(time.time())
    take_and_record(station, 3)
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright's own loop runs in this thread
        elsewhere.submit(asyncio.run, _occupy(station.folder / "destination", began_s, int(time.time()))).result()
    come_back(station, 3)
    item = tab.page.locator(".rejected-item")
    expect(item).to_contain_text("is complete: object")
    expect(item).to_contain_text("CAM-0003, W-003")
    expect(item).to_contain_text("This destination has no rejected storage.")
    check_accessibility(tab)
    picture(tab, "rejected", full=False)
    item.get_by_role("button", name="Archive on a drive").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Drive", exact=True).select_option(label="Another folder of the controller")
    dialog.get_by_label("Folder").fill("/media/evidence")
    picture(tab, "rejected-archive", full=False)
    dialog.get_by_label("Folder").fill(str(tmp_path))
    write = dialog.get_by_role("button", name="Write archive")
    for again, passphrase, any_drive, why in (
        (f"{SECRET}!", PASSPHRASE, True, "differ"),
        (SECRET, f"not {PASSPHRASE}", True, "passphrase"),
        (SECRET, PASSPHRASE, False, "not on an exFAT drive"),
    ):
        dialog.get_by_label("Passphrase of the archive").fill(SECRET)
        dialog.get_by_label("Once more").fill(again)
        dialog.get_by_label("Passphrase of the system").fill(passphrase)
        dialog.get_by_label("It is no exFAT drive").set_checked(any_drive)
        write.click()
        expect(dialog.get_by_role("alert")).to_contain_text(why)
    assert list(tmp_path.glob("*.zip")) == []
    dialog.get_by_label("It is no exFAT drive").set_checked(True)
    write.click()
    expect(tab.page.get_by_role("heading", name="The archive is written")).to_be_visible()
    (archive,) = tmp_path.glob("*.zip")
    expect(dialog).to_contain_text(hashlib.sha256(archive.read_bytes()).hexdigest())
    with pyzipper.AESZipFile(archive) as opened:
        opened.setpassword(SECRET.encode())
        assert any(name.endswith(".mp4") for name in opened.namelist())
        assert opened.testzip() is None
    dialog.get_by_role("button", name="Close").click()
    expect(item).to_contain_text("Look that it opens")
    assert len(station.controller.call("rejected_recordings")) == 1
    item.get_by_role("button", name="Let it go here").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Let it go here").click()
    expect(item).to_have_count(0)
    until(lambda: _kept(station) == 0, "the camera to let go of it")


async def _occupy(folder: Path, began_s: int, ended_s: int) -> None:
    """Complete containers of the names that a recording of that time could have: nothing can be added to them."""
    destination = DirectoryDestination(lambda: LinuxFiles(folder), folder.name, run_inline)
    await destination.open()
    for at_s in range(began_s - CLOCK_S, ended_s + CLOCK_S):
        name = f"{WEARER}_{CAMERA}_{container_time(at_s * 1_000)}"
        await destination.ensure_container(name, {})
        await destination.complete(name)
    await destination.close()


def _kept(station: Station) -> int:
    cameras = station.controller.call("status")["cameras"]
    return next(camera["recordings"] for camera in cameras if camera["serial"] == CAMERA)
