"""Mail to the one address that a system's settings name: what is wrong, and that it is over.

Law: looks at the open alerts, decides by ``notify_rules``, keeps by ``notify_outbox``, sends by ``notify_mail``. A
server that is away, slow or unwilling holds up nothing: the one thread it may have is a mail's, and how it went is an
alert of its own, which is never mailed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from host_tools.controller.notify_mail import Mailer, MailFault, one_line
from host_tools.controller.notify_outbox import AGE_MS_MAX, MAILS_MAX, Mail, Outbox
from host_tools.controller.notify_rules import News, decide, title_of
from host_tools.custody.blocking import RunBlocking
from host_tools.system.alerts import KINDS, Alert, remedies_of
from host_tools.system.records import SystemSettings

LOOK_S = 5.0  # between two looks at the alerts: mail is not faster than that anyhow
RETRY_S_MIN, RETRY_S_MAX = 30.0, 3_600.0  # a server that puts off strangers wants minutes; none wants more than an hour

LOG = logging.getLogger("openbwc.controller")


class Notifier:
    """``run`` is a task beside the controller. ``about``: how the controller is called; ``report``: told the fault that
    keeps mail from going, or "" ."""

    def __init__(
        self,
        mailer: Mailer,
        files: Files,
        settings: Callable[[], SystemSettings],
        open_alerts: Callable[[], list[Alert]],
        about: str,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        report: Callable[[str], None],
    ) -> None:
        self._mailer = mailer
        self._outbox = Outbox(files)
        self._settings = settings
        self._open_alerts = open_alerts
        self._about = about
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._report = report
        self._retry_s = RETRY_S_MIN
        self._next_s = 0.0
        self._fault = ""
        self._sent_ms: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except PortFault as fault:
                self._say(f"mail: {one_line(str(fault))}; check the controller's disk")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Write what is to be told now, and send what waits if it is time to. PortFault."""
        if not self._settings().notification_address:
            await self._run_blocking(self._outbox.forget)
            self._say("")
            return
        await self._write()
        loop = asyncio.get_running_loop()
        mails = self._outbox.mails()
        if mails and loop.time() >= self._next_s:
            fault = await self._working(lambda: self._send(mails))
            self._say(fault)
            self._next_s = loop.time() + self._retry_s if fault else 0.0
            self._retry_s = min(self._retry_s * 2, RETRY_S_MAX) if fault else RETRY_S_MIN

    async def test(self) -> str:
        """Send a mail now; the address it went to. MailFault."""
        settings = self._settings()
        if not settings.notification_address:
            raise MailFault("mail: no address; set notification_address (bwc settings set)")
        now_ms = self._wall_ms()
        subject, body = f"[{settings.name}] Test", f"Mail from {self._about} reaches you.\n"
        await self._working(
            lambda: self._mailer.send(
                settings.notification_address, subject, body, f"{self._about}.test.{now_ms}", now_ms
            )
        )
        self._sent_ms = self._wall_ms()
        self._next_s = 0.0  # what waits may go, too
        return settings.notification_address

    def state(self) -> dict[str, Any]:
        """For people: what waits, what went, what is wrong."""
        address = self._settings().notification_address
        lacks = self._mailer.lacks() if address else ""  # told before something is wrong and nobody hears of it
        return {
            "address": address,
            "waiting": len(self._outbox.mails()),
            "sent_unix_ms": self._sent_ms,
            "fault": self._fault or lacks,
        }

    async def _write(self) -> None:
        outbox, now_ms = self._outbox, self._wall_ms()
        told = outbox.told()
        news = decide(self._open_alerts(), told, now_ms, MAILS_MAX - len(outbox.mails()))
        if news or told != outbox.told():
            number = outbox.number()
            mails = [self._mail(each, number + place, now_ms) for place, each in enumerate(news)]
            await self._run_blocking(lambda: outbox.keep(mails, told))

    def _send(self, mails: list[Mail]) -> str:
        """Send them in order; what keeps one from going, or "". Blocks."""
        address, fault = self._settings().notification_address, ""
        for mail in mails:
            if self._wall_ms() - mail.made_ms >= AGE_MS_MAX:
                LOG.error("mail was not sent for days and is given up: %s", mail.subject)
                self._outbox.drop(mail.id)
                continue
            try:
                self._mailer.send(address, mail.subject, mail.body, mail.id, mail.made_ms)
            except MailFault as error:
                fault = str(error)
                if not error.refused:
                    break  # the next would meet the same
                continue
            self._outbox.drop(mail.id)
            self._sent_ms = self._wall_ms()
        return fault

    async def _working(self, work: Callable[[], Any]) -> Any:
        """Work in a thread that ends soon when nobody waits any more."""
        task = asyncio.ensure_future(self._run_blocking(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._mailer.abort()
            with contextlib.suppress(MailFault, PortFault):
                await task
            raise

    def _mail(self, news: News, number: int, now_ms: int) -> Mail:
        settings = self._settings()
        return Mail(
            id=f"{self._about}.{now_ms}.{number}",
            subject=one_line(f"[{settings.name}] {headline(news)}"),
            body=text_of(news, settings, self._about, now_ms),
            made_ms=now_ms,
        )

    def _say(self, fault: str) -> None:
        if fault and fault != self._fault:
            LOG.error("%s", fault)
        self._fault = fault
        self._report(fault)


def headline(news: News) -> str:
    """In a few words."""
    over = "Over: " if news.alert is None else ""
    return f"{over}{title_of(news.event, news.kind)}: {news.device}"


def text_of(news: News, settings: SystemSettings, about: str, now_ms: int) -> str:
    """A mail's text: what, since when, what it means, what to do."""
    zone = ZoneInfo(settings.time_zone)
    lines = [headline(news)]
    row = KINDS.get(news.kind)
    if news.alert is None:
        lines += [f"It is over since {_time(now_ms, zone)}."]
    else:
        lines += [f"Since {_time(news.alert.raised_unix_ms, zone)}."]
        lines += [f"It came {news.came} times since the last mail about it."] if news.came > 1 else []
        lines += ["", row.meaning] if row else []
        lines += [f"Details: {news.alert.details}"] if news.alert.details else []
        remedies = remedies_of(news.kind, news.alert.device) if row else ()
        lines += ["", *(f"{place}. {remedy.text()}" for place, remedy in enumerate(remedies, 1))] if row else []
    return "\n".join([*lines, "", "-- ", f"System {settings.name}, {about}", ""])


def _time(unix_ms: int, zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M} {zone.key}"
