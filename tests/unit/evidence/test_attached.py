"""A system's one destination: identity, capabilities, people pushed one way, another connection file."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery_extras import TextSource
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import connection_file
from host_tools.destinations.attached import Attached, CapabilityMissing, Connected, NotConnected, attach
from host_tools.destinations.attachment import Attachment
from host_tools.destinations.capabilities import Category
from host_tools.destinations.connecting import connected
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.faults import fault_word
from host_tools.destinations.http_status import CredentialsRefused
from host_tools.destinations.interface import STATUS, TRANSFERRING, DestinationRefused, DestinationUnavailable
from host_tools.destinations.names import WearerNames
from host_tools.destinations.people import AnotherDestination, Device, Wearer
from host_tools.destinations.sntp import TimeReading
from host_tools.destinations.time_watch import AskTime
from host_tools.evidence.devices import devices
from host_tools.evidence.folder import SECRET_NAME
from host_tools.evidence.intake import DECLARED
from tests.unit.evidence.running import Running, running, wall_ms

ADA, GRACE = Wearer("W-1", "Ada Lovelace", "W-1"), Wearer("W-2", "Grace Hopper", "W-2")
CAMERA = Device("CAM-1", "Night shift", "zero")
DAY_MS = 24 * 3_600_000


@dataclass
class People:
    """Whom a system has."""

    now: list[Wearer] = field(default_factory=list[Wearer])
    cameras: list[Device] = field(default_factory=list[Device])

    def wearers(self) -> Iterable[Wearer]:
        return list(self.now)

    def devices(self) -> Iterable[Device]:
        return list(self.cameras)


async def no_time(server: str) -> TimeReading:
    """Of destinations that are no time servers."""
    raise AssertionError(f"{server} was asked for the time")


@dataclass
class Controller:
    """What a controller keeps from start to start."""

    files: Files = field(default_factory=MemoryFiles)
    people: People = field(default_factory=lambda: People([ADA, GRACE], [CAMERA]))
    ahead_ms: int = 0
    heard: list[tuple[Category, ...] | None] = field(default_factory=list[tuple[Category, ...] | None])
    ask_time: AskTime = field(default_factory=lambda: no_time)
    ids: Iterable[str] = field(default_factory=lambda: map(uuid_of, itertools.count(1)))

    @asynccontextmanager
    async def attached(self, given: ConnectionFile | None = None) -> AsyncGenerator[Attached]:
        """It is started."""

        def wearer_of(wearer_id: str) -> Wearer | None:
            known = next((each for each in self.people.now if each.id == wearer_id), None)
            gone = known or made.gone("Users", wearer_id)
            return gone if isinstance(gone, Wearer) else None

        def device_of(serial: str) -> Device | None:
            known = next((each for each in self.people.cameras if each.serial == serial), None)
            gone = known or made.gone("Devices", serial)
            return gone if isinstance(gone, Device) else None

        def build(connection: ConnectionFile) -> Connected:
            return connected(connection, wall_ms, run_in_thread, bytes, wearer_of, device_of, names=names)

        def names() -> WearerNames:
            return made.wearer_names()

        ids = iter(self.ids)
        made = attach(
            Attachment(self.files),
            given,
            lambda: next(ids),
            build,
            self.people,
            lambda: "north",
            lambda: wall_ms() + self.ahead_ms,
            run_in_thread,
            self.ask_time,
            self.heard.append,
        )
        try:
            yield made
        finally:
            await made.close()


async def push_all(attached: Attached) -> None:
    while attached.is_due():
        await attached.upkeep()


def uuid_of(number: int) -> str:
    """One that was never drawn before, the same in each run."""
    return str(UUID(int=number, version=4))


def user(wearer_id: str) -> str:
    """What a wearer is called at the destination that a controller is connected to first."""
    return WearerNames(uuid_of(1)).of(wearer_id)


def active(server: Running, container: str) -> dict[str, str]:
    """Names of whoever is in use there, by the ID that people know."""
    rows = server.store.catalogue.objects(container)
    found = {row.metadata.get("UserID") or row.name: row for row in rows if row.metadata["Active"] == "True"}
    return {key: row.metadata["Name"] for key, row in found.items()}


@pytest.mark.req("DEST-03", "CTRL-04")
def test_people_are_pushed_on_change_and_removal_goes_one_way(tmp_path: Path):
    async def run() -> None:
        controller = Controller()
        async with running(tmp_path / "destination", "") as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                assert active(server, "Users") == {"W-1": "Ada Lovelace", "W-2": "Grace Hopper"}
                assert active(server, "Devices") == {"CAM-1": "Night shift"}
                assert not attached.is_due(), "nobody is told twice"
                controller.people.now = [replace(ADA, name="Ada King"), GRACE]
                assert attached.is_due()
                await push_all(attached)
                assert active(server, "Users")["W-1"] == "Ada King"
            controller.people.now = [GRACE]  # while no controller runs
            async with controller.attached() as attached:
                await attached.open()
                await push_all(attached)
                assert active(server, "Users") == {"W-2": "Grace Hopper"}
                gone = server.store.catalogue.object("Users", user("W-1"))
                assert gone is not None, "never the other way: it survives there"
                assert gone.metadata["Name"] == "Ada King"
                assert attached.gone("Users", "W-1") == Wearer("W-1", "Ada King", "W-1", is_active=False)

    asyncio.run(run())


@pytest.mark.req("DEST-03", "DEST-09")
def test_one_without_licence_keeps_nobody_back_and_a_removal_frees_it(tmp_path: Path):
    async def run() -> None:
        controller = Controller()
        async with (
            running(tmp_path / "destination", "licences = 1\n") as server,
            controller.attached(server.connection) as attached,
        ):
            await attached.open()
            await push_all(attached)
            assert (len(active(server, "Users")), len(active(server, "Devices"))) == (1, 1)
            ((key, text),) = attached.refused_people.items()
            assert key == "wearer W-2"
            assert "no licence left" in text
            controller.people.now = [GRACE]
            await push_all(attached)
            assert active(server, "Users") == {}, "it was told to wait, and waits"
            attached.forget_refusals()
            await push_all(attached)
            assert active(server, "Users") == {"W-2": "Grace Hopper"}
            assert attached.refused_people == {}

    asyncio.run(run())


async def record(attached: Attached, name: str, wearer: str) -> None:
    """A recording on its whole way."""
    about = {"UserID": wearer, "BWCSerialNumber": "CAM-1", "StartTime": "1767225600", STATUS: TRANSFERRING}
    await attached.ensure_container(name, about)
    await attached.put_object(name, "a.mp4", TextSource(b"a film"), 6, {})
    await attached.complete(name)


@pytest.mark.req("DEST-03", "DEST-04", "DEST-09")
@pytest.mark.parametrize("mode", ["wearer", "device"])
def test_whoever_is_removed_frees_a_licence_and_whoever_comes_back_takes_one(tmp_path: Path, mode: str):
    first, second = f"{user('W-1')}_CAM-1_20260101T000000Z", f"{user('W-1')}_CAM-1_20260102T000000Z"

    async def run() -> None:
        controller = Controller(people=People([ADA], [CAMERA]))
        async with (
            running(tmp_path / "destination", f'mode = "{mode}"\nlicences = 1\n') as server,
            controller.attached(server.connection) as attached,
        ):
            intake = server.destination.intake
            await attached.open()
            await push_all(attached)
            await record(attached, first, "W-1")
            assert (intake.licences_used(), words(server)) == (1, {"W-1": "ok", "CAM-1": "ok"})
            controller.people.now, controller.people.cameras = [], []
            await push_all(attached)
            assert (intake.licences_used(), words(server)) == (0, {"W-1": "disabled", "CAM-1": "disabled"})
            kept = server.store.catalogue.object(first, "a.mp4")
            assert kept is not None, "recordings survive"
            assert b"".join(server.store.read(kept, 0, kept.length_bytes)) == b"a film"
            await record(attached, second, "W-1")  # was still on the camera
            assert server.store.required(second).is_complete
            assert intake.licences_used() == 0, "and costs none afterwards"
            controller.people.now, controller.people.cameras = [replace(ADA, name="Ada King")], [CAMERA]
            assert attached.is_due()
            await push_all(attached)
            assert (intake.licences_used(), words(server)) == (1, {"W-1": "ok", "CAM-1": "ok"})
            assert active(server, "Users") == {"W-1": "Ada King"}
            assert attached.gone("Users", "W-1") is None
            assert attached.refused_people == {}

    asyncio.run(run())


def words(server: Running) -> dict[str, str]:
    """How each fares, as the destination's health has it; an hour later, so that nothing is live."""
    found = devices(server.destination.intake, wall_ms() + 3_600_000)
    return {each["key"] or each["id"]: each["status"] for each in found}


@pytest.mark.req("CTRL-22", "DEST-01")
def test_a_system_that_has_left_its_destination_takes_any_other(tmp_path: Path):
    async def run() -> None:
        controller = Controller()
        async with running(tmp_path / "one", "") as one, running(tmp_path / "two", 'container_type = "mkv"\n') as two:
            async with controller.attached(one.connection) as attached:
                await attached.open()
                await push_all(attached)
                with pytest.raises(ConnectionFileError, match="cannot become"):
                    await attached.replace_connection(connection_file.write(two.connection))
                await attached.forget()
                assert not attached.is_due()
                for work in (attached.open, attached.check, attached.upkeep, lambda: attached.holds("x")):
                    with pytest.raises(NotConnected, match="bwc destination connect"):
                        await work()
                assert Attachment(controller.files).connection() is None
                controller.people.now = [GRACE]
                await attached.replace_connection(connection_file.write(two.connection))
                with pytest.raises(NotConnected):
                    await attached.check()  # not before it is opened: never to the one that was left
                await attached.open()
                await push_all(attached)
                assert active(two, "Users") == {"W-2": "Grace Hopper"}
                assert len(two.store.catalogue.objects("Users")) == 1, "who was there never need not be told off"
            async with controller.attached() as attached:  # and after a start
                await attached.open()
                assert attached.describe().container_type == "mkv"
            assert set(active(one, "Users")) == {"W-1", "W-2"}, "nothing was asked of the one that was left"
        controller.files = MemoryFiles()
        with pytest.raises(ConnectionFileError, match="connected to no destination"):
            async with controller.attached():
                pass

    asyncio.run(run())


@pytest.mark.req("DEST-01", "DEST-02")
def test_a_file_of_another_destination_is_refused_and_one_of_the_same_is_taken(tmp_path: Path):
    async def run() -> None:
        controller = Controller()
        place = tmp_path / "destination"
        async with running(place, "") as server, running(tmp_path / "other", "") as other:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                with pytest.raises(AnotherDestination, match="does not know this system"):
                    await attached.replace_connection(connection_file.write(other.connection))
                wrong = replace(server.connection, key="wrong")
                with pytest.raises(CredentialsRefused):
                    await attached.replace_connection(connection_file.write(wrong))
                for change in ({"container_type": "mkv"}, {"has_full_support": False, "wants_encryption": False}):
                    changed = replace(server.connection, **change)
                    if changed != server.connection:
                        with pytest.raises(ConnectionFileError, match="cannot become"):
                            await attached.replace_connection(connection_file.write(changed))
                await attached.open()  # nothing of that has taken effect
            port = server.port
        (place / SECRET_NAME).write_text("another secret of the very same destination\n")
        async with running(place, "", port=port) as server:
            async with controller.attached() as attached:
                with pytest.raises(CredentialsRefused):
                    await attached.open()
                taken = await attached.replace_connection(connection_file.write(server.connection))
                assert taken.key.startswith("another secret")
                await attached.open()
            async with controller.attached() as attached:  # the file that was uploaded may be deleted
                await attached.open()
            with pytest.raises(ConnectionFileError, match="cannot become"):
                async with controller.attached(replace(server.connection, container_type="mkv")):
                    pass

    asyncio.run(run())


@pytest.mark.req("DEST-02", "CTRL-09")
def test_what_was_declared_once_and_is_gone_stops_delivery(tmp_path: Path):
    async def run() -> None:
        controller, place = Controller(), tmp_path / "destination"
        async with running(place, "") as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                assert attached.missing_capabilities == ()
            server.store.catalogue.keep_fact(DECLARED, "")
            port = server.port
        (place / "server.toml").write_text('capabilities = ["StoreReadSystemID", "StoreBookmarks"]\n')
        async with running(place, "", port=port), controller.attached() as attached:
            with pytest.raises(CapabilityMissing, match="ReadCategories") as caught:
                await attached.open()
            assert fault_word(caught.value) == "capability"

    asyncio.run(run())


@pytest.mark.req("DEST-06", "CTRL-05")
def test_categories_are_read_once_a_day_and_after_another_connection_file(tmp_path: Path):
    async def run() -> None:
        controller, place = Controller(), tmp_path / "destination"
        first, second = '[[category]]\nid = "1"\nname = "Traffic"\n', '[[category]]\nid = "2"\nname = "Assault"\n'
        async with running(place, first) as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await attached.open()
                assert controller.heard == [(Category("Traffic", "1"),)]
            port = server.port
        (place / "server.toml").write_text(second)
        async with running(place, port=port) as server, controller.attached() as attached:
            await attached.open()
            assert attached.categories == (Category("Traffic", "1"),), "not yet"
            controller.ahead_ms = DAY_MS
            await attached.open()
            assert attached.categories == (Category("Assault", "2"),)
            count = len(controller.heard)
            await attached.replace_connection(connection_file.write(server.connection))
            await attached.open()
            assert len(controller.heard) == count + 1, "at once"

    asyncio.run(run())


@pytest.mark.req("DEST-03")
def test_after_a_backup_was_restored_everybody_is_told_anew(tmp_path: Path):
    async def run() -> None:
        controller, place = Controller(), tmp_path / "destination"
        async with running(place, "") as server, controller.attached(server.connection) as attached:
            await attached.open()
            await push_all(attached)
            for name in (user("W-1"), user("W-2")):
                with server.store.catalogue.change():
                    server.store.catalogue._run("DELETE FROM objects WHERE name = ?", (name,))
            port = server.port
            server.destination.store.catalogue.close()
            with pytest.raises(DestinationUnavailable):
                await attached.ensure_container("W-1_CAM-1_20260101T000000Z", {"UserID": "W-1"})
        async with running(place, "", port=port) as server, controller.attached() as attached:
            await attached.open()
            await push_all(attached)
            assert set(active(server, "Users")) == {"W-1", "W-2"}

    asyncio.run(run())


@pytest.mark.req("DEST-03")
def test_an_unknown_wearer_is_told_by_a_word_of_its_own(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", "") as server:
            built = connected(server.connection, wall_ms, run_in_thread, bytes, lambda _: None, lambda _: None)
            await built.store.open()
            about = {"UserID": "W-9", "BWCSerialNumber": "CAM-1", STATUS: TRANSFERRING}
            with pytest.raises(DestinationRefused, match="unknown here") as caught:
                await built.store.ensure_container("W-9_CAM-1_20260101T000000Z", about)
            assert fault_word(caught.value) == "unknown_wearer_or_camera"
            await built.outer.ensure_container("W-9_CAM-1_20260101T000000Z", about)  # announced, it is known
            await built.outer.close()

    asyncio.run(run())
