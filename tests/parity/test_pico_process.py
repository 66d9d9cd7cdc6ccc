"""A dock on real MicroPython behind two terminals: the real controller at its link, the real mpremote at its prompt."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial

from host_tools.cli.compose import assemble_controller, create_destination
from host_tools.cli.trusting import make_trust
from host_tools.controller.service import Controller
from host_tools.controller.settings import WEB_OFF, Settings
from host_tools.trust.wrapping import ArgonCost
from tests.house.micropython import tool
from tests.parity.dock_board import BOARD
from tests.parity.pico_process import PicoProcess
from tests.patience import LIMIT_S
from tests.unit.dock.portable import CAMERA_UV

CHEAP = ArgonCost(memory_kib=64, iterations=1, lanes=1)


@contextmanager
def controller_at(pico: PicoProcess, folder: Path) -> Generator[Callable[[Callable[[Controller], Any], str], None]]:
    """The real controller, in a thread, with the dock's link among its ports. Gives ``until(condition, what)``."""
    settings = Settings(
        folder=folder / "controller",
        destination=folder / "destination",
        usb_root=None,
        web=WEB_OFF,
        urls=(str(pico.link),),
    )
    make_trust(settings.folder, "correct horse", "controller-0001", CHEAP)
    create_destination(settings.destination)
    ready, stop = threading.Event(), threading.Event()
    found: list[Controller] = []

    async def serve() -> None:
        with assemble_controller(settings) as assembled:
            found.append(assembled.controller)
            task = asyncio.create_task(assembled.controller.run())
            ready.set()
            await asyncio.to_thread(stop.wait)
            task.cancel()
            await asyncio.wait({task})

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="controller")
    thread.start()
    try:
        assert ready.wait(LIMIT_S)
        yield lambda condition, what: until(lambda: condition(found[0]), what, found[0])
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], Any], what: str, controller: Controller | None = None) -> None:
    """Look until it is so."""
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        problems = controller.problems if controller is not None else {}
        assert time.monotonic() < deadline_s, f"waited {LIMIT_S:.0f} s for {what}; {problems}"
        threading.Event().wait(0.02)


def dock_of(controller: Controller) -> Any:
    return controller.docks.get(BOARD["serial"])


def mpremote(pico: PicoProcess, *words: str) -> str:
    """What the real tool says; it must end well."""
    command = [sys.executable, tool("mpremote"), "connect", str(pico.prompt), *words]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False
    )
    assert answer.returncode == 0, f"{words}: {answer.stdout}{answer.stderr}"
    return answer.stdout


@pytest.mark.req("EMU-07", "DOCK-01", "CTRL-03")
def test_the_real_controller_docks_at_a_dock_on_micropython(tmp_path: Path):
    with PicoProcess(tmp_path, BOARD["bays"]) as pico, controller_at(pico, tmp_path) as controller_until:
        controller_until(dock_of, "the dock to be greeted")
        controller_until(lambda controller: dock_of(controller).state_of(1) == "free", "its bay to be free")
        with pico.lock:
            pico.world.adc.drive("bay1.presence", CAMERA_UV)
        controller_until(lambda controller: dock_of(controller).state_of(1) == "docked", "the camera to be docked")
        until(lambda: pico.world.pins.read("bay1.power"), "its power to be on")  # told to the world by another way
        # Ctrl-C and Ctrl-D at the prompt are a soft reset: the board starts anew, and the controller finds it again
        with serial.Serial(str(pico.prompt), timeout=LIMIT_S) as prompt:
            prompt.write(b"\r\x03\x03")
            assert prompt.read_until(b">>> ").endswith(b">>> ")
            controller_until(lambda controller: dock_of(controller) is None, "the dock to be missed")
            prompt.write(b"\x04")
            assert prompt.read_until(b"soft reboot\r\n").endswith(b"MPY: soft reboot\r\n")
        controller_until(dock_of, "the dock to be greeted anew")
        assert pico.starts == 2


@pytest.mark.req("EMU-07", "EMU-03")
def test_mpremote_runs_programs_and_copies_files_at_the_prompt(tmp_path: Path):
    with PicoProcess(tmp_path, BOARD["bays"]) as pico:
        said = mpremote(pico, "exec", "import sys, gc; print(sys.implementation.name, gc.mem_free() < 400_000)")
        assert said.split() == ["micropython", "True"]
        assert pico.starts == 2, "a raw prompt begins with a soft reset, after which the program does not run"
        script = tmp_path / "script.py"
        script.write_text("from firmware.version import VERSION\nprint('firmware', VERSION)\n")
        assert mpremote(pico, "resume", "run", str(script)).startswith("firmware ")
        copy = tmp_path / "copied.txt"
        mpremote(pico, "resume", "fs", "cp", str(script), f":{copy}")
        assert copy.read_text() == script.read_text()
        assert "copied.txt" in mpremote(pico, "resume", "fs", "ls", f":{tmp_path}/")
        assert mpremote(pico, "resume", "eval", "6*7").strip() == "42"
