"""Who tries to pass for somebody else at a controller's dock: he gets a line in the status, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.camera.app import CameraApp
from firmware.link.control import ControlStream
from firmware.link.session import BOARD, Session
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import channel_greeting
from host_tools.emulator.workshop import Workshop
from tests.unit.controller.rig import ControllerRig, RigCamera, make_member, running, write_recording
from tests.unit.protocol.parts import PtyBoard

PAYLOAD_BYTES = 4_096


def app_of(camera: RigCamera) -> CameraApp:
    """The firmware of a camera that is on."""
    app = camera.emulated.application
    assert isinstance(app, CameraApp)
    return app


class Garbage:
    """In place of TLS: the greeting of an honest camera, then whatever comes to mind."""

    peer = None
    fault_text = ""

    def __init__(self, stream: ControlStream, serial: str) -> None:
        stream.write(channel_greeting.encode(serial))
        stream.write(SeededEntropy("garbage").random_bytes(2_000))
        self._stream = stream

    def read(self) -> bytes:
        """Nothing that is heard matters."""
        while self._stream.read():
            pass
        return b""

    def write(self, data: bytes) -> None:
        """Nothing more is said."""

    def flush(self) -> None:
        """See write."""

    def tick(self, now_ms: int) -> None:
        """See write."""

    def deadline_ms(self) -> int | None:
        """Never."""
        return None


def bare(camera: RigCamera) -> None:
    """It takes the bit away that says it can speak securely."""
    app_of(camera).cable._make_session = lambda: Session(BOARD, 7, None, PAYLOAD_BYTES, PAYLOAD_BYTES)


def babbling(camera: RigCamera) -> None:
    """It says that it can, and cannot."""

    def make(stream: ControlStream, version: int, now_ms: int) -> Garbage:
        return Garbage(stream, camera.serial)

    app_of(camera).cable._make_session = lambda: Session(BOARD, 7, None, PAYLOAD_BYTES, PAYLOAD_BYTES, make_secure=make)


def greeting_as_another(camera: RigCamera) -> None:
    """Its first words are another camera's."""
    app_of(camera).membership._greeting = channel_greeting.encode("CAM-0009")


def nothing(camera: RigCamera) -> None:
    """It is as it is."""


def foreign(rig: ControllerRig) -> RigCamera:
    """The serial of one of ours, from another maker: another key, another chain."""
    return RigCamera(rig.folder, rig.usb, "CAM-0001", Workshop(entropy=SeededEntropy("elsewhere")))


def member(rig: ControllerRig) -> RigCamera:
    """One of ours."""
    made = RigCamera(rig.folder, rig.usb, "CAM-0001", rig.workshop)
    make_member(rig.trust, made)
    write_recording(made, 1)
    return made


def member_at_anothers_port(rig: ControllerRig) -> RigCamera:
    """One of ours whose USB descriptor has been changed to another one's serial."""
    made = member(rig)
    made.usb_serial = "CAM-0002"
    return made


Make = Callable[[ControllerRig], RigCamera]
ATTACKS: dict[str, tuple[Make, Callable[[RigCamera], None], str, str]] = {
    "a cloned serial with another key": (foreign, nothing, "unknown", "unknown camera: of another system"),
    "another serial in its USB descriptor": (member_at_anothers_port, nothing, "refused", "another device's"),
    "another serial in its greeting": (member, greeting_as_another, "refused", "another device's"),
    "without the bit that says it speaks securely": (member, bare, "refused", "does not speak securely"),
    "something else instead of TLS": (member, babbling, "refused", "no TLS 1.3"),
}


@pytest.mark.req("LINK-04", "CTRL-12")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attacker_in_a_bay_is_shown_and_gets_nothing(attack: str, tmp_path: Path):
    make, change, admission, words = ATTACKS[attack]

    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = make(rig)
        rig.cameras.append(camera)
        async with running(rig):
            camera.dock()
            change(camera)
            told = await rig.wait_for("stranger", admission=admission)
            assert words in told["text"]
            (row,) = (await rig.status())["cameras"]
            assert (row["state"], row["firmware"], row["recordings"], row["wearer"]) == (admission, "", 0, "")
            assert rig.words("camera_ready", "offload_started", "camera_idle", "added") == []
            assert rig.index.recordings() == []
            assert not rig.controller.membership.held
            camera.undock()
            await rig.until(lambda: not rig.controller.strangers, "the line to go with him")

    asyncio.run(scenario())


@pytest.mark.req("LINK-04")
def test_a_camera_behind_a_url_has_no_way_round_either(tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "dev" / "odd")  # says that it is a camera, and proves nothing
        rig = ControllerRig(tmp_path, urls=(str(board.plug.link),))
        async with running(rig):
            told: dict[str, Any] = await rig.wait_for("stranger", admission="refused")
            assert "does not speak securely" in told["text"]
        board.unplug()

    asyncio.run(scenario())
