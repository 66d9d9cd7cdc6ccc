"""Keys and certificates, by the page of security: the restore key is saved and restores; a certificate is requested,
signed elsewhere, installed, and taken into use while a camera is offloaded; how the machine logs in to its network."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.cli.trusting import open_trust, wall_ms
from host_tools.cli.web import HTTPS_FOLDER
from host_tools.trust.restore import restore_system
from host_tools.web_kit.certificate_folder import CertificateFolder
from host_tools.web_kit.certificates import LIFE_DAYS
from tests.browser.authority import Authority
from tests.browser.browsing import check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import PASSPHRASE, Station, come_back, leave, ready_cameras, until
from tests.browser.taking import take_and_record
from tests.patience import LIMIT_S

DAY_MS = 86_400_000
SLOW_BYTES_PER_S = 60_000  # so that somebody can see that an offload is under way
CRAWL_BYTES_PER_S = 3_000  # so that it lasts then for as long as somebody clicks, and the link still lives


@pytest.mark.req("CTRL-15")
def test_the_restore_key_is_saved_with_the_passphrase_and_restores(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.open("/settings/security")
    tab.page.get_by_role("button", name="Save the restore key").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Passphrase of the system").fill(f"not {PASSPHRASE}")
    save = dialog.get_by_role("button", name="Save the restore key")
    save.click()
    expect(dialog.get_by_role("alert")).to_contain_text("passphrase")
    dialog.get_by_label("Passphrase of the system").fill(PASSPHRASE)
    with tab.page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "restore-key.txt"
    key = Path(download.value.path()).read_bytes()
    assert json.loads(key)["format"] == "openbwc-restore-key"
    restored = restore_system(MemoryFiles(), key, PASSPHRASE, "CTRL-NEW", wall_ms(), SeededEntropy("a new controller"))
    assert restored.system == open_trust(station.folder / "controller").system
    expect(dialog).to_have_count(0)
    assert PASSPHRASE.encode() not in key


@pytest.mark.req("CTRL-15")
def test_a_signed_certificate_is_taken_into_use_while_a_camera_is_offloaded(
    open_tab: OpenTab, station: Station, tmp_path: Path
):
    tab = open_tab("administrator")
    authority = Authority()
    tab.open("/settings/security")
    tab.page.get_by_role("button", name="Request one").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("harbour")
    dialog.get_by_label("Names and addresses").fill("127.0.0.1, localhost")
    dialog.get_by_role("button", name="Request one").click()
    request = dialog.locator(".pem").inner_text()
    dialog.get_by_role("button", name="Close").click()
    one = tab.page.get_by_role("article").filter(has_text="harbour")
    expect(one).to_contain_text("Waits to be signed")
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().pem)
    signed = tmp_path / "harbour.pem"
    signed.write_bytes(authority.sign(request))
    one.get_by_role("button", name="Install").click()
    dialog.get_by_label("Signed certificate").set_input_files(other)
    dialog.get_by_role("button", name="Install").click()
    expect(dialog.get_by_role("alert")).to_be_visible()  # that is not for this key
    dialog.get_by_label("Signed certificate").set_input_files(signed)
    dialog.get_by_role("button", name="Install").click()
    expect(one).to_contain_text("Installed")
    expect(one).to_contain_text("Harbour IT")

    take_and_record(station, 2)
    station.bench.call("tap", board="camera-2")
    station.bench.call("limit_link", board="camera-2", bytes_per_s=SLOW_BYTES_PER_S)
    watching = open_tab("viewer")
    watching.open("/")
    station.bench.call("put_in", camera="camera-2", bay=2)
    until(lambda: "offloading" in _stages(station), "the offload to begin")
    station.bench.call("limit_link", board="camera-2", bytes_per_s=CRAWL_BYTES_PER_S)
    before = station.bench.call("tap", board="camera-2")
    transfer = watching.page.locator(".transfer").first
    expect(transfer).to_contain_text("From camera")
    one.get_by_role("button", name="Use this one").click()
    expect(one).to_contain_text("In use")
    assert "offloading" in _stages(station), "it was over before the certificate was changed: make the line slower"
    assert _shown_by(station, authority)
    station.bench.call("limit_link", board="camera-2", bytes_per_s=None)
    expect(transfer).to_contain_text("Delivered")
    for each in (tab, watching):
        expect(each.page.locator("#link-state")).to_have_attribute("data-state", "live")
    after = station.bench.call("tap", board="camera-2")
    assert after["sessions"] == before["sessions"], "the offload was cut, and begun anew"
    picture(tab, "certificate-signed")
    station.controller.call("activate_certificate", name="self-signed")
    station.controller.call("remove_certificate", name="harbour")
    leave(station, 2)  # its link was slow, which is an alert until it is another one
    until(lambda: not station.controller.call("list_alerts")["rows"], "no alert to be left")
    come_back(station, 2)
    until(lambda: len(ready_cameras(station)) == 3, "the camera to know its wearer")


@pytest.mark.req("CTRL-12", "CTRL-15")
def test_a_certificate_that_ends_soon_is_an_alert_in_the_words_of_the_page(open_tab: OpenTab, station: Station):
    folder = CertificateFolder(station.folder / "controller" / HTTPS_FOLDER, "A station")
    folder.make_self_signed("harbour", ("127.0.0.1",), wall_ms() - round((LIFE_DAYS - 5.5) * DAY_MS))
    tab = open_tab("viewer")
    tab.page.route("**/texts/en.js", _other_words)  # as another language has them
    tab.open("/")
    station.controller.call("activate_certificate", name="harbour")
    alert = tab.page.locator("#alerts .alert")
    expect(alert.get_by_role("heading")).to_have_text("harbour: Encore cinq jours.")
    expect(alert.locator(".muted").first).to_have_text("5 jours")
    expect(alert.locator("li").nth(1)).to_have_text("Choisissez-le.")
    station.controller.call("activate_certificate", name="self-signed")
    expect(alert).to_have_count(0)
    station.controller.call("remove_certificate", name="harbour")


def _other_words(route: Route) -> None:
    table: dict[str, str] = json.loads(route.fetch().text().removeprefix("export default ").rstrip().removesuffix(";"))
    table |= {
        "alert.page_certificate_ending.meaning": "Encore cinq jours.",
        "detail.days_left.other": "{n} jours",
        "remedy.activate_another": "Choisissez-le.",
    }
    route.fulfill(content_type="text/javascript", body=f"export default {json.dumps(table)};\n")


def _stages(station: Station) -> list[str]:
    return [row["value"]["stage"] for row in station.controller.call("live") if row["kind"] == "transfer"]


def _shown_by(station: Station, authority: Authority) -> bool:
    """Whether whoever connects now is shown what that authority has signed."""
    place = urlsplit(station.url)
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    with (
        socket.create_connection((str(place.hostname), int(place.port or 0)), LIMIT_S) as raw,
        trust.wrap_socket(raw, server_hostname=place.hostname) as connection,
    ):
        return connection.version() is not None


@pytest.mark.req("CTRL-15")
def test_how_the_machine_logs_in_to_its_network_is_kept_and_shown(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.open("/settings/security")
    card = tab.page.locator("form.card").filter(has_text="The network asks")
    save = card.get_by_role("button", name="Save")
    card.get_by_label("The network asks").check()
    card.get_by_label("Identity").fill("host/harbour-1")
    card.get_by_label("Certificate").select_option("self-signed")
    card.get_by_label("Authority of the network").fill("no certificate")
    save.click()
    expect(card.get_by_role("alert")).to_contain_text("PEM")
    root = Authority().pem.decode()
    card.get_by_label("Authority of the network").fill(root)
    save.click()
    expect(card.locator(".notice.warn")).to_contain_text("Kept, not applied")
    expect(card.get_by_role("region")).to_contain_text("802-1x.identity host/harbour-1")
    check_accessibility(tab)
    picture(tab, "network-login", of=card)
    again = open_tab("administrator")
    again.open("/settings/security")
    card = again.page.locator("form.card").filter(has_text="The network asks")
    expect(card.get_by_label("The network asks")).to_be_checked()
    expect(card.get_by_label("Identity")).to_have_value("host/harbour-1")
    expect(card.get_by_label("Certificate")).to_have_value("self-signed")
    assert card.get_by_label("Authority of the network").input_value().strip() == root.strip()
    kept = station.controller.call("get_network_login")
    assert (kept["changed_by"], kept["applied"]) == ("ada", False)
    card.get_by_label("The network asks").uncheck()
    card.get_by_label("Certificate").select_option("")
    card.get_by_role("button", name="Save").click()
    until(lambda: not station.controller.call("get_network_login")["enabled"], "the network to be left alone")
