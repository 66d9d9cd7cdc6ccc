"""Wearers, devices and the system itself as the destination knows them: objects in ``Users``, ``Devices``, ``System``.

Law: one way. What changed here is pushed; nothing is read back except which system the destination belongs to. Removal
means not active any more: recordings survive, the licence is free. An unknown wearer or device would end a recording's
delivery for good, so ``Announcing`` pushes both before the first recording that names them.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from host_tools.destinations.capabilities import STORE_READ_SYSTEM_ID, STORE_USER_ID_KEY, SYSTEM
from host_tools.destinations.checks import fitted
from host_tools.destinations.http_status import ContainerRefused
from host_tools.destinations.interface import Destination, DestinationRefused, DestinationUnavailable, Metadata
from host_tools.destinations.metadata import DEVICES, USERS, device_metadata, user_metadata
from host_tools.destinations.names import WearerNames, slug
from host_tools.destinations.swift import SwiftDestination
from host_tools.destinations.wrappers import Wrapper


class AnotherDestination(DestinationUnavailable):
    """It is not the one this system was connected to; nothing is sent to it."""


@dataclass(frozen=True, slots=True)
class Wearer:
    """``id``: what recordings name him by; ``key``: the ID that people see, for destinations with StoreUserIDKey."""

    id: str
    name: str
    key: str = ""
    is_active: bool = True


NOBODY = Wearer("", "Unassigned")


@dataclass(frozen=True, slots=True)
class Device:
    """A camera."""

    serial: str
    name: str
    model: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class System:
    """``id``: a UUID, for good; ``connection``: drawn when it was connected, for good."""

    id: str
    connection: str
    name: str


async def push_wearer(destination: Destination, wearer: Wearer, names: WearerNames | None = None) -> str:
    """Tell of a wearer, new or changed. Where his UUID is taken and the ID that people see is not (another system has
    it there), he is told of without it, so that what he records arrives; answers why, else nothing."""
    names = names or WearerNames()
    takes_key = STORE_USER_ID_KEY in destination.describe().capabilities
    key = wearer.key if takes_key else ""
    await destination.ensure_container(USERS, {})
    try:
        await _put_wearer(destination, wearer, names, key)
    except DestinationRefused as refused:
        if not key or not names.system_id:
            raise
        await _put_wearer(destination, wearer, names, "")
        return str(refused)
    return ""


async def push_device(destination: Destination, device: Device) -> None:
    """Tell of a device, new or changed."""
    await destination.ensure_container(DEVICES, {})
    metadata = device_metadata(device.name, device.model, device.is_active)
    await destination.put_object(DEVICES, slug(device.serial), _Nothing(), 0, metadata)


async def push_system(destination: SwiftDestination, system: System, is_new: bool) -> None:
    """Where StoreReadSystemID was declared: make sure that this is the destination we were connected to, and tell our
    name. ``is_new``: it is being connected now. AnotherDestination."""
    if STORE_READ_SYSTEM_ID not in destination.describe().capabilities:
        return
    wanted = {"ConnectionId": fitted(system.connection), "SystemName": fitted(system.name)}
    known = await destination.object_metadata(SYSTEM, system.id)
    if known is not None and known.get("ConnectionId") != wanted["ConnectionId"]:
        raise AnotherDestination(
            f"{destination.describe()} belongs to another connection of this system: upload its own connection file"
        )
    if known is None and not is_new:
        raise AnotherDestination(
            f"{destination.describe()} does not know this system: upload the right connection file, or restore "
            "the destination from its backup"
        )
    if known is None:
        await destination.ensure_container(SYSTEM, {})
        await destination.put_object(SYSTEM, system.id, _Nothing(), 0, wanted)
    elif known.get("SystemName") != wanted["SystemName"]:
        await destination.update_object(SYSTEM, system.id, wanted)


class Announcing(Wrapper):
    """Pushes the wearer and the device of a recording before its container is made, if they were not yet or have
    changed; the container names them as they are named there. ``wearer_of`` and ``device_of``: from the ID or serial in
    the metadata; None: not in the roster, and then the ID itself is the name. ``names``: as the connection of now has
    them. Where the recording of somebody who is
    not in use any more is refused, he is for as long as it takes to deliver it. Where one that nobody wore is refused,
    it is delivered as ``NOBODY``'s, who is told of first."""

    def __init__(
        self,
        inner: Destination,
        wearer_of: Callable[[str], Wearer | None],
        device_of: Callable[[str], Device | None],
        names: Callable[[], WearerNames] = WearerNames,
    ) -> None:
        super().__init__(inner)
        self._names = names
        self._wearer_of = wearer_of
        self._device_of = device_of
        self._pushed: dict[str, bytes] = {}
        self._enabled: dict[str, tuple[Wearer | None, Device | None]] = {}  # by container, who is off otherwise
        self._switching = asyncio.Lock()  # nobody is switched off while another recording of his is let in

    async def open(self) -> None:
        """See Destination. What was pushed before is pushed again: the destination may have come from a backup."""
        self._pushed.clear()
        await self._inner.open()

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        user, serial = metadata.get("UserID", ""), metadata.get("BWCSerialNumber", "")
        if any(self._off(user, serial)):
            async with self._switching:
                await self._ensure(name, metadata, user, serial)
        else:
            await self._ensure(name, metadata, user, serial)

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await self._inner.complete(container, metadata)
        if container not in self._enabled:
            return
        async with self._switching:
            wearer, device = self._enabled[container]
            if wearer is not None:
                await push_wearer(self._inner, wearer, self._names())
            if device is not None:
                await push_device(self._inner, device)
            self._enabled.pop(container, None)

    async def announce(self, user: str, serial: str, model: str) -> None:
        """Push them unless that was done. Empty: nobody."""
        if user:
            wearer = self._wearer_of(user) or Wearer(user, user, user)
            if self._is_news(f"{USERS}/{user}", repr(wearer)):
                await push_wearer(self._inner, wearer, self._names())
                self._pushed[f"{USERS}/{user}"] = _digest(repr(wearer))
        if serial:
            device = self._device_of(serial) or Device(serial, serial, model)
            if self._is_news(f"{DEVICES}/{serial}", repr(device)):
                await push_device(self._inner, device)
                self._pushed[f"{DEVICES}/{serial}"] = _digest(repr(device))

    async def _ensure(self, name: str, metadata: Metadata, user: str, serial: str) -> None:
        await self.announce(user, serial, metadata.get("BWCModel", ""))
        names = self._names()
        named = {"UserID": names.of(user)} if user else {}
        named |= {"BWCSerialNumber": slug(serial)} if serial else {}
        try:
            await self._inner.ensure_container(name, {**metadata, **named})
        except ContainerRefused as refused:
            is_enabled = await self._enable(name, user, serial)
            if user and not is_enabled:  # it names him as it knows him, and people know him otherwise
                raise ContainerRefused(f"{refused} (wearer {user})" if names.system_id else str(refused)) from refused
            if not user:  # some destinations know no recording without a wearer
                await push_wearer(self._inner, NOBODY, names)
                named["UserID"] = names.of("")
            await self._inner.ensure_container(name, {**metadata, **named})

    async def _enable(self, container: str, user: str, serial: str) -> bool:
        """Whether somebody was off, and is on until the recording is complete."""
        wearer, device = self._off(user, serial)
        if wearer is not None:
            await push_wearer(self._inner, replace(wearer, is_active=True), self._names())
        if device is not None:
            await push_device(self._inner, replace(device, is_active=True))
        if wearer is None and device is None:
            return False
        self._enabled[container] = (wearer, device)
        return True

    def _off(self, user: str, serial: str) -> tuple[Wearer | None, Device | None]:
        """Those of the two who are not in use."""
        wearer = self._wearer_of(user) if user else None
        device = self._device_of(serial) if serial else None
        return (
            wearer if wearer is not None and not wearer.is_active else None,
            device if device is not None and not device.is_active else None,
        )

    def _is_news(self, key: str, text: str) -> bool:
        return self._pushed.get(key) != _digest(text)


async def _put_wearer(destination: Destination, wearer: Wearer, names: WearerNames, key: str) -> None:
    metadata = user_metadata(wearer.name, wearer.is_active, key)
    await destination.put_object(USERS, names.of(wearer.id), _Nothing(), 0, metadata)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


class _Nothing:
    """An empty body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in ():
            yield piece
