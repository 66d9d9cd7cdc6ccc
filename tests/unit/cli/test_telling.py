"""A whole controller, as ``bwc controller`` composes it: what goes wrong with its destination is mailed, its broker is
told, and ``bwc settings`` sends a test mail."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from host_tools.cli.compose import create_destination
from host_tools.cli.people import wall_ms
from host_tools.cli.serve import running_controller
from host_tools.controller.settings import WEB_OFF, Settings, SettingsError, read_settings
from host_tools.system.records import SystemSettings
from host_tools.system.system import make
from tests.unit.cli.parts import bwc_process, system_in
from tests.unit.controller.telling_parts import LOCAL, MailBox, mail_server, until


@pytest.mark.req("CTRL-17")
def test_a_lost_destination_is_mailed_and_a_test_mail_is_sent(tmp_path: Path):
    async def act() -> None:
        box, folder, store = MailBox(), tmp_path / "controller", tmp_path / "destination"
        system_in(folder)
        create_destination(store)
        async with mail_server(box) as port:
            settings = Settings(
                folder=folder, destination=store, usb_root=None, dev=tmp_path, web=WEB_OFF,
                mail_server=LOCAL, mail_port=port, mail_security="none", mail_from="bwc@example.org",
                mqtt_server=LOCAL, mqtt_port=9, mqtt_tls=False,
            )  # fmt: skip
            async with running_controller(settings) as running:
                system = running.controller.system
                assert system is not None
                ended = await bwc_process("settings", "test-mail", "--folder", folder)
                assert (ended.code, "set notification_address" in ended.err) == (1, True)
                values = {**system.settings.model_dump(), "notification_address": "ada@example.org"}
                with system.change("ann", wall_ms()) as edit:
                    edit.put(make(SystemSettings, values))
                ended = await bwc_process("settings", "test-mail", "--folder", folder)
                assert (ended.code, ended.out) == (0, "sent to ada@example.org\n"), ended
                await until(lambda: bool(running.controller.alert_rows()), "nobody is at port 9")
                assert [row["kind"] for row in running.controller.alert_rows()] == ["telemetry_failed"]
                store.rename(tmp_path / "away")  # as a disk is pulled; what finds that out looks once a minute
                running.controller.delivery.trouble = "destination: no answer"
                await until(lambda: len(box.mails) == 2, "the mail")
                ended = await bwc_process("settings", "telling", "--folder", folder, "--json")
                assert json.loads(ended.out)["mail"]["address"] == "ada@example.org"
                ended = await bwc_process("settings", "telling", "--folder", folder)
                assert f"telemetry to {LOCAL}, openbwc/controller-1/#: not connected" in ended.out
        assert box.subjects[0] == "[openbwc] Test"
        assert box.subjects[1].startswith("[openbwc] Destination lost: ")

    asyncio.run(act())


def test_what_the_settings_file_says_wrong_is_a_line(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text('mail_server = "mail.example.org"\nmail_security = "maybe"\n')
    with pytest.raises(SettingsError, match=r"settings\.toml:2: mail_security: .*'starttls', 'tls' or 'none'"):
        read_settings(file)
    file.write_text('mqtt_prefix = "a/#"\n')
    with pytest.raises(SettingsError, match=r"settings\.toml:1: mqtt_prefix"):
        read_settings(file)
    file.write_text('mail_servr = "a"\n')
    with pytest.raises(SettingsError, match="mail_server"):
        read_settings(file)
