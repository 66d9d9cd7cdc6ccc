"""Who comes to a controller, and what becomes of him: adoption, renewal, safe mode, removal, over real sessions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.camera.app import CameraApp
from firmware.drivers.cable import Refusal
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates import IDEVID, LDEVID
from host_tools.controller.members import PATH, Member, Members
from host_tools.controller.membership import MembershipError
from host_tools.custody.ledger import read_entry
from host_tools.trust.errors import TrustError, WrongPassphrase
from tests.unit.controller.rig import ControllerRig, RigCamera, running, write_recording
from tests.unit.trust.parts import PHRASE, WEEK_MS, World

SPARE_MS = 3_600_000


async def stranger(rig: ControllerRig, camera: RigCamera, admission: str, after: int = 0) -> dict[str, Any]:
    """Wait until the controller shows that camera as that."""
    return await rig.wait_for("stranger", after, camera=camera.serial, admission=admission)


async def row_of(rig: ControllerRig, camera: RigCamera) -> dict[str, Any]:
    """The camera's row in the status."""
    return next(row for row in (await rig.status())["cameras"] if row["serial"] == camera.serial)


async def dock_and_wait(rig: ControllerRig, camera: RigCamera, what: str = "camera_idle") -> None:
    """A docking, and what comes of it."""
    mark = len(rig.told)
    camera.dock()
    await rig.wait_for(what, mark, camera=camera.serial)


async def undock_and_wait(rig: ControllerRig, camera: RigCamera) -> None:
    """The opposite, and its battery taken out."""
    camera.undock()
    camera.emulated.power_off()
    await rig.until(lambda: camera.serial not in [view.serial for view in rig.controller.present()], "it to be gone")


@pytest.mark.req("CTRL-03", "LINK-04")
def test_a_factory_camera_waits_is_added_and_works(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1, adopted=False)
        async with running(rig):
            camera.dock()
            told = await stranger(rig, camera, "factory")
            assert "waiting to be added" in told["text"]
            row = await row_of(rig, camera)
            assert (row["state"], row["admission"], row["model"]) == ("factory", "factory", "pi_zero_2w_camera")
            assert camera.identity().identity(LDEVID) is None, "nothing happens by itself"
            idevid = camera.identity().identity(IDEVID)
            assert idevid is not None
            assert row["fingerprint"] == idevid.fingerprint, "what a person can compare"
            await rig.controller.membership.add("CAM-0001")
            await rig.wait_for("camera_ready", camera="CAM-0001", wearer="Ada Lovelace")
            row = await row_of(rig, camera)
            assert (row["admission"], row["online"]) == ("member", True)
            assert row["expires_unix_ms"] > rig.trust_world.now_ms + 8 * WEEK_MS - SPARE_MS
            with pytest.raises(MembershipError, match="CAM-0001: is a member already"):
                await rig.controller.membership.add("CAM-0001")

    asyncio.run(scenario())


@pytest.mark.req("CAM-22")
def test_its_certificate_is_new_after_every_dock_and_is_told_about_in_its_last_week(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            first = camera.identity().identity(LDEVID)
            await undock_and_wait(rig, camera)
            rig.trust_world.now_ms += 5 * WEEK_MS
            assert (await rig.status())["problems"] == {}
            rig.trust_world.now_ms += 5 * WEEK_MS // 2
            (alert,) = (await rig.status())["problems"].values()
            assert "CAM-0001: its certificate expires in 3 d" in alert
            assert "dock it" in alert
            await dock_and_wait(rig, camera)
            second = camera.identity().identity(LDEVID)
            assert first is not None
            assert second is not None
            assert second.expires_ms - first.expires_ms == 15 * WEEK_MS // 2
            assert (await rig.status())["problems"] == {}
            await undock_and_wait(rig, camera)
            rig.pass_weeks(9)
            (alert,) = (await rig.status())["problems"].values()
            assert "has expired" in alert

    asyncio.run(scenario())


@pytest.mark.req("CAM-22", "CTRL-13")
def test_an_expired_camera_is_in_safe_mode_gives_nothing_and_is_allowed_back(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            await undock_and_wait(rig, camera)
            recording = write_recording(camera, 1)
            rig.pass_weeks(9)
            camera.dock()
            told = await stranger(rig, camera, "safe_mode")
            assert "its certificate has expired" in told["text"]
            app = camera.emulated.application
            assert isinstance(app, CameraApp)
            await rig.until(lambda: app.state == "safe_mode", "the camera to know it")
            with pytest.raises(WrongPassphrase):
                await rig.controller.membership.allow_back(["CAM-0001"], "some other words")
            with pytest.raises(MembershipError, match="CAM-0002: no camera of that serial is here in safe mode"):
                await rig.controller.membership.allow_back(["CAM-0001", "CAM-0002"], PHRASE)
            assert (await row_of(rig, camera))["admission"] == "safe_mode"
            assert recording.hex not in str(rig.told), "nothing was even listed"
            await rig.controller.membership.allow_back(["CAM-0001"], PHRASE)
            await rig.wait_for("erased", camera="CAM-0001", recording=recording.hex)
            assert app.state == "docked"

    asyncio.run(scenario())


@pytest.mark.req("CTRL-13")
def test_cameras_come_back_by_themselves_once_the_passphrase_has_confirmed_it(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        first, second = rig.camera(1), rig.camera(2)
        rig.pass_weeks(9)
        async with running(rig):
            first.dock()
            await stranger(rig, first, "safe_mode")
            with pytest.raises(WrongPassphrase):
                await rig.controller.membership.allow_back_always("some other words")
            await rig.controller.membership.allow_back_always(PHRASE)
            await rig.wait_for("camera_idle", camera=first.serial)
            await dock_and_wait(rig, second)
            await undock_and_wait(rig, first)
            await rig.controller.membership.ask_each_time()
            rig.pass_weeks(9)
            await undock_and_wait(rig, second)
            mark = len(rig.told)
            second.dock()
            await stranger(rig, second, "safe_mode", mark)

    asyncio.run(scenario())


@pytest.mark.req("CTRL-03")
def test_a_removed_camera_is_drained_first_and_can_be_added_elsewhere(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path / "1")
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            await undock_and_wait(rig, camera)
            recording = write_recording(camera, 1)
            await rig.controller.membership.remove("CAM-0001")
            with pytest.raises(MembershipError, match="CAM-0007: no camera of this system"):
                await rig.controller.membership.remove("CAM-0007")
            assert (await row_of(rig, camera))["removing"] is True
            mark = len(rig.told)
            camera.dock()
            await rig.wait_for("removed", mark, camera="CAM-0001")
            words = [told["what"] for told in rig.told[mark:]]
            assert words.index("erased") < words.index("removed"), "drained, then removed"
            assert rig.index.get(recording.recording).state == "erased"
            await stranger(rig, camera, "factory", mark)
            assert not camera.identity().is_adopted()
            assert rig.members.all() == []
            assert (await row_of(rig, camera))["admission"] == "factory"
            mark = len(rig.told)
            await rig.controller.membership.add("CAM-0001")  # and back again: the removal does not stick to it
            await rig.wait_for("camera_idle", mark, camera="CAM-0001")

    asyncio.run(scenario())


@pytest.mark.req("CTRL-03")
def test_a_camera_is_force_removed_only_while_it_is_away_and_with_the_passphrase(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            force = rig.controller.membership.force_remove
            with pytest.raises(MembershipError, match="CAM-0001 is docked"):
                await force(["CAM-0001"], PHRASE)
            await undock_and_wait(rig, camera)
            await rig.until(lambda: not rig.controller.is_online("CAM-0001"), "the session to end")
            with pytest.raises(WrongPassphrase):
                await force(["CAM-0001"], "some other words")
            assert rig.members.find("CAM-0001") is not None
            rig.trust_world.now_ms += 1_000
            await force(["CAM-0001"], PHRASE)
            assert (await rig.status())["cameras"] == []
            entry = rig.index.last_link(None, ("force_removed",))
            assert entry is not None, "with the grant, in the ledger"
            details = read_entry(entry).details
            assert rig.trust.read_grant(bytes.fromhex(details["grant"])).subjects == ("CAM-0001",)
            camera.dock()
            told = await stranger(rig, camera, "revoked")
            assert "was taken off this system" in told["text"]

    asyncio.run(scenario())


@pytest.mark.req("CTRL-03")
def test_a_camera_that_docks_while_the_passphrase_is_tried_is_not_force_removed(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            await undock_and_wait(rig, camera)
            await rig.until(lambda: not rig.controller.is_online("CAM-0001"), "the session to end")
            membership, here = rig.controller.membership, iter([False])
            membership._is_online = lambda serial: next(here, True)
            with pytest.raises(MembershipError, match="CAM-0001 is docked"):
                await membership.force_remove(["CAM-0001"], PHRASE)
            assert rig.members.find("CAM-0001") is not None
            assert not rig.trust.record.revocations.devices

    asyncio.run(scenario())


@pytest.mark.req("CTRL-03")
def test_a_camera_that_was_stolen_can_never_be_added_again(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        rig.members.note(Member("CAM-0001", "m", rig.trust_world.now_ms, 0))
        async with running(rig):
            await rig.controller.membership.force_remove(["CAM-0001"], PHRASE, stolen=True)
            camera.identity().forget_system()  # whatever the thief does to it
            camera.dock()
            await stranger(rig, camera, "revoked")

    asyncio.run(scenario())


@pytest.mark.req("CAM-19", "CTRL-21")
def test_keys_in_daily_use_are_replaced_and_cameras_learn_of_it_at_their_dock(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            await dock_and_wait(rig, camera)
            await undock_and_wait(rig, camera)
            old = write_recording(camera, 1)
            rig.trust_world.now_ms += 60_000
            with pytest.raises(WrongPassphrase):
                await rig.controller.membership.rotate_sealing("some other words")
            await rig.controller.membership.rotate_sealing(PHRASE)
            await rig.controller.membership.rotate_issuing(PHRASE, disown=False)
            await dock_and_wait(rig, camera, "erased")
            assert await rig.delivered_content(old) == old.content, "sealed to the key before"
            app = camera.emulated.application
            assert isinstance(app, CameraApp)
            assert [each.key_id for each in app.trust.recipients] == [rig.trust.recipient().key_id]
            renewed = camera.identity().identity(LDEVID)
            assert renewed is not None
            assert renewed.chain[1] == rig.trust.record.issuing.chain[0]
            await undock_and_wait(rig, camera)
            rig.trust_world.now_ms += 60_000
            await rig.controller.membership.rotate_issuing(PHRASE, disown=True)
            mark = len(rig.told)
            camera.dock()
            told = await stranger(rig, camera, "safe_mode", mark)
            assert "issuing key was disowned" in told["text"]
            await rig.controller.membership.allow_back(["CAM-0001"], PHRASE)
            await rig.wait_for("camera_idle", mark, camera="CAM-0001")

    asyncio.run(scenario())


@pytest.mark.req("LINK-04", "CTRL-12")
def test_a_camera_of_another_system_is_unknown_and_gives_nothing_but_its_serial(tmp_path: Path):
    async def scenario() -> None:
        theirs = ControllerRig(tmp_path / "1")
        camera = theirs.camera(1)
        write_recording(camera, 1)
        other = ControllerRig(tmp_path / "2", trust_world=World(2, now_ms=theirs.trust_world.now_ms))
        async with running(other):
            visiting = other.visitor(camera, theirs.workshop)
            visiting.dock()
            told = await stranger(other, visiting, "unknown")
            assert "unknown camera: of another system" in told["text"]
            row = await row_of(other, visiting)
            assert (row["state"], row["firmware"], row["wearer"], row["recordings"]) == ("unknown", "", "", 0)
            assert other.words("camera_ready", "offload_started") == []

    asyncio.run(scenario())


@pytest.mark.req("LINK-04", "CTRL-13")
def test_a_stolen_camera_is_kept_out_for_good(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1, adopted=False)
        rig.trust.revoke("CAM-0001", rig.trust_world.now_ms, (LDEVID, IDEVID))
        async with running(rig):
            camera.dock()
            await stranger(rig, camera, "revoked")
            with pytest.raises(MembershipError):
                await rig.controller.membership.add("CAM-0001")

    asyncio.run(scenario())


@pytest.mark.req("CTRL-03")
def test_a_maker_that_is_not_trusted_makes_unknown_cameras(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        rig.trust.distrust_manufacturer(rig.workshop.maker.root)
        camera = rig.camera(1, adopted=False)
        async with running(rig):
            camera.dock()
            await stranger(rig, camera, "unknown")
            camera.undock()
            await rig.until(lambda: not rig.controller.strangers, "it to be gone")
            with pytest.raises(TrustError, match="not a manufacturer"):
                await rig.controller.membership.trust_maker(b"nonsense")
            await rig.controller.membership.trust_maker(rig.workshop.maker.root)
            mark = len(rig.told)
            camera.dock()
            await stranger(rig, camera, "factory", mark)

    asyncio.run(scenario())


def test_what_is_remembered_of_members_survives_and_is_worth_nothing(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1, adopted=False)
        rig.members.note(Member("CAM-0001", "x", rig.trust_world.now_ms + WEEK_MS, 0))
        async with running(rig):
            camera.dock()
            await stranger(rig, camera, "factory")  # whoever writes himself into the list is no member for that

    asyncio.run(scenario())


@pytest.mark.req("CAM-22")
def test_a_camera_that_cannot_keep_its_new_certificate_is_told_about_and_drained_all_the_same(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        recording = write_recording(camera, 1)
        async with running(rig):
            camera.dock()
            app = camera.emulated.application
            assert isinstance(app, CameraApp)

            def refuse(fields: dict[str, Any]) -> None:
                raise Refusal("storage", "the card is worn out")

            app.cable._handlers["install_certificate"] = refuse
            await rig.wait_for("erased", recording=recording.hex)
            (alert,) = (await rig.status())["problems"].values()
            assert "could not be renewed" in alert
            assert "the card is worn out" in alert
            await undock_and_wait(rig, camera)
            await dock_and_wait(rig, camera)
            assert (await rig.status())["problems"] == {}

    asyncio.run(scenario())


def test_members_are_kept_as_one_document_and_a_damaged_one_is_empty():
    files = MemoryFiles()
    members = Members(files)
    members.note(Member("CAM-0002", "m", 5, 6))
    members.note(Member("CAM-0001", "m", 1, 2))
    assert members.remove_when_drained("CAM-0001", True)
    assert not members.remove_when_drained("CAM-0009", True)
    members.note(Member("CAM-0001", "m", 3, 4))
    again = Members(files)
    assert again.all() == [Member("CAM-0001", "m", 3, 4, removing=True), Member("CAM-0002", "m", 5, 6)]
    again.forget("CAM-0002")
    assert [member.serial for member in Members(files).all()] == ["CAM-0001"]
    file = files.open(PATH, True)
    file.write_at(3, b"\xff\xff")
    file.close()
    assert Members(files).all() == []
