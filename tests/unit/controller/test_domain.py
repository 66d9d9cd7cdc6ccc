"""The domain behind a real controller and real cameras: what is changed reaches them at once, and what they were used
for comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.camera.assignment import Assignment
from firmware.camera.behaviour import Behaviour
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.sealing_file import FileSealer
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.controller.alert_commands import AlertCommands
from host_tools.controller.alerting import Alerting
from host_tools.controller.commands import CommandError, CommandRefused, Commands, Gate
from host_tools.controller.contact_alerts import Alert as ContactAlert
from host_tools.controller.domain import Domain
from host_tools.controller.priorities import Priorities
from host_tools.controller.profile_commands import ProfileCommands
from host_tools.controller.report_commands import ReportCommands
from host_tools.controller.reporting import DAY_MS, Reporting
from host_tools.controller.reset_commands import ResetCommands
from host_tools.controller.settings_commands import SettingsCommands
from host_tools.controller.table_commands import TableCommands
from host_tools.controller.upkeep import Upkeep
from host_tools.controller.wearer_commands import WearerCommands
from host_tools.custody.blocking import run_in_thread, run_inline
from host_tools.system.alerts import AlertBook, sayings
from host_tools.system.errors import StaleWrite, SystemRefused
from host_tools.system.records import CameraEntry, FixedAssignment
from host_tools.system.reset_rules import Standing
from host_tools.system.system import System
from tests.unit.controller.rig import ControllerRig, running
from tests.unit.system.parts import ADA, NOW_MS, ZERO, make_system

ANN = Actor("ann", "administrator", "192.0.2.7")
BOB = Actor("bob", "local_administrator", "192.0.2.8")
WALL_SCREEN = Actor("tv", "viewer", "192.0.2.9")


@pytest.fixture
def gate():
    store = open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))
    yield Gate(AuditTrail(store), lambda: NOW_MS, run_inline)
    store.close()


def commands(
    gate: Gate, system: System, standing: Standing | None = None, leave: Callable[[], Awaitable[None]] | None = None
) -> Commands:
    """Everything about system data, by words, with a clock that stands."""
    domain = Domain(system, lambda: NOW_MS, run_inline)

    async def stands() -> Standing:
        return standing or Standing(False, [], [], 0, 0)

    async def passphrase_is_right(_: str) -> None:
        return None

    return Commands(
        [
            WearerCommands(gate, domain),
            ProfileCommands(gate, domain),
            SettingsCommands(gate, domain),
            TableCommands(gate, domain),
            ResetCommands(gate, domain, stands, passphrase_is_right, leave),
        ]
    )


def call(made: Commands, what: str, actor: Actor = ANN, /, **arguments: Any) -> Any:
    return asyncio.run(made.call(actor, what, arguments))


# -- commands


@pytest.mark.req("CTRL-04", "CTRL-14")
def test_wearers_by_command(gate: Gate):
    system = make_system()
    made = commands(gate, system)
    Priorities(system, lambda: NOW_MS, system).begin("W-001", "ann")
    row = call(made, "add_wearer", BOB, id="W-9", name="New", tags=["04:05"])
    assert (row["profile"], row["tags"], row["changed_by"], row["cameras"]) == ("default", ["0405"], "bob", [])
    page = call(made, "list_wearers", WALL_SCREEN, search="ada")
    assert [(each["id"], each["cameras"]) for each in page["rows"]] == [("W-001", ["CAM-0001"])]
    first = call(made, "list_wearers", limit=2)
    assert ([each["id"] for each in first["rows"]], first["total"], first["next"]) == (["W-001", "W-002"], 3, "W-002")
    assert [each["id"] for each in call(made, "list_wearers", after=first["next"])["rows"]] == ["W-9"]
    assert call(made, "pair_tag", wearer="W-9", tag="aabb")["tags"] == ["0405", "AABB"]
    assert call(made, "unpair_tag", wearer="W-9", tag="0405")["tags"] == ["AABB"]
    with pytest.raises(SystemRefused, match="belongs to Ada"):
        call(made, "pair_tag", wearer="W-9", tag="04A1B2C3")
    call(made, "remove_wearer", id="W-001")
    assert call(made, "list_assignments") == [], "with the camera that was always theirs"
    assert not system.state.priorities, "whoever gets that id next does not go first"


@pytest.mark.req("CTRL-14")
def test_a_viewer_changes_nothing(gate: Gate):
    system = make_system()
    made = commands(gate, system)
    revision = system.revision
    for name, arguments in {
        "add_wearer": {"id": "W-9", "name": "x"},
        "remove_wearer": {"id": "W-001"},
        "pair_tag": {"wearer": "W-001", "tag": "0405"},
        "assign_camera": {"camera": "CAM-0002", "wearer": "W-001"},
        "put_profile": {"name": "x", "version": 0},
        "change_settings": {"version": 1, "changes": {}},
        "import_wearers": {"csv": "", "token": ""},
        "export_wearers": {},
    }.items():
        with pytest.raises(CommandRefused):
            call(made, name, WALL_SCREEN, **arguments)
    assert system.revision == revision


def test_two_administrators_collide_and_the_second_is_told(gate: Gate):
    made = commands(gate, make_system())
    seen = call(made, "get_wearer", id="W-002")["version"]
    call(made, "change_wearer", BOB, id="W-002", version=seen, name="Eve B.")
    with pytest.raises(StaleWrite, match="was changed by bob"):
        call(made, "change_wearer", id="W-002", version=seen, name="Eve A.")
    profile = call(made, "put_profile", name="night", version=0, settings={"audio": False})
    call(made, "put_profile", name="night", version=profile["version"], description="by ann")
    with pytest.raises(StaleWrite, match="profile night was changed by ann"):
        call(made, "put_profile", name="night", version=profile["version"], description="by bob")
    settings = call(made, "get_settings")
    call(made, "change_settings", version=settings["version"], changes={"shift_minutes": 480})
    with pytest.raises(StaleWrite):
        call(made, "change_settings", version=settings["version"], changes={"shift_minutes": 490})


@pytest.mark.req("CTRL-05")
def test_profiles_say_what_each_model_cannot_do(gate: Gate):
    made = commands(gate, make_system())
    row = call(made, "put_profile", name="fall", version=0, settings={"fall_recording": True})
    assert row["unsupported"] == {"pi_zero_2w_camera": ["fall_recording on: pi_zero_2w_camera has no motion sensor"]}
    assert call(made, "list_profiles")[1]["wearers"] == 0
    catalogue = call(made, "setting_catalogue")
    obeyed = {each["name"]: each["obeyed"] for each in catalogue["settings"]}
    assert (obeyed["prebuffer_s"], obeyed["video_quality"]) == (False, True)
    call(made, "remove_profile", name="fall", version=row["version"])
    with pytest.raises(CommandError, match="there is no profile fall"):
        call(made, "get_profile", name="fall")


@pytest.mark.req("CTRL-04")
def test_an_import_is_what_was_previewed_or_nothing(gate: Gate):
    system = make_system()
    made = commands(gate, system)
    text = "ID,Name\nW-001,Ada L.\nW-9,New\n"
    preview = call(made, "preview_wearer_import", csv=text)
    assert [row["text"] for row in preview["changed"]] == ["name Ada Lovelace → Ada L."]
    with system.change("bob", NOW_MS) as edit:
        edit.put(ADA.model_copy(update={"email": "a@b.c"}))
    with pytest.raises(CommandError, match="were changed since the preview: nothing was imported"):
        call(made, "import_wearers", csv=text, token=preview["token"])
    token = call(made, "preview_wearer_import", csv=text)["token"]
    assert call(made, "import_wearers", csv=text, token=token) == {"added": 1, "changed": 1, "same": 0}
    wrong = text + "w-9,Again\n"
    assert call(made, "preview_wearer_import", csv=wrong)["token"] == ""
    with pytest.raises(CommandError, match="line 4: ID w-9 is already in line 3"):
        call(made, "import_wearers", csv=wrong, token="")
    exported = call(made, "export_wearers")["csv"]
    assert call(made, "preview_wearer_import", csv=exported)["same"] == 3


@pytest.mark.req("CTRL-22", "RFID-05")
def test_a_reset_lets_the_system_be_set_up_again(gate: Gate):
    system = make_system()
    made = commands(gate, system)
    version = call(made, "get_settings")["version"]
    call(made, "change_settings", version=version, changes={"set_up": True, "assignment_mode": "self_multi"})
    with pytest.raises(CommandError, match="tap a badge at a reader"):
        call(made, "assign_camera", camera="CAM-0002", wearer="W-002")
    with pytest.raises(CommandError, match="not this system's name"):
        call(made, "reset_system", passphrase="x", name="other")
    stuck = commands(gate, system, Standing(False, ["CAM-0001"], [], 2, 0))
    assert len(call(stuck, "preview_reset")["obstacles"]) == 2
    with pytest.raises(CommandError, match="2 recordings are not delivered"):
        call(stuck, "reset_system", passphrase="x", name="openbwc")
    assert system.wearers, "nothing of it was done"
    call(made, "reset_system", passphrase="x", name="openbwc")
    assert (dict(system.wearers), dict(system.assignments), list(system.profiles)) == ({}, {}, ["default"])
    assert system.settings.assignment_mode == "fixed"


@pytest.mark.req("CTRL-02")
def test_evaluation_mode_is_chosen_once_and_stays(gate: Gate):
    """A reset lets go of more there. Nobody gets that by a setting, and none of its systems becomes a real one: the
    account whose password everybody knows is still in it."""
    system = make_system()
    made = commands(gate, system)
    version = call(made, "get_settings")["version"]
    for changes in ({"evaluation": True}, {"evaluation": True, "set_up": True}):
        with pytest.raises(SystemRefused, match="is chosen when a system is set up"):
            call(made, "change_settings", version=version, changes=changes)
    call(made, "change_settings", version=version, changes={"evaluation": False, "shift_minutes": 480})
    with system.change("setup assistant", NOW_MS) as edit:
        edit.put(system.settings.model_copy(update={"evaluation": True, "set_up": True}))
    call(made, "reset_system", passphrase="x", name="openbwc")
    assert (system.settings.evaluation, system.settings.set_up) == (True, False)


@pytest.mark.req("CTRL-22")
def test_the_destination_is_left_only_when_nothing_is_on_its_way_there(gate: Gate):
    left: list[str] = []

    async def leave() -> None:
        left.append("left")

    system = make_system()
    for standing, words in (
        (Standing(False, [], [], 2, 0), "2 recordings are not delivered"),
        (Standing(False, [], [], 0, 1), "send or archive them first"),
        (Standing(True, [], [], 0, 1), "send or archive them first"),
    ):
        with pytest.raises(CommandError, match=words):
            call(commands(gate, system, standing, leave), "forget_destination", passphrase="x", name="openbwc")
    with pytest.raises(CommandError, match="not this system's name"):
        call(commands(gate, system, None, leave), "forget_destination", passphrase="x", name="other")
    with pytest.raises(CommandError, match="delivers to a folder"):
        call(commands(gate, system), "forget_destination", passphrase="x", name="openbwc")
    assert left == []
    away = Standing(False, ["CAM-0001"], [], 0, 0)
    assert call(commands(gate, system, away, leave), "forget_destination", passphrase="x", name="openbwc")
    assert left == ["left"], "cameras may be away: what they have goes to the next one"
    assert system.wearers, "the system itself stays"
    trial = commands(gate, system, Standing(True, [], [], 3, 0), leave)
    assert any("3 recordings" in line for line in call(trial, "forget_destination", passphrase="x", name="openbwc"))
    call(commands(gate, system, None, leave), "reset_system", passphrase="x", name="openbwc")
    assert left == ["left"] * 3, "a reset leaves it too"


# -- with cameras


@pytest.mark.req("CTRL-05", "CTRL-06")
def test_a_docked_camera_follows_what_is_changed(tmp_path: Path):
    async def scenario() -> None:
        system = make_system()
        rig = ControllerRig(tmp_path, system=system)
        camera = rig.camera(1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("camera_ready", wearer="Ada Lovelace")
            await rig.wait_for("camera_idle")
            assert settings_on(camera.files)["video_quality"] == "1080p"
            with system.change("ann", NOW_MS) as edit:
                profile = system.profiles["default"]
                edit.put(profile.model_copy(update={"settings": {"video_quality": "720p"}}))
            await rig.wait_for("changed", kind="profile", key="default", by="ann", removed=False)
            await rig.until(lambda: settings_on(camera.files)["video_quality"] == "720p", "the new quality")
            with system.change("ann", NOW_MS) as edit:
                edit.put(FixedAssignment(camera="CAM-0001", wearer="W-002"))
            await rig.until(lambda: rig.controller.cameras["CAM-0001"].wearer == "Eve Example", "its new wearer")
        assert worn(camera.files, camera.keys.board_secret) == "W-002"

    asyncio.run(scenario())


@pytest.mark.req("RFID-05")
def test_where_cameras_are_taken_as_they_come_a_docked_one_is_nobody_s(tmp_path: Path):
    async def scenario() -> None:
        system = make_system()
        with system.change("ann", NOW_MS) as edit:
            edit.put(system.settings.model_copy(update={"assignment_mode": "self_single"}))
        rig = ControllerRig(tmp_path, system=system)
        camera = rig.camera(1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("camera_ready", wearer="")
            await rig.wait_for("camera_idle")
        assert worn(camera.files, camera.keys.board_secret) == ""

    asyncio.run(scenario())


@pytest.mark.req("CAM-26", "CTRL-16")
def test_what_a_camera_was_used_for_is_read_at_its_dock_once(tmp_path: Path, gate: Gate):
    async def scenario() -> None:
        system = make_system()
        rig = ControllerRig(tmp_path, system=system)
        upkeep = Upkeep(rig.controller, system, run_in_thread)
        camera = rig.camera(1)
        keeping = asyncio.create_task(upkeep.run())
        async with running(rig):
            camera.dock()
            await rig.wait_for("usage_read")
            first = system.store.usage(0)
            assert [row.event for row in first] == ["power_on"]
            seen = len(rig.told)
            camera.undock()
            await rig.wait_for("undocked")
            camera.emulated.power_off()
            camera.dock()
            await rig.wait_for("usage_read", after=seen, lines=1)
            again = system.store.usage(0)
            assert [(row.sequence, row.event) for row in again] == [(1, "power_on"), (2, "power_on")]
            await rig.until(lambda: "CAM-0001" in system.state.of("device"), "its software to be noted")
            reporting = Reporting(
                MemoryFiles(), system, AlertBook(system.store), rig.status, lambda: NOW_MS, run_inline
            )
            made = Commands([ReportCommands(gate, reporting, run_inline)])
            versions = await made.call(ANN, "report", {"name": "software_versions"})
            assert "CAM-0001,camera,pi_zero_2w_camera" in versions["csv"]
            with pytest.raises(CommandError, match=r"^name: is none of"):
                await made.call(ANN, "report", {"name": "everything"})
        keeping.cancel()
        await asyncio.wait({keeping})

    asyncio.run(scenario())


@pytest.mark.req("CTRL-12")
def test_an_alert_comes_and_goes_with_what_is_wrong(tmp_path: Path, gate: Gate):
    async def scenario() -> None:
        system = make_system()
        rig = ControllerRig(tmp_path, system=system)
        alerting = Alerting(rig.controller, rig.index, rig.spool, system, run_in_thread)
        made = Commands([AlertCommands(gate, alerting, run_inline)])
        camera = rig.camera(1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("camera_idle")
            rig.controller.problems["contacts of DOCK-1 bay 1"] = "2.1 ohm at VBUS"
            await alerting.look()
            raised = await rig.wait_for("alert_raised", kind="docking_issue", device="DOCK-1 bay 1")
            await alerting.look()
            assert rig.words("alert_raised") == ["alert_raised"], "once"
            (row,) = (await made.call(WALL_SCREEN, "list_alerts", {}))["rows"]
            assert (row["id"], row["details"], row["remedies"][0]) == (
                raised["id"],
                "2.1 ohm at VBUS",
                "Take the camera out and put it back.",
            )
            assert (await rig.status())["alerts"] == [row]
            measured = ContactAlert("docking_issue", "CAM-0001", "0.9 ohm", sayings("reseat", "clean"))
            rig.controller.contacts.alerts[("DOCK-1", 1), "docking_issue"] = measured
            await alerting.look()
            (row,) = [each for each in alerting.rows() if each["device"] == "CAM-0001"]
            assert (row["details"], row["remedies"]) == (
                "0.9 ohm",
                [each.text() for each in sayings("reseat", "clean")],
            )
            assert [each["code"] for each in row["words"]["remedies"]] == ["remedy.reseat", "remedy.clean"]
            rig.controller.contacts.alerts.clear()
            alerting.set_all("readers", {("reader_problem", "usb-1"): "no power"})
            del rig.controller.problems["contacts of DOCK-1 bay 1"]
            await alerting.look()
            await rig.wait_for("alert_cleared", kind="docking_issue")
            await rig.wait_for("alert_raised", kind="reader_problem")
            history = await made.call(ANN, "list_alerts", {"history": True, "limit": 1})
            assert [each["kind"] for each in history["rows"]] == ["reader_problem"]
            more = await made.call(ANN, "list_alerts", {"history": True, "before": history["next"]})
            assert [each["kind"] for each in more["rows"]] == ["docking_issue", "docking_issue"]

    asyncio.run(scenario())


@pytest.mark.req("CTRL-16")
def test_system_reports_are_made_daily_and_kept_for_a_week():
    files, system = MemoryFiles(), make_system()
    now = [NOW_MS]

    async def status() -> dict[str, Any]:
        return {"cameras": [], "docks": []}

    reporting = Reporting(files, system, AlertBook(system.store), status, lambda: now[0], run_inline)

    async def scenario() -> None:
        for hour in range(9 * 24):
            now[0] = NOW_MS + hour * 3_600_000
            await reporting.keep_daily()
        names = reporting.names()
        assert len(names) in (7, 8), names
        assert all(name < other for name, other in zip(names[1:], names, strict=False)), "newest first"
        name, size = await reporting.make()
        head, whole = reporting.read(name, 0, 4)
        assert (head, whole) == (b"PK\x03\x04", size)
        with system.change("ann", NOW_MS) as edit:
            edit.put(system.settings.model_copy(update={"daily_report": False}))
        now[0] += 9 * DAY_MS
        await reporting.keep_daily()
        assert reporting.names() == [], "not made where they are not wanted, and the old ones are gone"
        with pytest.raises(KeyError):
            reporting.read("../people.key", 0, 4)

    asyncio.run(scenario())


@pytest.mark.req("CTRL-16")
@pytest.mark.parametrize("year", [1975, 2110])
def test_a_clock_that_no_archive_knows_ends_no_controller(year: int):
    """The times within an archive begin in 1980 and end in 2107; a clock may say anything."""

    async def status() -> dict[str, Any]:
        return {"cameras": [], "docks": []}

    system, now_ms = make_system(), (year - 1970) * 365 * DAY_MS
    reporting = Reporting(MemoryFiles(), system, AlertBook(system.store), status, lambda: now_ms, run_inline)
    name, size = asyncio.run(reporting.make())
    assert reporting.read(name, 0, 4) == (b"PK\x03\x04", size)


def settings_on(files: Files) -> dict[str, Any]:
    kept = Behaviour(files)
    kept.load()
    return {"video_quality": "", **kept.all()}


def worn(files: Files, secret: bytes) -> str:
    kept = Assignment(files, FileSealer(secret, SeededEntropy(1)))
    kept.load()
    return kept.wearer.wearer_id if kept.wearer else ""


@pytest.mark.req("CTRL-03")
def test_status_shows_what_people_have_written_and_whose_a_camera_is(tmp_path: Path):
    async def scenario() -> None:
        system = make_system()
        with system.change("ann", NOW_MS) as edit:
            edit.put(CameraEntry(serial="CAM-0001", name="Front desk", tags=("north",), model=ZERO))
        rig = ControllerRig(tmp_path, system=system)
        camera = rig.camera(1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("camera_idle")
            (row,) = (await rig.status())["cameras"]
            said = {"name": "Front desk", "tags": ["north"], "wearer": "Ada Lovelace", "wearer_id": "W-001"}
            assert said.items() <= row.items()
            assert row["seen_unix_ms"] == rig.trust_world.now_ms
            camera.undock()
            await rig.wait_for("undocked")
            with system.change("ann", NOW_MS) as edit:
                edit.put(FixedAssignment(camera="CAM-0001", wearer="W-002"))
            (row,) = (await rig.status())["cameras"]
            assert (row["wearer"], row["wearer_id"]) == ("Eve Example", "W-002")

    asyncio.run(scenario())
