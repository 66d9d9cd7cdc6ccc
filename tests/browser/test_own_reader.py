"""A badge reader at the administrator's own computer, by Web Serial: the port is made of the bytes that our emulated
readers speak, and everything behind it is real."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from host_tools.emulator.reader_ascii import EmulatedAsciiReader
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from tests.browser.browsing import check_accessibility, passes, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, until

VECTORS = Path(__file__).parents[1] / "vectors" / "readers"
ISO14443A, EM4100_UID = 0x80, bytes.fromhex("0C000621A5")
BADGE, GRACES, PHONE = bytes.fromhex("04B7C6D5E4F3A2"), "04C0FFEE000001", bytes.fromhex("08123456")
AWAY_MS = 2_300  # a little longer than a badge must be away before it counts again
NOTICED_MS = 5_000
ELATEC = 0x09D8
# A port as Web Serial has it; what is sent to it and what it says goes through ``readerFeed``, in hexadecimal.
PORT = """(vendor) => {
    const hex = (data) => Array.from(data, (each) => each.toString(16).padStart(2, "0")).join("");
    const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const port = {
        getInfo: () => ({ usbVendorId: vendor }),
        async open() {
            let out;
            const say = async (data) => {
                const said = await window.readerFeed(data);
                if (said && this.timer) out.enqueue(bytes(said));
            };
            const cancel = () => clearInterval(this.timer);
            this.readable = new ReadableStream({ start(controller) { out = controller; }, cancel });
            this.writable = new WritableStream({ write: (chunk) => say(hex(chunk)) });
            this.timer = setInterval(() => say(""), 60);
        },
        async close() { clearInterval(this.timer); this.timer = 0; },
    };
    Object.defineProperty(navigator, "serial", { value: { getPorts: async () => [], requestPort: async () => port } });
}"""
# The page's own module, fed with vectors.
PARSED = """async ([frames, twn4]) => {
    const page = document.querySelector("script[src*='web/wearer.js']").src;
    const own = await import(page.replace("wearer.js", "reader_frames.js"));
    const { bytesOf, hexOf } = own;
    const answers = (each) => new own.AnswerReader(own.FORMS[each.form]);
    const refused = (each) => {
        try {
            return answers(each).feed(bytesOf(each.answered));
        } catch (error) {
            return error instanceof own.BadAnswer ? "bad" : String(error);
        }
    };
    const whole = (text) => {
        const made = new own.Frames125k();
        return [made.feed(bytesOf(text)).map(hexOf), made.badFrames];
    };
    const framesByOne = (text) => {
        const made = new own.Frames125k();
        return bytesOf(text).flatMap((byte) => made.feed([byte])).map(hexOf);
    };
    const answersByOne = (each) => {
        const made = answers(each);
        return bytesOf(each.answered).map((byte) => made.feed([byte])).filter(Boolean).map(hexOf);
    };
    const { percent, hertz, on_ms: onMs, off_ms: offMs } = twn4.beep;
    return {
        frames: frames.frames.map((each) => whole(each.bytes)),
        framesByOne: frames.frames.map((each) => framesByOne(each.bytes)),
        bad: frames.bad.map((each) => whole(each.bytes)),
        garbage: whole("ff0230" + frames.frames[0].bytes + "0d0a" + frames.frames[1].bytes)[0],
        crc: hexOf(own.crc(new TextEncoder().encode(twn4.check.text)).reverse()),
        sent: twn4.exchanges.map((each) => hexOf(own.encode(own.FORMS[each.form], bytesOf(each.command)))),
        answers: twn4.exchanges.map((each) => hexOf(answers(each).feed(bytesOf(each.answered)))),
        answersByOne: twn4.exchanges.map(answersByOne),
        badAnswers: twn4.bad_answers.map(refused),
        beep: hexOf(own.beep({ percent, hertz, onMs, offMs })),
    };
}"""


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _plug(page: Page, feed: Callable[[bytes], bytes], vendor: int) -> None:
    page.expose_function("readerFeed", lambda data: feed(bytes.fromhex(data)).hex())
    page.add_init_script(f"({PORT})({vendor})")


def _until_paired(dialog: Locator, hold_again: Callable[[], None]) -> None:
    """Until the dialog has gone: a busy page may have seen a badge late, and too soon after it was there before."""

    def is_paired() -> bool:
        hold_again()
        return passes(lambda: expect(dialog).to_have_count(0, timeout=NOTICED_MS))

    until(is_paired, "the badge to be paired")


@pytest.mark.req("RFID-01", "RFID-04")
def test_bytes_are_cut_as_the_makers_documents_have_them(open_tab: OpenTab):
    frames: dict[str, Any] = json.loads((VECTORS / "frames_125k.json").read_text())
    twn4: dict[str, Any] = json.loads((VECTORS / "twn4.json").read_text())
    tab = open_tab("administrator")
    tab.open("/wearers/W-006")
    got = tab.page.evaluate(PARSED, [frames, twn4])
    given = [each["bytes"] for each in frames["frames"]]
    assert got["frames"] == [[[data], 0] for data in given]
    assert got["framesByOne"] == [[data] for data in given]
    assert got["bad"] == [[[], 1]] * len(frames["bad"])
    assert got["garbage"] == given
    assert got["crc"] == twn4["check"]["crc"]
    assert got["sent"] == [each["sent"] for each in twn4["exchanges"]]
    assert got["answers"] == [each["answer"] for each in twn4["exchanges"]]
    assert got["answersByOne"] == [[each["answer"]] for each in twn4["exchanges"]]
    assert got["badAnswers"] == ["bad"] * len(twn4["bad_answers"])
    assert got["beep"] == twn4["beep"]["command"]


@pytest.mark.req("RFID-04")
@pytest.mark.parametrize("binary", [False, True], ids=["ascii", "binary with CRC"])
def test_a_badge_is_paired_at_a_twn4_of_this_computer(open_tab: OpenTab, station: Station, binary: bool):
    reader = EmulatedTwn4(_now_ms, binary=binary, with_crc=binary)
    station.controller.call("pair_tag", wearer="W-002", tag=GRACES)
    tab = open_tab("local_administrator")
    _plug(tab.page, reader.feed, ELATEC)
    tab.open("/wearers/W-006")
    tab.page.get_by_role("button", name="Pair at this computer's reader").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Waiting for a badge")
    reader.hold(ISO14443A, 32, PHONE)
    expect(dialog.get_by_role("status")).to_contain_text("another number")
    reader.hold(ISO14443A, 56, bytes.fromhex(GRACES))
    expect(dialog.get_by_role("status")).to_contain_text("belongs to Grace Hopper")
    assert reader.tones == []
    reader.hold(ISO14443A, 56, BADGE)
    expect(dialog).to_contain_text(f"Read {BADGE.hex().upper()}")
    check_accessibility(tab)
    picture(tab, "badge-own-reader", full=False)

    def hold_again() -> None:
        reader.take_away()
        tab.page.wait_for_timeout(AWAY_MS)
        reader.hold(ISO14443A, 56, BADGE)

    _until_paired(dialog, hold_again)
    expect(tab.page.locator(".plain-list code").filter(has_text=BADGE.hex().upper())).to_be_visible()
    assert len(reader.tones) == 2
    assert station.controller.call("get_wearer", id="W-006")["tags"] == [BADGE.hex().upper()]
    station.controller.call("unpair_tag", wearer="W-006", tag=BADGE.hex().upper())
    station.controller.call("unpair_tag", wearer="W-002", tag=GRACES)


@pytest.mark.req("RFID-04")
def test_a_reader_that_only_talks_is_found_out_and_unplugged_in_time(open_tab: OpenTab, station: Station):
    reader = EmulatedAsciiReader(long=True)
    tab = open_tab("administrator")
    _plug(tab.page, lambda _: reader.says(_now_ms()), 0x1A86)
    tab.open("/wearers/W-006")
    tab.page.get_by_role("button", name="Pair at this computer's reader").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Waiting for a badge")
    reader.hold(EM4100_UID, _now_ms())

    def hold_again() -> None:
        tab.page.wait_for_timeout(AWAY_MS)
        reader.hold(EM4100_UID, _now_ms())

    _until_paired(dialog, hold_again)
    expect(tab.page.locator(".plain-list code").filter(has_text=EM4100_UID.hex().upper())).to_be_visible()
    assert station.controller.call("get_wearer", id="W-006")["tags"] == [EM4100_UID.hex().upper()]
    station.controller.call("unpair_tag", wearer="W-006", tag=EM4100_UID.hex().upper())
    tab.page.get_by_role("button", name="Pair at this computer's reader").click()
    expect(dialog).to_contain_text("Waiting for a badge")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


@pytest.mark.req("RFID-04")
def test_a_browser_without_web_serial_is_told_what_does_it(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.page.add_init_script("delete Navigator.prototype.serial")
    tab.open("/wearers/W-006")
    tab.page.get_by_role("button", name="Pair at this computer's reader").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This browser cannot reach a reader")
    expect(dialog).to_contain_text(f"bwc badge pair W-006 --at {station.url}")
