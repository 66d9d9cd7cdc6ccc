"""An emulated board: power, reset, crash, watchdog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_sensor import MemorySensor
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.platform import BoardClock, DeadlineWatchdog, LevelPins, Ports, Rtc
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import board_data, find_board
from tests.unit.emulator.rig import until

BOARD = find_board("pi_zero_2w_camera")
WATCHDOG_MS = 100


class FragileFiles(MemoryFiles):
    """A card whose driver has a bug: what it raises is no fault that firmware knows."""

    broken = False

    def list_folder(self, path: str) -> list[str]:
        if self.broken:
            raise ZeroDivisionError("a bug")
        return super().list_folder(path)


class Rig:
    """One camera board over memory."""

    def __init__(self, folder: Path) -> None:
        self.files = FragileFiles()
        workshop = Workshop()
        self.keys = workshop.keys_of("camera-1", BOARD, self.files)
        workshop.provision("CAM-0001", self.files, self.keys)
        self.rtc = Rtc(self.world_ms)
        self.boots = self.closed = 0
        self.plug = PtyPlug(folder / "port", lambda: self.board.wake())
        data = board_data(BOARD, serial="CAM-0001", firmware="0.1.0")
        self.board = EmulatedBoard("camera-1", BOARD, data, self.plug, self._make_ports, self._close_ports)

    def world_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        self.boots += 1
        clock = BoardClock(self.world_ms, self.rtc)
        return Ports(
            clock=clock,
            stream=self.plug,
            pins=LevelPins(frozenset(pin.name for pin in BOARD.pins.soc)),
            adc=MemoryAdc({"battery.cell": 3_900_000, "supply.input": 0}),
            entropy=SeededEntropy(self.boots),
            watchdog=DeadlineWatchdog(self.world_ms, WATCHDOG_MS),
            files=self.files,
            sensor=MemorySensor(clock, self.boots),
            keystore=self.keys.keystore,
            board_secret=self.keys.board_secret,
        )

    def _close_ports(self, ports: Ports) -> None:
        self.closed += 1


@pytest.mark.req("EMU-02")
def test_the_real_firmware_boots_runs_and_ends_with_the_power(tmp_path: Path):
    async def scenario() -> None:
        rig = Rig(tmp_path)
        assert not rig.board.is_on
        rig.board.power_on()
        rig.board.power_on()
        assert type(rig.board.application).__module__ == "firmware.camera.app"
        await until(lambda: rig.files.exists("recordings"), "the firmware to prepare its card")
        rig.board.power_off()
        rig.board.power_off()
        assert (rig.boots, rig.closed, rig.board.application) == (1, 1, None)

    asyncio.run(scenario())


@pytest.mark.req("EMU-04")
def test_firmware_that_crashes_stands_still_until_the_watchdog_resets_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL, "openbwc.emulator")

    async def scenario() -> None:
        rig = Rig(tmp_path)
        rig.files.broken = True
        rig.board.power_on()
        assert rig.board.application is None
        assert "ZeroDivisionError: a bug" in rig.board.crashes[0]
        rig.files.broken = False
        await until(lambda: rig.board.application is not None, "the watchdog's reset")
        assert rig.boots == 2
        assert len(rig.board.crashes) == 1
        rig.board.power_off()

    asyncio.run(scenario())


def test_the_clock_chip_outlives_a_reset_and_the_boards_clock_does_not(tmp_path: Path):
    async def scenario() -> None:
        rig = Rig(tmp_path)
        rig.board.power_on()
        assert rig.board.ports is not None
        assert rig.board.ports.clock.wall().source == 0
        rig.board.ports.clock.set_wall(1_767_225_600_000, 2, 30)
        rig.board.reset()
        wall = rig.board.ports.clock.wall()
        assert wall.source != 0
        assert 0 <= wall.unix_ms - 1_767_225_600_000 < 10_000
        assert rig.board.ports.clock.now_ms() < 1_000
        rig.board.power_off()

    asyncio.run(scenario())


def test_waking_from_another_thread_is_safe_even_when_the_loop_has_ended(tmp_path: Path):
    async def scenario() -> EmulatedBoard:
        rig = Rig(tmp_path)
        rig.board.power_on()
        await asyncio.to_thread(rig.board.wake_from_thread)
        rig.board.power_off()
        return rig.board

    asyncio.run(scenario()).wake_from_thread()
