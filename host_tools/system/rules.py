"""What must hold between records; asked of a change as a whole, before anything of it is written.

Law: pure. Each rule looks only at what was touched and at what refers to it, so that a change of one wearer among ten
thousand costs one wearer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from host_tools.hardware import badge_numbers
from host_tools.system import catalogue
from host_tools.system.catalogue import Abilities
from host_tools.system.errors import SystemRefused
from host_tools.system.records import (
    SYSTEM_KEY,
    FixedAssignment,
    Holding,
    Profile,
    Record,
    SystemSettings,
    Wearer,
)
from host_tools.system.state import State

WEARERS_MAX = 10_000  # of one system
CAMERAS_MAX = 16_384  # as many as can be members
PROFILES_MAX = 200  # more are not told apart by people
CATEGORIES_MAX = 500  # likewise
DEVICES_MAX = 32_768  # twice as many as can be members: those that have gone are among them

_MOST: dict[str, int] = {"wearer": WEARERS_MAX, "camera": CAMERAS_MAX, "profile": PROFILES_MAX,
                         "category": CATEGORIES_MAX, "device": DEVICES_MAX, "priority": WEARERS_MAX}  # fmt: skip
NO_NAMES = (".", "..")  # URLs, as browsers and proxies read them, have no part of that name
# What a machine's own tables of time zones have beside those of people: browsers know none of them, and would show UTC.
NO_ZONES = ("Factory", "localtime", "posixrules")
NO_ZONE_FOLDERS = ("posix/", "right/")
AbilitiesOf = Mapping[str, Abilities]
R = TypeVar("R", bound=Record)


def check(before: State, after: State, touched: set[tuple[str, str]], abilities: AbilitiesOf, reset: bool) -> None:
    """SystemRefused, in one line, unless ``after`` may follow ``before``. ``reset``: the one change that may choose
    again what was chosen at the setting-up."""
    for kind, most in _MOST.items():
        if len(after.of(kind)) > most:
            raise SystemRefused(f"a system has at most {most} of kind {kind}: remove some first")
    for kind, key in sorted(touched):
        if key in after.of(kind):
            check_one(kind, key, before, after, abilities, reset)
        elif (old := before.of(kind).get(key)) is not None:
            _GONE.get(kind, _may_go)(old, after)


def check_one(kind: str, key: str, before: State, after: State, abilities: AbilitiesOf, reset: bool = False) -> None:
    """The same for one record of ``after``."""
    if key in NO_NAMES and key not in before.of(kind):
        text = f"{kind} {key}: is a way through folders in an address, where nobody could open it: choose another"
        raise SystemRefused(text, "not_allowed", field=after.of(kind)[key].KEY)
    _CHECKS[kind](after.of(kind)[key], before, after, abilities, reset)


def unsupported(state: State, profile: Profile, model: str, abilities: AbilitiesOf) -> list[str]:
    """Why a camera of that model cannot be used with a profile; empty if it can. An unknown model ('') can."""
    if not model:
        return []
    if profile.models and model not in profile.models:
        return [f"profile {profile.name} is for {', '.join(profile.models)} only"]
    return catalogue.cannot(catalogue.effective(profile, model), model, abilities.get(model))


def _check_wearer(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    wearer = _as(Wearer, record)
    alike = after.ids_alike(wearer.id)
    if len(alike) > 1:
        other = next(each for each in alike if each != wearer.id)
        name = after.wearers[other].name
        text = f"wearer {wearer.id}: the id is already used by {name}: choose another"
        raise SystemRefused(text, "id_taken", id=wearer.id, name=name)
    for tag in wearer.tags:
        others = [each for each in after.owners_of_tag(tag) if each != wearer.id]
        if others:
            name = _named(after, others[0])
            text = f"wearer {wearer.id}: tag {tag} belongs to {name}: unpair it there"
            raise SystemRefused(text, "badge_taken", tag=tag, name=name)
        if not before.owners_of_tag(tag):
            _check_new_tag(wearer, tag, after)
    if wearer.profile not in after.profiles:
        text = f"wearer {wearer.id}: there is no profile {wearer.profile}: make it, or choose another"
        raise SystemRefused(text, "profile_unknown", profile=wearer.profile)
    known = before.wearers.get(wearer.id)
    if known is not None and known.linked_username and wearer.linked_username != known.linked_username:
        text = f"wearer {wearer.id}: a linked username does not change: remove the wearer and add it again"
        raise SystemRefused(text, "username_linked")
    if known is not None and known.profile != wearer.profile:
        for camera in after.cameras_of(wearer.id):
            _require_support(after, wearer, camera, abilities)


def _check_new_tag(wearer: Wearer, tag: str, after: State) -> None:
    """However it comes in: at a reader, by a form, in a file."""
    uid = bytes.fromhex(tag)
    fault = badge_numbers.fault_of(uid, after.technologies.get(tag, ""))
    if fault:
        raise SystemRefused(f"wearer {wearer.id}: {fault.text}", fault.code, tag=tag)
    turned = badge_numbers.turned_round(uid).hex().upper()
    if turned and (owners := after.owners_of_tag(turned)):
        name = _named(after, owners[0])
        text = f"wearer {wearer.id}: {badge_numbers.turned_text(uid)} (it is {name}'s)"
        raise SystemRefused(text, "badge_turned", tag=tag, known=turned, name=name)


def _check_profile(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    profile = _as(Profile, record)
    for where, settings in (("", profile.settings), *((f" for {m}", s) for m, s in profile.by_model.items())):
        for fault in catalogue.faults_of(settings):
            raise SystemRefused(f"profile {profile.name}{where}: {fault}")
    for model in ("", *sorted(profile.by_model)):
        for fault in catalogue.contradictions(catalogue.effective(profile, model)):
            raise SystemRefused(f"profile {profile.name}: {fault}")
    for model in profile.models:
        for line in unsupported(after, profile, model, abilities):
            raise SystemRefused(f"profile {profile.name}: {line}: change it for that model, or allow other models only")
    if before.profiles.get(profile.name) == profile:
        return
    for camera, wearer_id in after.worn().items():
        wearer = after.wearers.get(wearer_id)
        if wearer is not None and wearer.profile == profile.name:
            _require_support(after, wearer, camera, abilities)


def _check_assignment(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    assignment = _as(FixedAssignment, record)
    wearer = after.wearers.get(assignment.wearer)
    if wearer is None:
        raise SystemRefused(f"camera {assignment.camera}: no wearer has the id {assignment.wearer}: see the wearers")
    _require_support(after, wearer, assignment.camera, abilities)


def _check_holding(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    holding = _as(Holding, record)
    wearer = after.wearers.get(holding.wearer)
    if wearer is None:
        raise SystemRefused(f"camera {holding.camera}: no wearer has the id {holding.wearer}: see the wearers")
    others = [each.camera for each in after.held_by(wearer.id) if each.camera != holding.camera]
    if others and holding.undocked_unix_ms is not None:
        away = [camera for camera in others if after.holdings[camera].undocked_unix_ms is not None]
        if away:
            raise SystemRefused(f"{wearer.name} already holds camera {away[0]}: have it returned first")
    if before.holdings.get(holding.camera) is None:
        _require_support(after, wearer, holding.camera, abilities)


def _check_settings(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    settings, known = _as(SystemSettings, record), before.settings
    if record.key != SYSTEM_KEY or settings.default_profile not in after.profiles:
        raise SystemRefused(f"there is no profile {settings.default_profile}: make it, or choose another default")
    zone = settings.time_zone
    if zone != known.time_zone and (zone in NO_ZONES or zone.startswith(NO_ZONE_FOLDERS)):
        raise SystemRefused(f"time zone {zone}: no browser knows it: write one as Europe/Stockholm or UTC")
    if known.evaluation and not settings.evaluation:
        raise SystemRefused("evaluation mode is for ever, as its account is: make a new system in another folder")
    if reset or not known.set_up:
        return
    if settings.assignment_mode != known.assignment_mode:
        raise SystemRefused("how cameras are assigned was chosen at the setting-up: only a system reset changes it")
    if settings.evaluation != known.evaluation:
        raise SystemRefused("evaluation mode was chosen at the setting-up: only a system reset changes it")
    if not settings.set_up:
        raise SystemRefused("the system is set up: only a system reset undoes it")


def _check_nothing(record: Record, before: State, after: State, abilities: AbilitiesOf, reset: bool) -> None:
    """Holds by itself."""


def _wearer_may_go(old: Record, after: State) -> None:
    wearer = _as(Wearer, old)
    cameras = after.cameras_of(wearer.id)
    if cameras:
        raise SystemRefused(f"{wearer.name} has camera {cameras[0]}: have it returned, or unassign it, first")


def _profile_may_go(old: Record, after: State) -> None:
    profile = _as(Profile, old)
    if after.settings.default_profile == profile.name:
        raise SystemRefused(f"profile {profile.name} is the default of new wearers: choose another default first")
    users = [wearer.name for wearer in after.wearers.values() if wearer.profile == profile.name]
    if users:
        more = f" and {len(users) - 1} more" if len(users) > 1 else ""
        raise SystemRefused(f"profile {profile.name} is used by {users[0]}{more}: give them another first")


def _settings_may_go(old: Record, after: State) -> None:
    raise SystemRefused("a system has settings: change them instead")


def _may_go(old: Record, after: State) -> None:
    """Nothing refers to it."""


def _require_support(state: State, wearer: Wearer, camera: str, abilities: AbilitiesOf) -> None:
    entry, profile = state.cameras.get(camera), state.profiles.get(wearer.profile)
    if entry is None or profile is None:
        return
    lines = unsupported(state, profile, entry.model, abilities)
    if lines:
        text = f"camera {camera} cannot be {wearer.name}'s with profile {profile.name}: {'; '.join(lines)}"
        raise SystemRefused(text, "camera_cannot", camera=camera, name=wearer.name, profile=profile.name)


def _named(state: State, wearer_id: str) -> str:
    wearer = state.wearers.get(wearer_id)
    return f"{wearer.name} ({wearer_id})" if wearer is not None else wearer_id


def _as(kind: type[R], record: Record) -> R:
    if not isinstance(record, kind):
        raise TypeError(f"{record!r} is no {kind.__name__}")
    return record


_CHECKS: dict[str, Callable[[Record, State, State, AbilitiesOf, bool], None]] = {
    "wearer": _check_wearer,
    "camera": _check_nothing,
    "profile": _check_profile,
    "assignment": _check_assignment,
    "holding": _check_holding,
    "priority": _check_nothing,
    "suspension": _check_nothing,
    "category": _check_nothing,
    "device": _check_nothing,
    "settings": _check_settings,
}
_GONE: dict[str, Callable[[Record, State], None]] = {
    "wearer": _wearer_may_go,
    "profile": _profile_may_go,
    "settings": _settings_may_go,
}
