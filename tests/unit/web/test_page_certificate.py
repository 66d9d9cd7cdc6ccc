"""The certificate in use says when it ends, before browsers do; another one in its place ends the alert."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from host_tools.accounts.roles import LOCAL, Actor
from host_tools.cli.compose import create_destination
from host_tools.cli.people import wall_ms
from host_tools.cli.serve import running_controller
from host_tools.cli.web import HTTPS_FOLDER, HttpsSide
from host_tools.controller.settings import Settings
from host_tools.web_kit.certificate_folder import OWN_NAME, CertificateFolder
from host_tools.web_kit.certificates import LIFE_DAYS, ends_unix_ms, new_key, signing_request
from tests.unit.cli.parts import system_in
from tests.unit.controller.telling_parts import until
from tests.unit.web_kit.test_certificates import Authority

DAY_MS = 86_400_000
HOSTS = ("localhost", "127.0.0.1")
ROOT = Actor("root", "root", LOCAL)


def kept(folder: CertificateFolder, name: str, days: float) -> None:
    """Keep a certificate that has that long to go."""
    folder.make_self_signed(name, HOSTS, wall_ms() - round((LIFE_DAYS - days) * DAY_MS))


@pytest.mark.req("CTRL-15")
def test_the_one_in_use_is_looked_at_and_no_other(tmp_path: Path):
    https = HttpsSide(tmp_path)
    assert not https.alerts(wall_ms()), "nothing is shown yet"
    https.front(HOSTS)
    kept(https.certificates, "harbour", 5.5)
    assert not https.alerts(wall_ms()), "it is not in use"
    https.use(https.certificates.activate("harbour", wall_ms()))
    assert list(https.alerts(wall_ms())) == [("page_certificate_ending", "harbour")]
    again = HttpsSide(tmp_path)  # it expires while nobody is there to say so
    again.front(HOSTS)
    assert list(again.alerts(wall_ms() + 6 * DAY_MS)) == [("page_certificate_expired", "harbour")]
    again.use(again.certificates.activate(OWN_NAME, wall_ms()))
    assert not again.alerts(wall_ms() + 6 * DAY_MS)


@pytest.mark.req("CTRL-15")
def test_what_vouches_for_it_may_end_before_it():
    request = signing_request(new_key(), HOSTS, "harbour").decode()
    assert 19 < (ends_unix_ms(Authority(days=20).sign(request, days=90)) - wall_ms()) / DAY_MS < 21
    assert 89 < (ends_unix_ms(Authority(days=365).sign(request, days=90)) - wall_ms()) / DAY_MS < 91


@pytest.mark.req("CTRL-12", "CTRL-15")
def test_a_running_manager_says_so_until_another_one_is_activated(tmp_path: Path):
    async def act() -> None:
        folder, store = tmp_path / "controller", tmp_path / "destination"
        system_in(folder)
        create_destination(store)
        kept(CertificateFolder(folder / HTTPS_FOLDER, "A station"), "harbour", 20.5)
        settings = Settings(folder=folder, destination=store, usb_root=None, dev=tmp_path, web="127.0.0.1:0")
        async with running_controller(settings) as running:

            async def call(verb: str, **arguments: Any) -> Any:
                return await running.commands.call(ROOT, verb, arguments)

            def told() -> list[tuple[str, str, str]]:
                rows = running.controller.alert_rows()
                return [(row["kind"], row["device"], row["words"]["details"]["code"]) for row in rows]

            await call("activate_certificate", name="harbour")
            await until(lambda: bool(running.controller.alert_rows()), "the alert")
            assert told() == [("page_certificate_expiring", "harbour", "detail.days_left")]
            (row,) = running.controller.alert_rows()
            assert (row["details"], row["severity"], row["device_kind"]) == (
                "20 days are left",
                "warning",
                "controller",
            )
            await call("activate_certificate", name=OWN_NAME)
            await until(lambda: not running.controller.alert_rows(), "its end")

    asyncio.run(act())
