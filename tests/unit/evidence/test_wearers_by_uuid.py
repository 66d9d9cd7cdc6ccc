"""Wearers are UUIDs at a destination, as the API has it, and people know them by their own ID all the same; what was
connected in former times stays as it was."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.controller.delivery_view import destination_alerts
from host_tools.custody.journey import Journey
from host_tools.destinations import connection_file, people
from host_tools.destinations.attached import Attached
from host_tools.destinations.attachment import BOND_NAME, Attachment, Bond
from host_tools.destinations.connection_file import ConnectionFileError
from host_tools.destinations.http_status import ContainerRefused
from host_tools.destinations.interface import STATUS, TRANSFERRING, Metadata
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.names import NO_WEARER_UUID, WearerNames
from host_tools.destinations.people import Wearer
from host_tools.destinations.wrappers import Wrapper
from host_tools.evidence import viewing
from host_tools.evidence.errors import Refusal
from host_tools.evidence.export import export
from host_tools.evidence.search import Query, search
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.custody.recordings import sample
from tests.unit.evidence.running import Running, running
from tests.unit.evidence.takers import taker
from tests.unit.evidence.test_attached import ADA, CAMERA, GRACE, Controller, People, active, push_all, user, uuid_of
from tests.unit.evidence.test_beside_recordings import rejected_of

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.req("DEST-03", "CTRL-04")]
__all__ = ("quick",)

TIME = "CAM-1_20260101T000000Z"
LONG_ID = "伊" * 30  # as long as one may be, and longer than a store takes when it is encoded


async def record(attached: Attached, name: str, wearer: str) -> None:
    """A recording without contents, as delivery tells of it."""
    about = {"UserID": wearer, "BWCSerialNumber": "CAM-1", "StartTime": "1767225600", STATUS: TRANSFERRING}
    await attached.ensure_container(name, {key: value for key, value in about.items() if value})
    await attached.complete(name)


def called(server: Running) -> dict[str, str]:
    """What wearers are called there, by the ID that people know."""
    rows = server.store.catalogue.objects("Users")
    return {row.metadata.get("UserID", ""): row.name for row in rows}


def found(server: Running, wearer: str) -> set[str]:
    return {row.name for row in search(server.store.catalogue, Query(wearer=wearer))}


def former_bond(controller: Controller, **known: str) -> None:
    """As the software before this had written it: nothing in it speaks of UUIDs."""
    Attachment(controller.files).keep_bond(Bond(uuid_of(7), uuid_of(8)))
    file = controller.files.open(BOND_NAME)
    data = bytearray(file.size_bytes())
    file.read_at(0, data)
    fields = {key: value for key, value in json.loads(data).items() if key != "is_by_uuid"} | known
    file.close()
    controller.files.remove(BOND_NAME)
    file = controller.files.create(BOND_NAME)
    file.write_at(0, json.dumps(fields).encode())
    file.close()


def test_a_new_connection_names_wearers_by_uuid_wherever_it_names_them(tmp_path: Path):
    async def run() -> None:
        controller = Controller(people=People([ADA], [CAMERA]))
        async with running(tmp_path / "destination", "licences = 1\n") as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                names = attached.wearer_names()
                box, nobodys = f"{names.of('W-1')}_{TIME}", f"{names.of('')}_{TIME}"
                await record(attached, box, "W-1")
                await record(attached, nobodys, "")
            before = called(server)
            controller.people.now = []
            async with controller.attached() as attached:
                await attached.open()
                await push_all(attached)
                assert active(server, "Users") == {}
                controller.people.now = [replace(ADA, name="Ada King")]  # is back, and has married
                await push_all(attached)
                assert active(server, "Users") == {"W-1": "Ada King"}
            assert called(server) == before == {"W-1": user("W-1")}, "one for good"
            assert UUID(before["W-1"]).version == 5
            assert server.store.required(box).metadata["UserID"] == before["W-1"]
            assert nobodys.startswith(f"{UUID(int=0)}_")
            assert "UserID" not in server.store.required(nobodys).metadata, "nobody costs no licence"
            row = viewing.recording_row(
                server.store,
                server.store.required(box),
                server.destination.settings,
                viewing.known_people(server.store),
            )
            assert (row["wearer_key"], row["wearer_name"]) == ("W-1", "Ada King")
            nobody = viewing.recording_row(
                server.store,
                server.store.required(nobodys),
                server.destination.settings,
                viewing.known_people(server.store),
            )
            assert (nobody["wearer"], nobody["wearer_key"]) == ("", "")
            for word in ("W-1", "w-1", "ada king", before["W-1"]):
                assert found(server, word) == {box}, word

    asyncio.run(run())


def test_a_connection_of_former_times_goes_on_by_the_ids_until_it_is_left(tmp_path: Path):
    async def run() -> None:
        controller = Controller(people=People([ADA, GRACE], [CAMERA]))
        former_bond(controller)
        async with running(tmp_path / "one", "") as server, running(tmp_path / "two", "") as next_one:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                await record(attached, f"{attached.wearer_names().of('W-1')}_{TIME}", "W-1")
                await attached.replace_connection(connection_file.write(server.connection))
                await attached.open()
            async with controller.attached() as attached:
                await attached.open()
                controller.people.now = [ADA, replace(GRACE, name="Grace Murray Hopper")]
                await push_all(attached)
                assert called(server) == {"W-1": "W-1", "W-2": "W-2"}
                assert server.store.required(f"W-1_{TIME}").metadata["UserID"] == "W-1"
                await attached.forget()
                await attached.replace_connection(connection_file.write(next_one.connection))
                await attached.open()
                await push_all(attached)
            assert called(server) == {"W-1": "W-1", "W-2": "W-2"}, "nothing is renamed there"
            assert {UUID(name).version for name in called(next_one).values()} == {5}
            assert set(called(next_one)) == {"W-1", "W-2"}

    asyncio.run(run())


@pytest.mark.req("DEST-09")
def test_a_system_that_comes_back_anew_has_the_same_people_there_and_the_same_licences(tmp_path: Path):
    async def run() -> None:
        controller = Controller(people=People([ADA], [CAMERA]))
        former_bond(controller)
        async with running(tmp_path / "destination", "licences = 1\n") as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                await record(attached, f"W-1_{TIME}", "W-1")
                await attached.forget()
                await attached.replace_connection(connection_file.write(server.connection))
                await attached.open()
                await push_all(attached)
                name = attached.wearer_names().of("W-1")
                await record(attached, f"{name}_{TIME}", "W-1")
                assert (attached.refused_people, attached.known_by_name) == ({}, {})
                controller.people.now = [replace(ADA, name="Ada King")]
                await push_all(attached)
                assert (attached.refused_people, attached.known_by_name) == ({}, {})
            assert server.destination.intake.licences_used() == 1
            both = {f"W-1_{TIME}", f"{name}_{TIME}"}
            for word in ("W-1", name):
                assert found(server, word) == both, word
            chosen = viewing.choices(server.store, server.destination.settings)["wearers"]
            assert [each["key"] for each in chosen] == ["W-1"]

    asyncio.run(run())


def test_two_systems_that_have_the_same_id_mean_two_people_and_both_deliver(tmp_path: Path):
    async def run() -> None:
        north = Controller(people=People([ADA], [CAMERA]))
        south = Controller(people=People([Wearer("W-1", "Bob", "W-1")], [CAMERA]), ids=map(uuid_of, range(50, 99)))
        async with running(tmp_path / "destination", "") as server:
            async with north.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
            async with south.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                name = attached.wearer_names().of("W-1")
                assert name != user("W-1")
                await record(attached, f"{name}_{TIME}", "W-1")
                ((key, text),) = attached.known_by_name.items()
                assert key == "wearer W-1"
                assert "the ID W-1 is another user's" in text
                assert attached.refused_people == {}
                assert not attached.is_due(), "it is not asked all the time"
                held = Held([])
                async with held.delivering(attached, around=Around(upkeep=attached)) as delivery:
                    assert destination_alerts(delivery) == {"ID of wearer W-1": text}
                held.close()
                about = {"Active": "False", "Name": "Ada Lovelace", "UserID": ""}  # there, Ada's ID is taken away
                server.destination.intake.update_object("Users", user("W-1"), about)
                attached.forget_refusals()
                await push_all(attached)
                assert attached.known_by_name == {}
            assert found(server, "Bob") == found(server, "W-1") == {f"{name}_{TIME}"}
            assert active(server, "Users") == {"W-1": "Bob"}

    asyncio.run(run())


class ParsesUuids(Wrapper):
    """A destination of another maker, in memory: it reads a UUID wherever the API has one, and knows no recording
    without a wearer who is in use."""

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        if name not in ("Users", "Devices"):
            try:
                named = str(UUID(metadata["UserID"])) == name.partition("_")[0]
                users = await self.store.read_container("Users")
                if not named or users is None or users.objects[metadata["UserID"]].metadata["Active"] != "True":
                    raise ContainerRefused(f"user {metadata['UserID']} is unknown")
            except (ValueError, KeyError) as error:
                raise ContainerRefused(f"no UUID: {error}") from error
        await super().ensure_container(name, metadata)

    @property
    def store(self) -> MemoryDestination:
        assert isinstance(self._inner, MemoryDestination)
        return self._inner


def test_a_destination_that_parses_uuids_takes_what_somebody_wore_and_what_nobody_did():
    async def run() -> None:
        names, store = WearerNames(uuid_of(1)), MemoryDestination()
        announcing = people.Announcing(ParsesUuids(store), lambda _: None, lambda _: None, lambda: names)
        for wearer in ("W-7", "", "W/7 ö", "伊藤"):
            about = {"BWCSerialNumber": "CAM-1"} | ({"UserID": wearer} if wearer else {})
            await announcing.ensure_container(f"{names.of(wearer)}_{TIME}", about)
        users = await store.read_container("Users")
        assert users is not None
        assert users.objects[NO_WEARER_UUID].metadata["Name"] == "Unassigned"
        assert users.objects[names.of("伊藤")].metadata["Name"] == "伊藤"
        gone = people.Announcing(
            ParsesUuids(store), lambda _: replace(ADA, is_active=False), lambda _: None, lambda: names
        )
        box = f"{names.of('W-1')}_{TIME}"
        await gone.ensure_container(box, {"UserID": "W-1", "BWCSerialNumber": "CAM-1"})
        users = await store.read_container("Users")
        assert users is not None
        assert users.objects[names.of("W-1")].metadata["Active"] == "True", "as long as it takes"
        await gone.complete(box)
        users = await store.read_container("Users")
        assert users is not None
        assert users.objects[names.of("W-1")].metadata["Active"] == "False"
        assert all(UUID(name) for name in users.objects)
        with pytest.raises(ContainerRefused, match=r"\(wearer W-8\)"):  # people do not know him by his UUID
            await announcing.ensure_container(f"W-8_{TIME}", {"UserID": "W-8", "BWCSerialNumber": "CAM-1"})

    asyncio.run(run())


def test_a_connection_of_former_times_that_is_refused_is_named_by_uuid_in_place(tmp_path: Path):
    """It cannot be left: what was set aside would be stranded."""
    given = sample(1)

    async def run() -> None:
        held, controller = Held([given]), Controller(people=People([ADA], [CAMERA]))
        former_bond(controller)
        journey = Journey(held.index, held.clock)
        async with (
            running(tmp_path / "destination", "") as server,
            controller.attached(server.connection) as attached,
        ):
            refuse_all_but_uuids(server)
            async with held.delivering(attached, around=Around(NoteBook(MemoryFiles()), attached)) as delivery:
                await held.until(lambda: "set_aside" in held.words())
                assert "--wearers-by-uuid" in attached.refused_people["wearer W-1"]
                await attached.replace_connection(connection_file.write(server.connection), by_uuid=True)
                assert attached.refused_people == {}
                journey.retry(given.recording)
                delivery.retry()
                await held.until(lambda: "delivered" in held.words())
            name = WearerNames(uuid_of(7)).of("W-7")
            assert server.store.required(held.index.get(given.recording).container).metadata["UserID"] == name
            assert set(called(server).values()) >= {name, WearerNames(uuid_of(7)).of("W-1")}
        bond = Attachment(controller.files).bond()
        assert bond is not None
        assert (bond.is_by_uuid, bond.system_id) == (True, uuid_of(7)), "for good, and as the same system"
        held.close()

    asyncio.run(run())


def refuse_all_but_uuids(server: Running) -> None:
    """As a destination of another maker may."""
    intake = server.destination.intake
    taken = intake.check_object

    def check(container: str, name: str, metadata: dict[str, str], length_bytes: int | None) -> None:
        if container == "Users":
            try:
                UUID(name)
            except ValueError as error:
                raise Refusal(400, f"user {name}: is no UUID") from error
        taken(container, name, metadata, length_bytes)

    intake.check_object = check


def test_nobody_who_is_known_by_his_id_is_named_by_uuid_in_place(tmp_path: Path):
    async def run() -> None:
        controller = Controller(people=People([ADA], [CAMERA]))
        former_bond(controller)
        async with running(tmp_path / "destination", "") as server:
            async with controller.attached(server.connection) as attached:
                await attached.open()
                await push_all(attached)
                for _ in range(2):
                    with pytest.raises(ConnectionFileError, match=r"takes wearers by their IDs \(W-1\)"):
                        await attached.replace_connection(connection_file.write(server.connection), by_uuid=True)
                    controller.people.now = []  # and whoever was removed is known there as well
                    await push_all(attached)
            assert called(server) == {"W-1": "W-1"}

    asyncio.run(run())


@pytest.mark.req("DEST-11", "CTRL-24")
def test_an_export_shows_that_the_uuid_is_the_wearer_whom_the_camera_has_signed(tmp_path: Path):
    given = sample(1)

    async def run() -> str:
        held, controller = Held([given]), Controller(people=People())
        try:
            async with (
                running(tmp_path / "destination", "") as server,
                controller.attached(server.connection) as attached,
            ):
                around = Around(NoteBook(MemoryFiles()), attached)
                async with held.delivering(attached, around=around):
                    await held.until(lambda: "delivered" in held.words())
                (row,) = search(server.store.catalogue, Query(wearer="W-7"))
                export(server.store, row.name, tmp_path / "out", taker())
                return row.metadata["UserID"]
        finally:
            held.close()

    told_as = asyncio.run(run())
    assert told_as == user("W-7")
    code, told = verified(tmp_path / "out")
    assert code == 0, told
    assert "good  container.meta.json tells it as the camera does" in told
    assert f"in system {uuid_of(1)}, the UUID {told_as}" in told
    path = tmp_path / "out" / "container.meta.json"
    path.write_text(path.read_text().replace(told_as, user("W-8")))
    code, told = verified(tmp_path / "out")
    assert code == 1
    assert "BAD   container.meta.json tells it as the camera does, not so UserID" in told


def verified(folder: Path) -> tuple[int, str]:
    """Whoever forges makes the sums fit; here they are not what is looked at."""
    told = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py")], capture_output=True, text=True, check=False
    )
    return told.returncode, told.stdout + told.stderr


def test_what_was_begun_for_another_destination_is_named_anew(tmp_path: Path):
    given = sample(1, wearer=(LONG_ID, "Zoë"))

    async def run() -> None:
        held, controller = Held([given]), Controller(people=People())
        Journey(held.index, held.clock).start_delivery(given.recording, "W-7_CAM-0001_20260101T000000Z")
        async with (
            running(tmp_path / "destination", "") as server,
            controller.attached(server.connection) as attached,
        ):
            around = Around(NoteBook(MemoryFiles()), attached)
            async with held.delivering(attached, around=around):
                await held.until(lambda: "delivered" in held.words())
            box = server.store.required(f"{user(LONG_ID)}_CAM-0001_20260101T000000Z")
            assert held.index.get(given.recording).container == box.name
            assert box.metadata["UserID"] == user(LONG_ID)
        held.close()

    asyncio.run(run())


def test_what_was_refused_before_it_had_a_name_is_rejected_under_one_with_a_uuid(tmp_path: Path):
    given = sample(1)

    async def run() -> None:
        held, controller = Held([given]), Controller(people=People())
        Journey(held.index, held.clock).poison(given.recording, "nobody can store this")
        async with (
            running(tmp_path / "destination", "") as server,
            controller.attached(server.connection) as attached,
            held.delivering(attached, around=Around(NoteBook(MemoryFiles()), attached)) as delivery,
        ):
            done = await rejected_of(held, delivery, MemoryFiles()).send(given.recording)
            box = server.store.required(done["where"].rpartition(" ")[2])
            original = f"{user('W-7')}_CAM-0001_20260101T000000Z"
            assert box.metadata["RejectedContentOriginalContainer"] == original
            assert box.metadata["UserID"] == user("W-7")
        held.close()

    asyncio.run(run())


def test_a_bond_whose_uuid_is_none_is_damaged():
    controller = Controller()
    Attachment(controller.files).keep_bond(Bond("north", "1", is_by_uuid=True))
    with pytest.raises(ConnectionFileError, match="restore it from the controller's backup"):
        Attachment(controller.files).bond()
    former_bond(controller, system_id="north")
    known = Attachment(controller.files).bond()
    assert known is not None
    assert known.wearers.of("W-7") == "W-7"
