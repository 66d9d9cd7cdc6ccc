"""A destination that its connection file names as time server: asked by NTP over UDP, told of, and waited for by
nobody."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.alert_rules import Facts, alerts_of
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.controller.delivery_view import destination_alerts, destination_view
from host_tools.destinations import conformance, connection_file, sntp, swift_session
from host_tools.destinations.clock_check import ClocksDisagree
from host_tools.destinations.faults import fault_word
from host_tools.destinations.sntp import TimeReading
from host_tools.destinations.swift_session import SwiftSession
from host_tools.destinations.time_watch import AskTime
from host_tools.evidence import time_service
from host_tools.evidence.errors import EvidenceError
from host_tools.system.alerts import KINDS
from tests.patience import LIMIT_S
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.custody.recordings import sample
from tests.unit.destinations.ntp_server import Server, answering
from tests.unit.evidence.running import Running, running, wall_ms
from tests.unit.evidence.test_attached import Controller, People

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.req("CTRL-10", "CTRL-25")]
__all__ = ("quick",)


def asking(server: Server) -> AskTime:
    """At its port, which is not NTP's own."""

    async def ask(host: str) -> TimeReading:
        return await sntp.ask(host, wall_ms, bytes_of, server.port, LIMIT_S)

    return ask


def bytes_of(length: int) -> bytes:
    return b"\x5e" * length


def ahead(by_ms: int) -> Callable[[], int]:
    return lambda: wall_ms() + by_ms


async def delivered(server: Running, ntp: Server, is_time_server: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """What status tells of the destination once a recording has gone there, and what is wrong with it."""
    held = Held([sample(1)])
    connection = replace(server.connection, is_time_server=is_time_server)
    controller = Controller(people=People(), ask_time=asking(ntp))
    try:
        async with (
            controller.attached(connection) as attached,
            held.delivering(attached, around=Around(NoteBook(MemoryFiles()), attached)) as delivery,
        ):
            await held.until(lambda: "delivered" in held.words())
            return destination_view(delivery), destination_alerts(delivery)
    finally:
        held.close()


def test_a_clock_that_does_not_follow_is_told_and_recordings_go_all_the_same(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination") as server, answering(Server(ahead(5_000))) as ntp:
            view, alerts = await delivered(server, ntp, is_time_server=True)
            told = view["time_server"]
            assert (told["server"], told["tolerance_ms"], told["stratum"]) == ("127.0.0.1", 1_000, 2)
            assert abs(told["ahead_ms"] - 5_000) <= told["error_ms"]
            assert abs(told["asked_unix_ms"] - wall_ms()) < LIMIT_S * 1_000
            assert len(ntp.asked) == 1, "not with every look"
            ((name, text),) = alerts.items()
            assert text == told["problem"]
            assert "NTP=127.0.0.1 in /etc/systemd/timesyncd.conf" in text
            ((kind, device),) = alerts_of(Facts(0, problems={name: text}))
            assert (kind, device) == ("clock_not_kept", "127.0.0.1")
            assert KINDS[kind].severity == "warning"

    asyncio.run(run())


def test_a_clock_that_follows_is_no_alert_and_who_is_no_time_server_is_not_asked(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination") as server, answering(Server(wall_ms)) as ntp:
            view, alerts = await delivered(server, ntp, is_time_server=False)
            assert (view["time_server"], alerts, ntp.asked) == (None, {}, [])
        async with running(tmp_path / "other") as server, answering(Server(wall_ms)) as ntp:
            view, alerts = await delivered(server, ntp, is_time_server=True)
            assert view["time_server"]["problem"] == ""
            assert (alerts, len(ntp.asked)) == ({}, 1)

    asyncio.run(run())


def test_one_that_gives_no_time_is_told_and_another_connection_file_ends_it(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", "") as server, answering(Server(wall_ms, leap=3)) as ntp:
            controller = Controller(people=People(), ask_time=asking(ntp))
            async with controller.attached(replace(server.connection, is_time_server=True)) as attached:
                assert attached.is_due(), "it is to be asked, though there is nothing else to do"
                await attached.upkeep()
                assert attached.time_told is not None
                assert "its own clock is not synchronised" in attached.time_told.problem
                assert not attached.is_due()
                await attached.open()
                await attached.check()
                await attached.replace_connection(connection_file.write(server.connection))
                await attached.open()
                assert attached.time_told is None
                assert not attached.is_due()

    asyncio.run(run())


def test_where_answers_tell_no_time_ntp_alone_decides_whether_clocks_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def run(by_ms: int, place: Path) -> None:
        async with running(place, "") as server, answering(Server(ahead(by_ms))) as ntp:
            controller = Controller(people=People(), ask_time=asking(ntp))
            async with controller.attached(replace(server.connection, is_time_server=True)) as attached:
                await attached.open()
                await attached.check()

    asyncio.run(run(70_000, tmp_path / "dated"))  # a Date comes over TLS from whom was pinned; NTP is nobody's word
    monkeypatch.setattr(swift_session, "read_date", lambda *_: None)
    asyncio.run(run(50_000, tmp_path / "near"))
    with pytest.raises(ClocksDisagree, match=r"70\.0 s behind") as caught:
        asyncio.run(run(70_000, tmp_path / "far"))
    assert fault_word(caught.value) == "clock"


@pytest.mark.req("DEST-01")
def test_a_destination_says_of_itself_only_what_answers():
    async def issue(server: Server) -> None:
        async with answering(server):
            await time_service.require(["127.0.0.1", "localhost"], asking(server), wall_ms())

    asyncio.run(issue(Server(wall_ms)))
    with pytest.raises(EvidenceError, match=r"127\.0\.0\.1: is no time server .*leave --time-server out"):
        asyncio.run(issue(Server(wall_ms, leap=3)))
    with pytest.raises(EvidenceError, match="s away from this machine's clock"):
        asyncio.run(issue(Server(ahead(10_000))))


@pytest.mark.req("DEST-02")
def test_an_examination_asks_for_what_the_connection_file_promises(tmp_path: Path):
    async def findings(server: Running, ntp: Server, is_time_server: bool) -> list[tuple[str, str]]:
        connection = replace(server.connection, is_time_server=is_time_server)
        session = SwiftSession(connection, wall_ms)
        examination = conformance.Examination(session, connection, "box", "user", "CAM", ask_time=asking(ntp))
        try:
            await session.open()
            await conformance.clock(examination)
        finally:
            await session.close()
        return [(each.part, each.verdict) for each in examination.findings if "NTP" in each.part]

    async def run() -> None:
        part = "it gives the time by NTP, as its connection file says"
        async with running(tmp_path / "destination") as server:
            async with answering(Server(wall_ms)) as ntp:
                assert await findings(server, ntp, True) == [(part, "yes")]
                assert await findings(server, ntp, False) == []
            async with answering(Server(wall_ms, stratum=0, code=b"DENY")) as ntp:
                assert await findings(server, ntp, True) == [(part, "no")]

    asyncio.run(run())
