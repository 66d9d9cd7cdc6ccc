"""The one destination that a system is connected to: is it still that one, does it still do what it said, is everybody
known there; and the exchange of its connection file.

Law: a wrapper around what a connection file leads to. A new file takes effect when the destination is opened next, so
that nothing is cut off; it must lead to the same destination, which the System object there tells. People and cameras
are told one way, each on its own: one that has no licence does not keep the others back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from host_tools.custody.blocking import RunBlocking
from host_tools.destinations import connection_file
from host_tools.destinations.attachment import Attachment, Bond, Told
from host_tools.destinations.capabilities import ALL, Category
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.http_status import LicenceExhausted
from host_tools.destinations.interface import (
    ContainerMissing,
    Destination,
    DestinationRefused,
    DestinationUnavailable,
)
from host_tools.destinations.metadata import DEVICES, USERS
from host_tools.destinations.names import WearerNames
from host_tools.destinations.people import (
    AnotherDestination,
    Device,
    System,
    Wearer,
    push_device,
    push_system,
    push_wearer,
)
from host_tools.destinations.swift import SwiftDestination
from host_tools.destinations.swift_session import Unreachable
from host_tools.destinations.time_watch import AskTime, TimeWatch
from host_tools.destinations.time_watch import Told as TimeTold
from host_tools.destinations.wrappers import Operation, Wrapper

T = TypeVar("T")

CATEGORIES_MS = 24 * 3_600_000  # between two looks at the destination's categories, as the API has it
PUSHED_AT_ONCE_MAX = 50  # people or cameras between two recordings: a tenth of a second each at worst
GONE = "Gone/"  # before a container's name: whom the destination was told to be out of use
REFUSED_AGAIN_MS = 5 * 60_000  # a wearer or camera that was refused is told again: a licence may have been added
NAMED_MAX = 3  # of people in one line
BY_UUID_HINT = "; where it takes UUIDs alone: bwc destination connect CONNECTION-FILE --wearers-by-uuid"

__all__ = ("AnotherDestination", "Attached", "CapabilityMissing", "Connected", "NotConnected", "People")


class CapabilityMissing(DestinationUnavailable):
    """It once declared what it does not declare any more; what depends on that would be lost without a word."""


class NotConnected(DestinationUnavailable):
    """The system was taken from its destination, and was given no other."""


class Connected(NamedTuple):
    """What a connection file leads to: the store itself, and all wrappers around it."""

    store: SwiftDestination
    outer: Destination


class People(Protocol):
    """Whom the system has now."""

    def wearers(self) -> Iterable[Wearer]:
        """All of them."""
        ...

    def devices(self) -> Iterable[Device]:
        """All of them."""
        ...


class Attached(Wrapper):
    """``new_id``: a UUID never drawn before; ``build``: from a connection file; ``system_name``: what people call this
    system; ``ask_time``: of an NTP server; ``told_categories``: hears of other categories, and may block. Made by
    ``attach``."""

    def __init__(
        self,
        attachment: Attachment,
        connection: ConnectionFile,
        bond: Bond,
        new_id: Callable[[], str],
        build: Callable[[ConnectionFile], Connected],
        people: People,
        system_name: Callable[[], str],
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        ask_time: AskTime,
        told_categories: Callable[[tuple[Category, ...] | None], None],
    ) -> None:
        self.refused_people: dict[str, str] = {}
        self.known_by_name: dict[str, str] = {}
        self._attachment = attachment
        self._connection = connection
        self._bond = bond
        self._new_id = new_id
        self._is_free = False  # of any destination
        self._build = build
        self._people = people
        self._system_name = system_name
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._ask_time = ask_time
        self._told_categories = told_categories
        self._now = build(connection)
        self._time = self._time_of(connection)
        super().__init__(self._now.outer)
        self._next: ConnectionFile | None = None
        self._told: Told = attachment.told()
        self._fresh: set[tuple[str, str]] = set()  # told since the destination was opened after having been away
        self._again_ms: dict[tuple[str, str], int] = {}

    # -- Destination

    async def open(self) -> None:
        """See Destination: a new connection file comes into force, then identity, capabilities and categories."""
        if self._next is not None:
            await self._now.outer.close()
            self._now, self._time = self._build(self._next), self._time_of(self._next)
            self._next = None
            self._inner, self._is_free = self._now.outer, False
        self._require_connection()
        await self._look_at_time()
        await super().open()
        self._require_time()
        await self._know_again()
        await self._read_categories()

    async def check(self) -> None:
        """See Destination."""
        await super().check()
        self._require_time()

    # -- beside recordings

    @property
    def time_told(self) -> TimeTold | None:
        """What it says of our clock as our time server; None where it is none, or was not asked yet."""
        return self._time.told if self._time is not None and not self._is_free else None

    @property
    def categories(self) -> tuple[Category, ...] | None:
        """What people choose from, as the destination said last; None where it leaves that to us."""
        return self._bond.categories

    def wearer_names(self) -> WearerNames:
        """What wearers are called there."""
        return self._bond.wearers

    @property
    def missing_capabilities(self) -> tuple[str, ...]:
        """What it can not do, of what there is."""
        known = self._now.outer.describe().capabilities or frozenset(self._bond.capabilities)
        return tuple(sorted(ALL - known))

    def gone(self, container: str, name: str) -> Wearer | Device | None:
        """Whoever was removed from the system, as the destination still knows him: out of use."""
        about = self._told.get(GONE + container, {}).get(name)
        return None if about is None else _gone(container, name, about)

    def is_due(self) -> bool:
        """Whether somebody is to be told of, or a connection file waits to come into force."""
        if self._is_free:
            return self._next is not None
        is_asking = self._time is not None and self._time.is_due()
        return is_asking or self._next is not None or any(True for _ in self._changes())

    async def holds(self, container: str) -> bool | None:
        """Whether it still has what it acknowledged; None where it does not say. DestinationUnavailable."""
        self._require_connection()
        return await self._now.store.holds(container)

    def forget_refusals(self) -> None:
        """A person wants everything tried again, now."""
        self._again_ms.clear()

    async def upkeep(self) -> None:
        """Tell of some who are new, changed or gone; ``is_due`` says whether there are more. DestinationUnavailable."""
        done = False
        self._require_connection()
        await self._look_at_time()
        for count, change in enumerate(list(self._changes())):
            if count == PUSHED_AT_ONCE_MAX:
                break
            done = await self._tell(*change) or done
        if done:
            await self._run_blocking(lambda: self._attachment.keep_told(self._told))

    async def replace_connection(self, data: bytes, by_uuid: bool = False) -> ConnectionFile:
        """Take another connection file of the same destination, once it has proved to lead there. ``by_uuid``: name
        wearers by UUID from now on, where none of them is known there by his ID. ConnectionFileError,
        DestinationUnavailable; then nothing has changed."""
        new = connection_file.parse(data)
        if not self._is_free:
            connection_file.check_change(self._connection, new)
        bond = self._named_by_uuid() if by_uuid else self._bond
        trial = self._build(new)
        try:
            await trial.store.open()
            self._require_capabilities(trial.store.describe().capabilities)
            await push_system(trial.store, self._system(), is_new=not self._bond.is_known)
        finally:
            await trial.outer.close()
        await self._run_blocking(lambda: self._keep_both(new, bond))
        self._connection = self._next = new
        self._bond = replace(bond, categories_unix_ms=0)  # read again at once, as the API has it
        if by_uuid:
            self._again_ms.clear()  # who was refused by his ID
            self.refused_people.clear()
        return new

    async def forget(self) -> None:
        """Leave this destination: the next connection file may be of any other. ConnectionFileError, PortFault."""
        self._is_free, self._next = True, None
        self._bond = _new_bond(self._new_id)
        self._told = {}
        for known in (self._fresh, self._again_ms, self.refused_people, self.known_by_name):
            known.clear()
        await self._run_blocking(self._attachment.forget)
        await self._now.outer.close()

    # -- helpers

    def _require_connection(self) -> None:
        if self._is_free:
            raise NotConnected(
                "this system is connected to no destination: give it a connection file: bwc destination connect"
            )

    def _time_of(self, connection: ConnectionFile) -> TimeWatch | None:
        return TimeWatch(self._ask_time, self._wall_ms, _now_s) if connection.is_time_server else None

    async def _look_at_time(self) -> None:
        """The server is the host whose address was used last: the API says that the destination is one, and no more."""
        if self._time is not None:
            await self._time.look(urlsplit(self._now.store.session.location).hostname or "")

    def _require_time(self) -> None:
        if self._time is not None and self._now.store.session.clock is None:
            self._time.require()

    def _named_by_uuid(self) -> Bond:
        """ConnectionFileError where somebody is known by his ID: he would be there twice, with a licence each."""
        known = [*self._told.get(USERS, {}), *self._told.get(GONE + USERS, {})]
        if known and not self._bond.is_by_uuid:
            raise ConnectionFileError(
                f"this destination takes wearers by their IDs ({', '.join(known[:NAMED_MAX])}): to name them by UUID, "
                "leave it (bwc destination forget) and connect again"
            )
        return replace(self._bond, is_by_uuid=True)

    def _keep_both(self, connection: ConnectionFile, bond: Bond) -> None:
        self._attachment.keep_bond(bond)
        self._attachment.keep_connection(connection)

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        self._require_connection()
        try:
            return await call()
        except (Unreachable, ContainerMissing):
            self._fresh.clear()  # who knows what it goes through until it is back: everybody is told anew
            raise

    def _system(self) -> System:
        return System(self._bond.system_id, self._bond.connection_id, self._system_name())

    async def _know_again(self) -> None:
        declared = self._now.store.describe().capabilities
        self._require_capabilities(declared)
        await push_system(self._now.store, self._system(), is_new=not self._bond.is_known)
        kept = tuple(sorted(declared | set(self._bond.capabilities)))
        await self._keep(replace(self._bond, is_known=True, capabilities=kept))

    def _require_capabilities(self, declared: frozenset[str]) -> None:
        gone = sorted(set(self._bond.capabilities) - declared)
        if gone:
            raise CapabilityMissing(
                f"destination {self._now.store.session.location} does not declare {', '.join(gone)} any more: "
                "switch it on again there"
            )

    async def _read_categories(self) -> None:
        age_ms = self._wall_ms() - self._bond.categories_unix_ms
        if 0 <= age_ms < CATEGORIES_MS:
            return
        found = await self._now.store.read_categories()
        if found != self._bond.categories or not self._bond.categories_unix_ms:
            await self._run_blocking(lambda: self._told_categories(found))
        await self._keep(replace(self._bond, categories=found, categories_unix_ms=self._wall_ms()))

    async def _keep(self, bond: Bond) -> None:
        if bond != self._bond:
            await self._run_blocking(lambda: self._attachment.keep_bond(bond))
            self._bond = bond

    def _changes(self) -> Iterable[tuple[str, str, Wearer | Device]]:
        """Who is to be told of: new or changed, then those who are gone."""
        present: set[tuple[str, str]] = set()
        for container, name, who in self._present():
            present.add((container, name))
            if not self._is_told(container, name, who) and not self._waits(container, name):
                yield container, name, who
        for container in (USERS, DEVICES):
            for name, about in self._told.get(container, {}).items():
                if (container, name) not in present and not self._waits(container, name):
                    yield container, name, _gone(container, name, about)

    def _present(self) -> Iterable[tuple[str, str, Wearer | Device]]:
        for wearer in self._people.wearers():
            yield USERS, wearer.id, wearer
        for device in self._people.devices():
            yield DEVICES, device.serial, device

    def _is_told(self, container: str, name: str, who: Wearer | Device) -> bool:
        return (container, name) in self._fresh and self._told.get(container, {}).get(name) == _about(who)

    def _waits(self, container: str, name: str) -> bool:
        return self._again_ms.get((container, name), 0) > self._wall_ms()

    async def _tell(self, container: str, name: str, who: Wearer | Device) -> bool:
        """Whether it was heard. What concerns one alone keeps nobody else back."""
        key = f"{'wearer' if container == USERS else 'camera'} {name}"
        without_id = ""
        try:
            if isinstance(who, Wearer):
                without_id = await push_wearer(self._now.outer, who, self._bond.wearers)
            else:
                await push_device(self._now.outer, who)
        except (DestinationRefused, LicenceExhausted) as refused:
            is_by_id = isinstance(who, Wearer) and not self._bond.is_by_uuid and isinstance(refused, DestinationRefused)
            hint = BY_UUID_HINT if is_by_id else ""
            self.refused_people[key] = f"{key} is not known at the destination: {refused}{hint}"
            self._again_ms[container, name] = self._wall_ms() + REFUSED_AGAIN_MS
            return False
        self.refused_people.pop(key, None)
        self._again_ms.pop((container, name), None)
        self.known_by_name.pop(key, None)
        if without_id:
            self.known_by_name[key] = f"{key} is known at the destination by name alone: {without_id}"
        if who.is_active:
            self._told.setdefault(container, {})[name] = _about(who)
            if without_id:
                self._again_ms[container, name] = self._wall_ms() + REFUSED_AGAIN_MS
            else:
                self._fresh.add((container, name))
            self._told.get(GONE + container, {}).pop(name, None)
        else:
            self._told.setdefault(GONE + container, {})[name] = _about(who)
            self._told.get(container, {}).pop(name, None)
            self._fresh.discard((container, name))
        return True


def attach(
    attachment: Attachment,
    given: ConnectionFile | None,
    new_id: Callable[[], str],
    build: Callable[[ConnectionFile], Connected],
    people: People,
    system_name: Callable[[], str],
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
    ask_time: AskTime,
    told_categories: Callable[[tuple[Category, ...] | None], None] = lambda _: None,
) -> Attached:
    """The destination of this system. ``given``: a connection file that was named at the start; it may take the place
    of the one in force under the rules. ``new_id``: a UUID never drawn before. Blocks. ConnectionFileError."""
    known, bond = attachment.connection(), attachment.bond()
    if known is not None and given is not None and given != known:
        connection_file.check_change(known, given)
    connection = given or known
    if connection is None:
        raise ConnectionFileError("this system is connected to no destination: upload a connection file")
    if bond is None:
        bond = _new_bond(new_id)
        attachment.keep_bond(bond)
    elif given is not None and given != known:
        bond = replace(bond, categories_unix_ms=0)
    if connection != known:
        attachment.keep_connection(connection)
    return Attached(
        attachment, connection, bond, new_id, build, people, system_name, wall_ms, run_blocking, ask_time,
        told_categories,
    )  # fmt: skip


def _new_bond(new_id: Callable[[], str]) -> Bond:
    """Of a destination that knows nobody of ours yet."""
    return Bond(new_id(), new_id(), is_by_uuid=True)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _about(who: Wearer | Device) -> dict[str, str]:
    if isinstance(who, Wearer):
        return {"name": who.name, "key": who.key}
    return {"name": who.name, "model": who.model}


def _gone(container: str, name: str, about: dict[str, str]) -> Wearer | Device:
    if container == USERS:
        return Wearer(name, about.get("name", name), about.get("key", ""), is_active=False)
    return Device(name, about.get("name", name), about.get("model", ""), is_active=False)
