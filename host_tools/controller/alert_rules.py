"""From what status knows to alerts: pure rules, each a line of a table or a small function.

Law: facts in, alerts out; nothing is remembered. What is said twice is one alert. A problem that no rule knows is an
alert all the same, so that nothing that status tells is missing on the dashboard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from firmware.secure import certificates
from firmware.secure.certificates import ABOUT_TO_EXPIRE, EXPIRED
from host_tools.system.alert_texts import Saying
from host_tools.system.alerts import Details, Named
from host_tools.trust.admission import FACTORY, MEMBER, SAFE_MODE

EMPTY_BATTERY_PERCENT = 3  # what a gauge shows of a cell that has switched its camera off
HOUR_MS = 3_600_000

DAY_MS = 24 * HOUR_MS
# How long before its end the certificate of the pages is told of -> kind, the nearest first: an authority takes days to
# sign another one, and whoever renews by a calendar does it monthly.
_BY_DAYS_LEFT: tuple[tuple[int, str], ...] = ((7, "page_certificate_ending"), (30, "page_certificate_expiring"))

Found = dict[Named, Details]


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """A camera that is docked, member or not; ``trouble``: what one of its recordings meets."""

    serial: str
    admission: str = MEMBER
    admission_text: str = ""
    state: str = ""
    battery_percent: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that rules look at. ``problems``: as status tells them; ``expires``: of every member's certificate, by
    serial; ``set_aside``: recordings that nothing is tried with any more."""

    now_ms: int
    cameras: tuple[CameraFacts, ...] = ()
    expires: Mapping[str, int] = field(default_factory=dict[str, int])
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    set_aside: Collection[str] = ()
    storage_level: str = "ok"
    destination: str = ""
    destination_trouble: str = ""
    destination_fault: str = ""
    empty_battery_alert: bool = True


# What a problem's name begins with -> kind; what follows is the device. The first that fits; None: told otherwise.
_BY_PROBLEM: tuple[tuple[str, str | None], ...] = (
    ("contacts of ", "docking_issue"),
    ("charging of ", "unable_to_charge"),
    ("link of ", "slow_link"),
    ("renewal of ", "certificate_not_renewed"),
    ("certificate of ", None),
    ("storage", None),
    ("recording ", "problems_transferring"),
    ("space of ", "transfer_fault"),
    ("space for ", "transfer_fault"),
    ("destination: ", "person_refused"),
    ("lost ", "recording_lost"),
    ("clock", "clock_doubtful"),
    ("time server ", "clock_not_kept"),
    ("reader ", "reader_problem"),
    ("note of ", "not_let_go"),
    ("system data", "system_data"),
)
# What keeps everything from a destination, in destinations.faults' words -> kind; others: it is lost.
_BY_FAULT: dict[str, str] = {
    "clock": "clocks_differ",
    "full": "destination_full",
    "licence": "licence_missing",
    "certificate": "destination_refuses",
    "credentials": "destination_refuses",
    "rights": "destination_refuses",
    "another_destination": "destination_refuses",
    "capability": "destination_refuses",
}
_BY_LEVEL: dict[str, str] = {"almost_full": "storage_almost_full", "full": "storage_full"}


def alerts_of(facts: Facts) -> Found:
    """Everything that is wrong, with details."""
    found: Found = {}
    for camera in facts.cameras:
        found |= _of_camera(camera, facts.empty_battery_alert)
    found |= _of_certificates(facts)
    found |= _of_problems(facts.problems.items(), facts.set_aside)
    if facts.storage_level in _BY_LEVEL:
        found[_BY_LEVEL[facts.storage_level], "controller"] = facts.problems.get("storage", "")
    if facts.destination_trouble:
        kind = _BY_FAULT.get(facts.destination_fault, "destination_failed")
        found[kind, facts.destination] = facts.destination_trouble
    return found


def of_page(name: str, ends_unix_ms: int, now_ms: int) -> Found:
    """What is wrong with the certificate in use that browsers are shown. ``ends_unix_ms``: of it and what vouches."""
    left_ms = ends_unix_ms - now_ms
    if left_ms <= 0:
        return {("page_certificate_expired", name): ""}
    kind = next((kind for days, kind in _BY_DAYS_LEFT if left_ms <= days * DAY_MS), "")
    return {(kind, name): _left(left_ms)} if kind else {}


def _left(left_ms: int) -> Saying:
    days = left_ms // DAY_MS
    return Saying("detail.days_left", {"n": days}) if days else Saying("detail.hours_left")


def _of_camera(camera: CameraFacts, empty_battery_alert: bool) -> Found:
    if camera.admission == SAFE_MODE:
        return {("safe_mode", camera.serial): camera.admission_text}
    if camera.admission == FACTORY:
        return {}  # it waits to be added: nothing is wrong
    if camera.admission != MEMBER:
        return {("unknown_camera", camera.serial): camera.admission_text}
    found: Found = {}
    if camera.state == "malfunctioning":
        found["malfunctioning", camera.serial] = ""
    if empty_battery_alert and camera.battery_percent is not None and camera.battery_percent <= EMPTY_BATTERY_PERCENT:
        found["empty_battery", camera.serial] = Saying("detail.battery_left", {"percent": camera.battery_percent})
    if camera.trouble:
        found["camera_trouble", camera.serial] = camera.trouble
    return found


def _of_certificates(facts: Facts) -> Found:
    here = {camera.serial for camera in facts.cameras}
    found: Found = {}
    for serial, expires_ms in facts.expires.items():
        standing = certificates.standing_of(certificates.Validity(0, expires_ms), facts.now_ms)
        if standing == ABOUT_TO_EXPIRE:
            found["certificate_expiring", serial] = _left(expires_ms - facts.now_ms)
        elif standing == EXPIRED and serial not in here:
            found["certificate_expired", serial] = ""
    return found


def _of_problems(problems: Iterable[tuple[str, str]], set_aside: Collection[str]) -> Found:
    found: Found = {}
    for name, text in problems:
        # A path or a URL is where a board is plugged in.
        otherwise = "board_problem" if "/" in name and " " not in name else "problem"
        prefix, kind = next((row for row in _BY_PROBLEM if name.startswith(row[0])), ("", otherwise))
        if kind is None:
            continue
        device = (name if kind in ("problem", "board_problem") else name[len(prefix) :]) or "controller"
        if kind == "problems_transferring" and device in set_aside:
            kind = "could_not_transfer"
        found[kind, device] = text
    return found
