"""``bwc wearer|assign|profile|settings|alerts|report|system reset`` against a controller's own socket, and ``bwc system
believe`` beside it."""

from __future__ import annotations

import asyncio
import codecs
import json
import sqlite3
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.cli.domain import opened_system
from host_tools.cli.people import opened_people, wall_ms
from host_tools.cli.serve import LocalDoor
from host_tools.controller.alert_commands import AlertCommands
from host_tools.controller.alerting import Alerting
from host_tools.controller.commands import Commands, Gate
from host_tools.controller.domain import Domain
from host_tools.controller.profile_commands import ProfileCommands
from host_tools.controller.remote import SOCKET
from host_tools.controller.report_commands import ReportCommands
from host_tools.controller.reporting import Reporting
from host_tools.controller.reset_commands import ResetCommands
from host_tools.controller.settings import Settings
from host_tools.controller.settings_commands import SettingsCommands
from host_tools.controller.table_commands import TableCommands
from host_tools.controller.wearer_commands import WearerCommands
from host_tools.custody.blocking import run_in_thread
from host_tools.hardware import board_models, find_board
from host_tools.system.errors import SystemTampered
from host_tools.system.records import CameraEntry
from host_tools.system.reset_rules import Standing
from host_tools.transports.local import LocalServer
from host_tools.trust import passphrase
from tests.unit.cli.parts import Bwc, Ended, system_in
from tests.unit.controller.rig import ControllerRig
from tests.unit.trust.parts import PHRASE

BOARDS = {model: find_board(model) for model in board_models()}


@asynccontextmanager
async def answering(folder: Path) -> AsyncGenerator[ControllerRig]:
    """The system data of a controller behind its socket, over the database of its folder."""
    trust = system_in(folder)
    settings = Settings(system="north", folder=folder)
    with opened_people(folder) as people, opened_system(settings, BOARDS) as system:
        with system.change("controller", 1) as edit:
            edit.put(CameraEntry(serial="CAM-0001", model="pi_zero_2w_camera"))
        rig = ControllerRig(folder / "rig", system=system)
        gate = Gate(people.audit, wall_ms, run_in_thread)
        domain = Domain(system, wall_ms, run_in_thread)
        alerting = Alerting(rig.controller, rig.index, rig.spool, system, run_in_thread)
        reporting = Reporting(MemoryFiles(), system, alerting.book, rig.status, wall_ms, run_in_thread)

        async def standing() -> Standing:
            return Standing(False, [], [], 0, 0)

        async def require(phrase: str) -> None:
            passphrase.unlock(trust, phrase)

        groups = [
            WearerCommands(gate, domain),
            ProfileCommands(gate, domain),
            SettingsCommands(gate, domain),
            TableCommands(gate, domain),
            AlertCommands(gate, alerting, run_in_thread),
            ReportCommands(gate, reporting, run_in_thread),
            ResetCommands(gate, domain, standing, require),
        ]
        server = LocalServer(folder / SOCKET, LocalDoor(Commands(groups)).handle)
        await server.start()
        try:
            rig.controller.problems["contacts of DOCK-1 bay 1"] = "2.1 ohm"
            await alerting.look()
            yield rig
        finally:
            await server.close()
            rig.spool.close()
            rig.index.close()


class Asking:
    """``bwc`` beside the test's loop, with the folder of the controller that answers."""

    def __init__(self, bwc: Bwc, folder: Path) -> None:
        self._bwc = bwc
        self._folder = folder

    async def __call__(self, *arguments: object) -> Ended:
        return await asyncio.to_thread(self._bwc, *arguments, "--folder", self._folder)

    async def done(self, *arguments: object) -> str:
        """What it prints when it can be done."""
        ended = await self(*arguments)
        assert ended.code == 0, ended
        return ended.out


def conversation(bwc: Bwc, tmp_path: Path, talk: Callable[[Asking], Awaitable[None]]) -> None:
    """Talk with a controller that has Ada, whose camera is CAM-0001."""

    async def scenario() -> None:
        async with answering(tmp_path / "c"):
            ask = Asking(bwc, tmp_path / "c")
            await ask.done("wearer", "add", "W-1", "Ada", "--tag", "04:05")
            await ask.done("assign", "set", "CAM-0001", "W-1", "--to-come")
            await talk(ask)

    asyncio.run(scenario())


@pytest.mark.req("CTRL-04", "CTRL-06")
def test_wearers_and_whose_a_camera_is(bwc: Bwc, tmp_path: Path):
    async def talk(ask: Asking) -> None:
        (await ask("wearer", "add", "w-1", "Eve")).must_be_one_line("the id is already used by Ada")
        assert "W-1: 0405, AABB" in await ask.done("wearer", "pair", "W-1", "aabb")
        assert "W-1: 0405" in await ask.done("wearer", "unpair", "W-1", "AABB")
        (row,) = json.loads(await ask.done("wearer", "list", "--json"))
        assert (row["cameras"], row["changed_by"].startswith("local:")) == (["CAM-0001"], True)
        assert "Ada" in await ask.done("wearer", "list", "ada")
        assert "none" in await ask.done("wearer", "list", "nobody")
        assert "CAM-0001" in await ask.done("assign", "list")
        await ask.done("assign", "clear", "CAM-0001")
        assert json.loads(await ask.done("assign", "list", "--json")) == []
        await ask.done("wearer", "remove", "W-1")
        (await ask("wearer", "remove", "W-1")).must_be_one_line("there is no wearer W-1")

    conversation(bwc, tmp_path, talk)


@pytest.mark.req("CTRL-05")
def test_profiles_and_settings(bwc: Bwc, tmp_path: Path):
    async def talk(ask: Asking) -> None:
        chosen = ("fall_recording=on", "prebuffer_s=30")
        said = await ask.done("profile", "set", "fall", *chosen, "--description", "at night")
        assert "not acted on by this one's: prebuffer_s\n" in said
        refused = await ask("wearer", "change", "W-1", "--profile", "fall")
        refused.must_be_one_line("CAM-0001 cannot be Ada's", "no motion sensor")
        assert "no motion sensor" in await ask.done("profile", "list")
        await ask.done("profile", "set", "fall", "fall_recording=off", "--for-model", "pi_zero_2w_camera")
        assert "profile fall" in await ask.done("wearer", "change", "W-1", "--profile", "fall")
        (await ask("profile", "remove", "fall")).must_be_one_line("is used by Ada")
        (await ask("profile", "set", "x", "prebuffer=1")).must_be_one_line("no camera setting is called prebuffer")
        (await ask("profile", "set", "x", "nonsense")).must_be_one_line("write it as NAME=VALUE")
        assert "prebuffer_s" in await ask.done("profile", "catalogue")
        await ask.done("settings", "set", "shift_minutes=480", "smart_charge=off")
        shown = json.loads(await ask.done("settings", "show", "--json"))
        assert (shown["name"], shown["shift_minutes"], shown["smart_charge"]) == ("north", 480, False)
        (await ask("settings", "set", "time_zone=Mars")).must_be_one_line("not a time zone")

    conversation(bwc, tmp_path, talk)


@pytest.mark.req("CTRL-04")
def test_tables_in_and_out(bwc: Bwc, tmp_path: Path):
    table = tmp_path / "people.csv"

    async def talk(ask: Asking) -> None:
        await ask.done("wearer", "export", table)
        saved = table.read_bytes()
        assert saved == codecs.BOM_UTF8 + (await ask.done("wearer", "export")).encode(), "as the page saves it"
        assert "0 new, 0 changed, 1 as they are" in await ask.done("wearer", "import", table, "--yes")
        table.write_bytes(saved.removeprefix(codecs.BOM_UTF8))
        assert "0 new, 0 changed, 1 as they are" in await ask.done("wearer", "import", table, "--yes")
        table.write_text("ID;Name\nW-1;Ada L.\nW-2;=Eve\nw-2;Again\n", encoding="utf-8")
        conflict = await ask("wearer", "import", table, "--yes")
        assert "line 4: ID w-2 is already in line 3" in conflict.out
        conflict.must_be_one_line("1 conflicts: nothing was imported")
        table.write_text("ID;Name\nW-1;Ada L.\nW-2;=Eve\n", encoding="utf-8")
        assert "imported" in await ask.done("wearer", "import", table, "--yes")
        assert "'=Eve" in await ask.done("wearer", "export")
        assert (await ask.done("wearer", "template")).startswith("ID,Name,Profile")
        await ask.done("wearer", "template", table)
        assert table.read_bytes().startswith(codecs.BOM_UTF8 + b"ID,Name,Profile")
        table.write_bytes(b"\xff\xfe\x00")
        (await ask("wearer", "import", table, "--yes")).must_be_one_line("not in UTF-8")
        (await ask("wearer", "import", tmp_path / "none", "--yes")).must_be_one_line("cannot be read")

    conversation(bwc, tmp_path, talk)


@pytest.mark.req("CTRL-12", "CTRL-16", "CTRL-22")
def test_alerts_reports_and_the_reset(bwc: Bwc, tmp_path: Path):
    async def talk(ask: Asking) -> None:
        said = await ask.done("alerts")
        assert "Docking issue: DOCK-1 bay 1" in said
        assert "1. Take the camera out and put it back." in said
        title, *under = said.splitlines()
        assert title.startswith("Docking issue")
        assert [line for line in under if not line.startswith("  ")] == [], "long steps are folded under their title"
        assert max(map(len, under)) <= 80
        assert json.loads(await ask.done("alerts", "--history", "--json"))[0]["kind"] == "docking_issue"
        assert (await ask.done("report", "make", "camera_status")).startswith("Camera,Camera name,Tags")
        await ask.done("report", "make", "camera_status", tmp_path / "status.csv")
        assert (tmp_path / "status.csv").read_bytes().startswith(codecs.BOM_UTF8 + b"Camera,Camera name,Tags")
        await ask.done("report", "system", tmp_path / "all.zip")
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            assert archive.testzip() is None
            assert {"status.json", "alerts.csv", "camera_usage.csv"} <= set(archive.namelist())
            assert archive.read("camera_usage.csv").startswith(codecs.BOM_UTF8 + b"Wearer ID,")
        (tmp_path / "phrase").write_text(PHRASE, encoding="utf-8")
        (tmp_path / "wrong").write_text("not the one", encoding="utf-8")
        reset = ["system", "reset", "--name", "north", "--passphrase-file"]
        (await ask(*reset, tmp_path / "wrong")).must_be_one_line("passphrase")
        assert "reset" in await ask.done(*reset, tmp_path / "phrase")
        assert json.loads(await ask.done("wearer", "list", "--json")) == []

    conversation(bwc, tmp_path, talk)


def test_a_database_that_was_edited_is_believed_with_the_passphrase_alone(bwc: Bwc, tmp_path: Path):
    folder = tmp_path / "c"
    system_in(folder)
    settings = Settings(folder=folder)
    with opened_system(settings, BOARDS):
        pass
    assert (folder / "system.sqlite").stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(folder / "system.sqlite")
    connection.execute("UPDATE records SET body = replace(body, '\"power_line_hz\":50', '\"power_line_hz\":60')")
    connection.commit()
    connection.close()
    with pytest.raises(SystemTampered), opened_system(settings, BOARDS):
        pass
    (tmp_path / "wrong").write_text("not the one", encoding="utf-8")
    (tmp_path / "phrase").write_text(PHRASE, encoding="utf-8")
    believe = ["system", "believe", "--folder", folder, "--passphrase-file"]
    bwc(*believe, tmp_path / "wrong").must_be_one_line("passphrase")
    with pytest.raises(SystemTampered), opened_system(settings, BOARDS):
        pass
    assert bwc(*believe, tmp_path / "phrase").code == 0
    with opened_system(settings, BOARDS) as system:
        assert system.settings.power_line_hz == 60
