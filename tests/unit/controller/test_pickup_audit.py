"""Badges in the audit trail: each tap, offer, refusal, pick-up and return, in its order, with nobody's whole number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from host_tools.accounts.audit import OUTCOMES, AuditTrail
from host_tools.controller import pickup_audit
from host_tools.controller.happenings import Happenings
from host_tools.controller.pickup_audit import AGAIN_S, PROBLEM, WAITING_MAX, PickupAudit
from host_tools.custody.errors import CustodyFault
from host_tools.simulation.desk import DeskWorld, uid_of
from tests.unit.accounts.parts import NOW_MS, town
from tests.unit.controller.virtual import run_virtually


async def at_once(function: Callable[[], Any]) -> Any:
    return function()


def lines(trail: AuditTrail) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.account, entry.outcome) for entry in trail.entries()]


@pytest.mark.req("CTRL-14", "RFID-02", "RFID-03")
def test_who_took_which_camera_when_is_in_the_audit_trail():
    world = DeskWorld(cameras=2)
    with town() as made:
        trail = made.people.audit
        controller = world.running().controller
        task = world.loop.create_task(PickupAudit(trail, controller.happenings, controller.problems, at_once).run())
        began_ms = world.wall_ms()
        world.tap("W-1")
        world.until(lambda: bool(world.told("offered")))
        (serial,) = world.flashing()
        world.take(serial)
        world.until(lambda: bool(world.told("taken")))
        taken_ms = world.wall_ms()
        world.run(2.5)
        world.tap("W-1")
        world.until(lambda: len(world.told("tap")) == 2)
        world.run(3.0)
        world.readers[0].hold(bytes.fromhex("04FFFFFFFFFF01"))
        world.until(lambda: len(world.told("tap")) == 3)
        world.put_back(serial)
        world.until(lambda: bool(world.told("brought_back")), 20.0)
        world.run(3.0)
        world.tap("W-2")
        world.until(lambda: bool(world.told("offer_ended")), 40.0)
        world.run(0.1)
        assert lines(trail) == [
            ("tap", "badge:W-1", "asked"),
            ("offer", "badge:W-1", "asked"),
            ("pick_up", "badge:W-1", "done"),
            ("tap", "badge:W-1", "refused"),
            ("tap", "badge", "refused"),
            ("bring_back", "badge", "done"),
            ("tap", "badge:W-2", "asked"),
            ("offer", "badge:W-2", "asked"),
            ("offer", "badge:W-2", "failed"),
        ]
        entries = list(trail.entries())
        assert (entries[2].more["camera"], entries[2].role) == (serial, "nobody")
        assert began_ms <= entries[2].at_unix_ms <= taken_ms
        assert (entries[3].more["reason"], entries[3].more["camera"]) == ("holds", serial)
        assert entries[4].more["reason"] == "unknown_tag"
        assert uid_of("W-1").hex().upper() not in str(entries)
        assert trail.verify().holds
        task.cancel()
        world.run(0.1)
    world.close()
    assert world.crashes == []


class FullTrail:
    """A trail on a disk that takes nothing for now."""

    def __init__(self) -> None:
        self.full = True
        self.kept: list[dict[str, Any]] = []

    def append(self, action: str, _who: object, _outcome: str, _at_ms: int, more: dict[str, Any]) -> None:
        if self.full:
            raise CustodyFault("the disk is full")
        self.kept.append({"action": action, **more})


def test_a_trail_that_takes_no_line_is_a_problem_and_nothing_is_lost_in_silence():
    async def scenario() -> None:
        trail, problems = FullTrail(), {}
        happenings = Happenings(lambda: NOW_MS)
        audit = PickupAudit(trail, happenings, problems, at_once)  # pyright: ignore[reportArgumentType]
        task = asyncio.create_task(audit.run())
        for number in range(WAITING_MAX + 3):
            happenings.tell("brought_back", camera=f"CAM-{number}")
        await asyncio.sleep(0.1)
        assert "the disk is full" in problems[PROBLEM]
        trail.full = False
        await asyncio.sleep(AGAIN_S + 0.1)
        assert problems == {}
        assert [row["camera"] for row in trail.kept] == [f"CAM-{number}" for number in range(WAITING_MAX)]
        assert trail.kept[0]["missed_before"] == 3
        assert "missed_before" not in trail.kept[1]
        happenings.tell("brought_back", camera="CAM-LAST")
        task.cancel()
        await asyncio.wait({task})
        assert trail.kept[-1]["camera"] == "CAM-LAST", "what had not been written yet is, at the end"

    run_virtually(scenario())


def test_each_action_has_an_outcome_that_the_trail_knows():
    assert {outcome for _, outcome in pickup_audit.ACTIONS.values()} <= set(OUTCOMES)
