"""Puts together what tells others of a controller: mail to a person, telemetry to a broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.ports.files import Files
from firmware.secure import certificates
from host_tools.controller.alerting import Alerting
from host_tools.controller.notify import Notifier
from host_tools.controller.notify_mail import Mailer
from host_tools.controller.service import Controller
from host_tools.controller.settings import Settings
from host_tools.controller.telemetry import Telemetry
from host_tools.controller.telemetry_rows import rows
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.spool import Spool
from host_tools.system.system import System
from host_tools.trust.system import SystemTrust


@dataclass(frozen=True, slots=True)
class Telling:
    """Each is a task beside the controller."""

    notifier: Notifier
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Told:
    """What they look at. ``files``: the controller's folder."""

    controller: Controller
    spool: Spool
    system: System
    alerting: Alerting
    files: Files
    trust: SystemTrust


def make_telling(settings: Settings, told: Told, wall_ms: Callable[[], int], run_blocking: RunBlocking) -> Telling:
    """Both, whether the settings name a server or not: without one they are silent."""
    name = certificates.identify(told.trust.record.controller.chain, True).serial
    notifier = Notifier(
        Mailer(settings),
        told.files,
        lambda: told.system.settings,
        told.alerting.book.open,
        name,
        wall_ms,
        run_blocking,
        _reporter(told.alerting, "mail_failed"),
    )
    telemetry = Telemetry(
        settings,
        name,
        lambda: rows(told.controller, told.spool, settings.mqtt_names),
        wall_ms,
        run_blocking,
        _reporter(told.alerting, "telemetry_failed"),
    )
    return Telling(notifier, telemetry)


def _reporter(alerting: Alerting, kind: str) -> Callable[[str], None]:
    return lambda fault: alerting.set_all(kind, {(kind, "controller"): fault} if fault else {})
