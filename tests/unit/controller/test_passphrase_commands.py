"""A role, granted by whatever means, does not stand in for the passphrase: every command that takes one needs the real
secret that it wraps."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.people import People, actor_of
from host_tools.accounts.roles import Role
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import Account, open_store
from host_tools.controller.camera_commands import CameraCommands
from host_tools.controller.commands import CommandError, Commands, Gate, commands_of, form_of
from host_tools.controller.destination_commands import DestinationCommands
from host_tools.controller.members import Member
from host_tools.controller.passphrase_door import FREE_TRIES, PassphraseDoor
from host_tools.controller.permissions import TABLE
from host_tools.controller.reset_commands import ResetCommands
from host_tools.custody.blocking import run_in_thread
from host_tools.trust.errors import TrustError, WrongPassphrase
from tests.unit.accounts.parts import CHEAP
from tests.unit.controller.rig import ControllerRig, running, wall_ms
from tests.unit.controller.test_permissions import all_groups
from tests.unit.trust.parts import PHRASE as PASSPHRASE

OURS = "a password of mine"
GOOD = SecretStr("the archive has one of its own")
HERE = "203.0.113.9"


def guarded_by_the_passphrase() -> list[str]:
    """Every command of the controller that takes a passphrase."""
    found = [(name, getattr(group, name)) for group in all_groups() for name in commands_of(group)]
    return sorted(name for name, method in found if "passphrase" in form_of(method).model_fields)


def test_what_is_to_need_the_passphrase_does():
    assert set(guarded_by_the_passphrase()) >= {"allow_back_always", "allow_cameras_back", "force_remove_cameras"}


@pytest.mark.req("CTRL-03", "CTRL-13", "CTRL-14")
def test_a_database_edited_to_grant_a_role_does_not_help(tmp_path: Path):
    """The worst case: somebody with the database *and* its key makes himself root, sealed as it should be. He logs in,
    the table lets him, and the passphrase is asked for all the same; neither a guess nor anything in a file will do."""

    async def scenario() -> None:
        secret = load_secret(MemoryFiles(), SeededEntropy("people"))
        store = open_store(":memory:", secret)
        people = People(store, secret, SeededEntropy("thief"), CHEAP)
        role: Role = "root"
        with store.change():
            store.put(Account("eve", role, people._passwords.hash(OURS), 1, 1, 1))
        eve = actor_of(people.sessions.find(people.login("eve", OURS, HERE, wall_ms()), wall_ms()), HERE)
        assert eve.role == "root"

        rig = ControllerRig(tmp_path)
        gate = Gate(AuditTrail(store), wall_ms, run_in_thread)
        require = rig.controller.membership.require_passphrase
        unused: Any = None  # the passphrase is asked for before anything else is looked at
        taking_away = DestinationCommands(gate, unused, None, unused, rig.index, require, run_in_thread)
        resetting = ResetCommands(gate, unused, unused, require)
        commands = Commands([CameraCommands(gate, rig.controller.membership), taking_away, resetting])
        rig.members.note(Member("CAM-0009", "pi_zero_2w_camera", 1, 1))
        rig.controller.membership._door = PassphraseDoor(free_tries=1_000)
        async with running(rig):
            before, members = rig.trust.record, [asdict(each) for each in rig.members.all()]
            for name in guarded_by_the_passphrase():
                assert "root" in TABLE[name].roles
                for guess in ("", "not the one", PASSPHRASE.upper(), PASSPHRASE + " "):
                    arguments: dict[str, object] = {"passphrase": SecretStr(guess)}
                    if "serials" in commands.form(name).model_fields:
                        arguments["serials"] = ["CAM-0009"]
                    if "name" in commands.form(name).model_fields:
                        arguments["name"] = "openbwc"
                    if "drive" in commands.form(name).model_fields:
                        again = {"archive_passphrase": GOOD, "archive_passphrase_again": GOOD}
                        arguments |= {"recording": "00" * 16, "drive": str(tmp_path), "any_drive": True, **again}
                    with pytest.raises(CommandError):
                        await commands.call(eve, name, arguments)
            assert rig.trust.record is before
            assert [asdict(each) for each in rig.members.all()] == members
            await commands.call(
                eve, "force_remove_cameras", {"serials": ["CAM-0009"], "passphrase": PASSPHRASE}
            )  # it is the passphrase that does it
            assert rig.trust.record is not before
        told = [entry.outcome for entry in people.audit.entries() if entry.action == "force_remove_cameras"]
        assert told == ["asked", "failed"] * 4 + ["asked", "done"]
        assert PASSPHRASE not in str(store.database.rows("SELECT line FROM audit"))
        store.close()

    asyncio.run(scenario())


@pytest.mark.req("CTRL-13", "CTRL-14", "CTRL-21")
def test_guessing_the_passphrase_closes_the_door_for_ever_longer():
    door, now_s, waits = PassphraseDoor(), 0.0, []
    for _ in range(FREE_TRIES - 1):
        door.enter(now_s)
        door.tried_in_vain(now_s)
    for _ in range(14):
        door.enter(now_s)
        door.tried_in_vain(now_s)
        with pytest.raises(TrustError, match="too many wrong passphrases: try again in"):
            door.enter(now_s)
        start_s = now_s
        while True:
            now_s += 0.5
            try:
                door.enter(now_s)
            except TrustError:
                continue
            break
        waits.append(now_s - start_s)
    assert waits == [min(2.0**number, 900.0) for number in range(14)]
    door.opened()
    door.tried_in_vain(now_s)
    door.enter(now_s)


@pytest.mark.req("CTRL-14", "CTRL-21")
def test_many_guesses_at_once_do_not_slip_through(tmp_path: Path):
    """All commands have one door, and whoever knows the passphrase waits before it too."""

    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        membership = rig.controller.membership
        guesses = [
            *(membership.restore_key(f"guess number {number}") for number in range(10)),
            *(membership.rotate_sealing(f"guess number {number}") for number in range(10)),
        ]
        answers = await asyncio.gather(*guesses, return_exceptions=True)
        assert [type(answer) for answer in answers] == [WrongPassphrase] * FREE_TRIES + [TrustError] * 15
        with pytest.raises(TrustError, match="try again in 1 s"):
            await membership.restore_key(PASSPHRASE)
        membership._door = PassphraseDoor()
        assert b"openbwc-restore-key" in await membership.restore_key(PASSPHRASE)

    asyncio.run(scenario())
