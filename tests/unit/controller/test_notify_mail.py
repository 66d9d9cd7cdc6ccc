"""Mail through a real SMTP server: taken, encrypted, refused, put off, away; and nothing that anybody wrote becomes a
header."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.controller.commands import CommandError, CommandRefused, Commands, Gate
from host_tools.controller.notify import RETRY_S_MIN, Notifier
from host_tools.controller.notify_commands import NotifyCommands
from host_tools.controller.notify_mail import Mailer, MailFault, compose
from host_tools.controller.notify_outbox import Outbox
from host_tools.controller.notify_settings import MailSettings
from host_tools.controller.telemetry import Telemetry
from host_tools.controller.telemetry_settings import TelemetrySettings
from host_tools.custody.blocking import run_in_thread, run_inline
from host_tools.system.alerts import Alert
from host_tools.system.records import SystemSettings
from tests.unit.controller.telling_parts import (
    LOCAL,
    PASSWORD,
    USER,
    Certificates,
    MailBox,
    mail_server,
    mail_settings,
    make_certificates,
    secret_file,
    until,
)
from tests.unit.system.parts import NOW_MS

EVENT_KINDS = {
    "destination_lost": "destination_failed",
    "extension_lost": "extension_lost",
    "storage_low": "storage_almost_full",
    "backup_failed": "backup_failed",
    "new_software": "new_software",
    "cloud_link_lost": "cloud_link_lost",
}


class Post:
    """A notifier and what it looks at."""

    def __init__(self, settings: MailSettings, files: MemoryFiles | None = None, address: str = "ada@example.org"):
        self.open: list[Alert] = []
        self.faults: list[str] = []
        self.files = files or MemoryFiles()
        self.settings = SystemSettings(name="north", notification_address=address, time_zone="Europe/Stockholm")
        self.notifier = Notifier(
            Mailer(settings),
            self.files,
            lambda: self.settings,
            lambda: self.open,
            "controller-1",
            lambda: NOW_MS,
            run_in_thread,
            self.faults.append,
        )

    async def look(self, *alerts: Alert) -> None:
        self.open = list(alerts)
        await self.notifier.look()


def alert(kind: str = "destination_failed", details: str = "no answer") -> Alert:
    return Alert(1, kind, "archive", details, NOW_MS)


def run(act: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await act()

    asyncio.run(main())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("mail"))


@pytest.mark.req("CTRL-17")
@pytest.mark.parametrize("event", EVENT_KINDS)
def test_a_mail_arrives_for_each_event_and_none_with_an_empty_address(event: str):
    async def act() -> None:
        box = MailBox()
        async with mail_server(box) as port:
            post = Post(mail_settings(port))
            for _ in range(3):
                await post.look(alert(EVENT_KINDS[event]))
            await Post(mail_settings(port), address="").look(alert(EVENT_KINDS[event]))
            assert len(box.mails) == 1
            assert box.recipients == ["ada@example.org"]
            await post.look()
            assert len(box.mails) == (1 if event == "new_software" else 2)
            assert post.faults[-1] == ""

    run(act)


@pytest.mark.req("CTRL-17")
def test_what_a_mail_says():
    async def act() -> None:
        box = MailBox()
        async with mail_server(box) as port:
            await Post(mail_settings(port)).look(alert())
        mail = box.mails[0]
        assert mail["Subject"] == "[north] Destination lost: archive"
        assert (mail["From"], mail["To"]) == ("bwc@example.org", "ada@example.org")
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"] == f"<controller-1.{NOW_MS}.1@example.org>"
        text = mail.get_content()
        for words in (
            "Since 2026-01-01 01:00 Europe/Stockholm.",
            "The destination does not answer;",
            "Details: no answer",
            "1. See that the destination runs.",
            "System north, controller-1",
        ):
            assert words in text, text

    run(act)


@pytest.mark.req("CTRL-17")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_with_a_login(security: str, certificates: Certificates, tmp_path: Path):
    async def act() -> None:
        box, context = MailBox(), certificates.server()
        how: dict[str, Any] = {"starttls": context} if security == "starttls" else {"tls": context}
        more = {"mail_security": security, "mail_user": USER, "mail_password_file": secret_file(tmp_path)}
        async with mail_server(box, **how, login=True) as port:
            good = Post(mail_settings(port, **more, mail_ca_file=certificates.certificate))
            assert await good.notifier.test() == "ada@example.org"
            assert box.subjects == ["[north] Test"]
            with pytest.raises(MailFault, match=r"certificate does not fit .*mail_ca_file"):
                await Post(mail_settings(port, **more)).notifier.test()
            secret_file(tmp_path, "guessed")
            with pytest.raises(MailFault, match=r"refuses user and password .*535") as found:
                await good.notifier.test()
            assert "guessed" not in str(found.value)
        assert len(box.mails) == 1

    run(act)


def test_a_certificate_of_another_name_is_not_looked_past(tmp_path: Path):
    async def act() -> None:
        other = make_certificates(tmp_path, "mail.example.org")
        box = MailBox()
        async with mail_server(box, tls=other.server()) as port:
            settings = mail_settings(port, mail_security="tls", mail_ca_file=other.certificate)
            with pytest.raises(MailFault, match="certificate does not fit"):
                await Post(settings).notifier.test()
        assert box.mails == []

    run(act)


def test_starttls_is_never_left_out():
    async def act() -> None:
        box = MailBox()
        async with mail_server(box) as port:
            with pytest.raises(MailFault, match=r"STARTTLS .*check mail_security"):
                await Post(mail_settings(port, mail_security="starttls")).notifier.test()
        assert box.mails == []

    run(act)


def test_a_password_stays_where_nobody_listens_and_nobody_else_reads_it(tmp_path: Path):
    path = secret_file(tmp_path, mode=0o640)
    here = mail_settings(9, mail_user=USER, mail_password_file=path)
    with pytest.raises(MailFault, match=r"password: others may read it; .*chmod 600"):
        Mailer(here).send("ada@example.org", "a", "b", "1", NOW_MS)
    there = here.model_copy(update={"mail_server": "192.0.2.1"})
    with pytest.raises(MailFault, match="a password needs an encrypted connection"):
        Mailer(there).send("ada@example.org", "a", "b", "1", NOW_MS)
    assert PASSWORD not in repr(here)


@pytest.mark.req("CTRL-17")
def test_put_off_it_waits_and_goes_once():
    async def act() -> None:
        box = MailBox(at_recipient=["451 4.7.1 greylisted, come back"])
        async with mail_server(box) as port:
            post = Post(mail_settings(port))
            await post.look(alert())
            assert "451 4.7.1 greylisted, come back" in post.faults[-1]
            assert box.mails == []
            began_s = asyncio.get_running_loop().time()
            await post.look(alert())  # not yet: it waits before it knocks again
            assert box.mails == []
            assert post.notifier._next_s - began_s <= RETRY_S_MIN
            post.notifier._next_s = 0.0
            await post.look(alert())
            await post.look(alert())
            assert len(box.mails) == 1
            assert post.faults[-1] == ""

    run(act)


@pytest.mark.req("CTRL-17")
def test_a_server_that_was_away_gets_everything_in_order_after_a_restart():
    async def act() -> None:
        box = MailBox()
        async with mail_server(MailBox()) as port:
            pass  # now nobody is there
        post = Post(mail_settings(port))
        await post.look(alert())
        await post.look()
        assert "no mail goes through" in post.faults[-1]
        async with mail_server(box) as port:
            again = Post(mail_settings(port), post.files)
            await again.look()
            await Post(mail_settings(port), post.files).look()
        assert box.subjects == ["[north] Destination lost: archive", "[north] Over: Destination lost: archive"]

    run(act)


def test_a_mail_that_is_refused_holds_up_no_other():
    async def act() -> None:
        box = MailBox(at_data=["554 5.6.0 not that one"])
        async with mail_server(box) as port:
            post = Post(mail_settings(port))
            await post.look(alert(), alert("backup_failed"))
            assert len(box.mails) == 1
            assert "refuses the mail (554 5.6.0 not that one)" in post.faults[-1]
            assert len(Outbox(post.files).mails()) == 1

    run(act)


def test_a_server_that_hangs_holds_up_neither_the_loop_nor_the_end():
    async def act() -> None:
        came, held = asyncio.Event(), list[asyncio.StreamWriter]()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)
            writer.write(b"220 wait\r\n")
            await reader.readline()  # EHLO, and never an answer
            came.set()

        server = await asyncio.start_server(hang, LOCAL, 0)
        post = Post(mail_settings(server.sockets[0].getsockname()[1]))
        post.open = [alert()]
        looking = asyncio.create_task(post.notifier.look())
        await came.wait()  # the loop goes on
        await until(lambda: post.notifier._mailer._client is not None, "connected")
        looking.cancel()
        await asyncio.wait([looking])
        assert looking.cancelled()
        assert len(Outbox(post.files).mails()) == 1
        held[0].close()
        server.close()
        await server.wait_closed()

    run(act)


HOSTILE = st.text(st.sampled_from("ab\r\n\t :<>@=?\0\x0b\x85\u2028é😀"), max_size=300)


@given(HOSTILE, HOSTILE)
def test_no_text_becomes_a_header(subject: str, body: str):
    mail = compose(
        "bwc@example.org", "ada@example.org", subject + "\r\nBcc: eve@example.org", body, "1\r\nX: y", NOW_MS
    )
    head = bytes(mail).partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert set(names) == {
        b"from",
        b"to",
        b"subject",
        b"date",
        b"message-id",
        b"auto-submitted",
        b"content-type",
        b"content-transfer-encoding",
        b"mime-version",
    }
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "address", ["ada@", "a b@c", '"x"<eve@example.org>@y', "ada@example.org\nBcc: eve@example.org", "@"]
)
def test_an_address_that_is_none_is_a_line(address: str):
    with pytest.raises(MailFault, match="is no address"):
        compose("bwc@example.org", address, "a", "b", "1", NOW_MS)


@pytest.mark.req("CTRL-17")
def test_by_command_with_its_rights_and_the_fault_as_the_answer():
    store = open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))
    gate = Gate(AuditTrail(store), lambda: NOW_MS, run_inline)

    async def act() -> None:
        box = MailBox()
        async with mail_server(box) as port:
            post = Post(mail_settings(port))
            telemetry = Telemetry(TelemetrySettings(), "c", list, lambda: NOW_MS, run_inline, lambda fault: None)
            commands = Commands([NotifyCommands(gate, post.notifier, telemetry)])
            ann = Actor("ann", "administrator", "::1")
            assert await commands.call(ann, "send_test_mail", {}) == {"address": "ada@example.org"}
            assert box.subjects == ["[north] Test"]
            for role in ("viewer", "local_administrator", "demo"):
                with pytest.raises(CommandRefused):
                    await commands.call(Actor("x", role, "::1"), "send_test_mail", {})
            box.at_recipient = ["550 5.1.1 nobody of that name"]
            with pytest.raises(CommandError, match=r"refuses the mail \(550 5.1.1 nobody of that name\)"):
                await commands.call(ann, "send_test_mail", {})
            state = await commands.call(ann, "notification_state", {})
            assert state["mail"].pop("sent_unix_ms"), "a test mail is one"
            assert state["mail"] == {"address": "ada@example.org", "waiting": 0, "fault": ""}
            post.settings = SystemSettings()
            with pytest.raises(CommandError, match="set notification_address"):
                await commands.call(ann, "send_test_mail", {})

    run(act)
    store.close()
