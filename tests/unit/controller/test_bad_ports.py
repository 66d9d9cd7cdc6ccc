"""What is at a port need not be a board of ours. Each gets one line, and nobody else is kept waiting."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from firmware.camera.app import CameraApp
from tests.unit.controller.rig import ControllerRig, running, write_recording
from tests.unit.controller.strangers import Noisy, OtherVersion, Silent
from tests.unit.protocol.parts import IDENTITY


async def told_of(rig: ControllerRig, url: str, words: str) -> None:
    """The line about a port, once it has these words: who is late with an answer counts as silent for a while."""
    await rig.until(lambda: words in rig.controller.problems.get(url, ""), f"{words!r} of {url}")
    text = rig.controller.problems[url]
    assert "\n" not in text
    assert url in text
    await rig.wait_for("problem", url=url, text=text)


@pytest.mark.req("LINK-03")
def test_strangers_are_named_and_keep_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("firmware.link.session.OPEN_LIMIT_MS", 1_000)

    async def scenario() -> None:
        dev = tmp_path / "dev"
        strangers = [Silent(dev / "silent"), Noisy(dev / "noisy"), OtherVersion(dev / "newer")]
        urls = [str(stranger.plug.link) for stranger in strangers]
        rig = ControllerRig(tmp_path, urls=(*urls, str(dev / "missing"), "socket://127.0.0.1:1", "ftp://x"))
        camera = rig.camera(1)
        recording = write_recording(camera, 1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("erased", recording=recording.hex)
            await told_of(rig, urls[0], "silent; power-cycle it")
            await told_of(rig, urls[1], "but not our protocol; connect an OpenBWC board")
            await told_of(rig, urls[2], "link version 3 to 4, we speak 1; update")
            await told_of(rig, str(dev / "missing"), "no such port; plug the board in")
            await told_of(rig, "socket://127.0.0.1:1", "nothing answers there")
            await told_of(rig, "ftp://x", "unknown scheme ftp://")
            assert len((await rig.status())["problems"]) == 6
        for stranger in strangers:
            stranger.unplug()

    asyncio.run(scenario())


def test_a_port_in_use_is_left_alone_and_taken_when_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.controller.service.RETRY_SLOW_S", 0.05)

    async def scenario() -> None:
        holder = ControllerRig(tmp_path / "1")
        camera = holder.camera(1)
        url = str(camera.plug.link)
        other = ControllerRig(tmp_path / "2", urls=(url,))
        camera.dock()
        async with AsyncExitStack() as both:
            async with running(holder):
                await holder.wait_for("camera_idle")
                await both.enter_async_context(running(other))
                await told_of(other, url, "another program holds the port; close it first")
                other.cameras, holder.cameras = holder.cameras, []
            await other.wait_for("camera_idle")
            await other.until(lambda: other.controller.problems == {}, "nothing to be wrong any more")

    asyncio.run(scenario())


def test_a_port_that_vanishes_is_told_and_forgotten(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("camera_idle")
            camera.undock()
            lost = await rig.wait_for("link_lost")
            assert "is gone" in lost["text"]
            assert "plug it in again" in lost["text"]
            await rig.wait_for("undocked")
            status = await rig.status()
            assert (status["cameras"][0]["online"], status["cameras"][0]["state"]) == (False, "undocked")

    asyncio.run(scenario())


NONSENSE: dict[str, dict[str, Any]] = {
    "no name": {"identify": lambda fields: None},
    "a serial of no form": {"identify": lambda fields: ("identity", {**IDENTITY, "serial": "\x00 \N{SNOWMAN}" * 9})},
    "an unknown kind": {"identify": lambda fields: ("identity", {**IDENTITY, "kind": 3})},
    "another answer than asked for": {
        "identify": lambda fields: ("identity", IDENTITY),
        "assign_wearer": lambda fields: None,
        "get_camera": lambda fields: None,
    },
    "no credentials": {"get_credentials": lambda fields: None},
    "no request": {"request_certificate": lambda fields: None},
    "a request of no form": {"request_certificate": lambda fields: ("certificate_request", {"request": b"x" * 1024})},
    "another time than agreed on": {"set_time": lambda fields: ("camera", CAMERA)},
    "recordings without end": {
        "identify": lambda fields: ("identity", IDENTITY),
        "assign_wearer": lambda fields: None,
        "get_camera": lambda fields: ("camera", CAMERA),
        "indicate": lambda fields: None,
        "list_recordings": lambda fields: ("recordings", {"more": True, "entries": [ENTRY]}),
    },
}
CAMERA: dict[str, Any] = {
    "state": 2,
    "wearer": "",
    "docked": True,
    "battery_percent": 1,
    "supply_uv": 0,
    "storage_total_bytes": 0,
    "storage_free_bytes": 0,
    "recordings": 1,
    "erase_counter": 0,
}
ENTRY: dict[str, Any] = {
    "recording": bytes(16),
    "chunks_bytes": 1 << 60,
    "manifest_bytes": 0,
    "manifest_sha256": bytes(32),
    "started_unix_ms": 0,
    "duration_ms": 0,
    "interrupted": False,
    "priority": 255,
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_member_that_answers_nonsense_disturbs_nobody(kind: str, tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        bad, camera = rig.camera(1), rig.camera(2)
        async with running(rig):
            bad.dock()
            assert isinstance(bad.emulated.application, CameraApp)
            bad.emulated.application.cable._handlers.update(NONSENSE[kind])
            await rig.until(
                lambda: set(rig.words("problem", "link_lost", "trouble", "camera_idle", "stranger", "not_renewed")),
                "the board to be judged",
            )
            recording = write_recording(camera, 1)
            camera.dock()
            await rig.wait_for("erased", recording=recording.hex)
            await rig.status()

    asyncio.run(scenario())
