"""The demo: one recording's whole journey from each of some cameras, watched with progress bars, then judged.

The emulated bench is a process of its own, as real boards would be; the controller runs here.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from host_tools.accounts.roles import LOCAL, Actor
from host_tools.bench.programs import end_with_parent
from host_tools.cli.compose import create_destination
from host_tools.cli.demo_judge import Arrival, judge, print_arrivals
from host_tools.cli.demo_view import DemoView
from host_tools.cli.folders import MAKER_FILE, make_folder
from host_tools.cli.people import opened_people, wall_ms
from host_tools.cli.serve import RunningController, running_controller
from host_tools.cli.system_commands import new_serial
from host_tools.cli.trusting import has_trust, make_trust, read_certificate
from host_tools.controller.happenings import Happening
from host_tools.controller.settings import Settings
from host_tools.emulator.remote import bench_client
from host_tools.transports.local import LocalClient, LocalError
from host_tools.trust.admission import FACTORY

WEARERS = (
    "Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Hedy Lamarr",
    "Mary Jackson", "Radia Perlman", "Barbara Liskov", "Frances Allen",
)  # fmt: skip
START_LIMIT_S = 60.0  # until all cameras are greeted; a cold start of Python and of the encoder takes a few seconds
ARRIVAL_LIMIT_S = 120.0  # from the last docking until the last erase
STOP_HOLD_S = 3.3  # a little longer than the hold time of the emulated camera's record button
POLL_S = 0.1
PASSPHRASE_BYTES = 12  # of randomness: 16 characters
DEMO_ACTOR = Actor(f"{LOCAL}:demo", "administrator", LOCAL)


class DemoFailed(Exception):
    """The journey did not come to its end. One line that says where it stopped."""


class DemoPlan(NamedTuple):
    """What to show."""

    folder: Path
    cameras: int
    seconds: float
    scene: str | None
    once: bool


class Demo:
    """One run."""

    def __init__(self, plan: DemoPlan, bench: LocalClient, running: RunningController, view: DemoView) -> None:
        self._plan = plan
        self._bench = bench
        self._running = running
        self._view = view
        self._idle: set[str] = set()
        self._waiting: set[str] = set()
        self._erased: dict[str, str] = {}
        self._changed = asyncio.Event()
        running.controller.happenings.listen(self._take)
        for view_of in running.controller.present():  # told before anybody listened
            if view_of.admission == FACTORY:
                self._waiting.add(view_of.serial)

    async def run(self) -> list[str]:
        """The journey; returns the recordings that made it, in hexadecimal."""
        names = [f"camera-{number}" for number in range(1, self._plan.cameras + 1)]
        await self._until(
            lambda: len(self._idle | self._waiting) >= len(names), START_LIMIT_S, "the cameras to be proved"
        )
        for serial in sorted(self._waiting):
            await self._running.commands.call(DEMO_ACTOR, "add_camera", {"serial": serial})
        await self._until(lambda: len(self._idle) >= len(names), START_LIMIT_S, "the cameras to be greeted")
        async with asyncio.TaskGroup() as tasks:
            for number, name in enumerate(names, 1):
                tasks.create_task(self._shift(name, number))
        await self._until(lambda: len(self._erased) >= len(names), ARRIVAL_LIMIT_S, "every recording to arrive")
        return list(self._erased)

    async def _shift(self, name: str, bay: int) -> None:
        """What a wearer does: take the camera, record, stop, bring it back."""
        serial = f"CAM-{bay:04}"
        await self._bench.ask("take_out", camera=name)
        await asyncio.sleep(1.0)
        await self._bench.ask("press", camera=name, button="record")
        self._view.recording(serial, self._plan.seconds + STOP_HOLD_S)
        await asyncio.sleep(self._plan.seconds)
        await self._bench.ask("press", camera=name, button="record", hold_s=STOP_HOLD_S)
        await asyncio.sleep(STOP_HOLD_S)
        while not await self._shows_ready(name):  # noqa: ASYNC110  a lamp in another process has no event
            await asyncio.sleep(POLL_S)
        self._view.note(serial, "docking")
        await self._bench.ask("put_in", camera=name, bay=bay)

    async def _shows_ready(self, name: str) -> bool:
        state: dict[str, Any] = await self._bench.ask("state")
        camera = state["cameras"][name]
        if camera["crashes"]:
            raise DemoFailed(f"{name}: its firmware crashed: {camera['crashes'][-1].splitlines()[-1]}")
        return camera["lamps"] == {"green": True, "red": False}

    def _take(self, happening: Happening) -> None:
        if happening["what"] == "camera_idle" and happening["recordings"] == 0:
            self._idle.add(happening["camera"])
        if happening["what"] == "stranger" and happening["admission"] == FACTORY:
            self._waiting.add(happening["camera"])
        if happening["what"] == "erased":
            self._erased[happening["recording"]] = happening["camera"]
        self._changed.set()

    async def _until(self, reached: Any, limit_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            causes = [*self._running.controller.problems.values(), self._running.controller.delivery.trouble]
            cause = "; ".join(filter(None, causes)) or "see emulator.log"
            raise DemoFailed(f"waited {limit_s:.0f} s for {what}; {cause}") from None


async def run_demo(plan: DemoPlan, console: Console) -> None:
    """Run it, print what arrived; then exit (``once``) or keep the system running until Ctrl-C."""
    folder = make_folder(plan.folder)
    settings = _settings(plan)
    create_destination(settings.destination)
    _write_roster(folder / "roster.toml", plan.cameras)
    async with _emulator(plan) as bench:
        _set_up_system(plan, settings, console)
        seen = len(await bench.ask("truth"))
        async with running_controller(settings) as running:
            console.print(f"Watch it at {running.url} (account demo, password demo)", highlight=False, soft_wrap=True)
            with DemoView(console, plan.cameras) as view:
                running.controller.happenings.listen(view.take)
                recordings = await Demo(plan, bench, running, view).run()
            rates = view.rates()
            truth: list[dict[str, Any]] = (await bench.ask("truth"))[seen:]
            arrivals = await asyncio.to_thread(_judge_all, running, settings, recordings, truth)
            print_arrivals(console, arrivals, rates)
            if not all(arrival.is_right for arrival in arrivals):
                raise DemoFailed("a recording did not arrive as it was recorded; the table above says which")
            console.print(f"\nThe recordings are in [bold]{settings.destination}[/]: any player opens them.")
            if not plan.once:
                await _keep_running(console, plan, running)


def _set_up_system(plan: DemoPlan, settings: Settings, console: Console) -> None:
    """A system for evaluation, once a folder; its passphrase is shown and kept nowhere."""
    if has_trust(settings.folder):
        return
    passphrase = secrets.token_urlsafe(PASSPHRASE_BYTES)
    trust = make_trust(settings.folder, passphrase, new_serial())
    trust.trust_manufacturer(read_certificate(plan.folder / "bench" / MAKER_FILE))
    password = secrets.token_urlsafe(PASSPHRASE_BYTES)
    with opened_people(settings.folder) as people:
        people.set_up(password, wall_ms(), evaluation=True)
    console.print(
        f"A system for evaluation: [bold]{trust.system}[/]\n"
        f"Its passphrase, shown once: [bold]{passphrase}[/]\n"
        f"Password of the account root, shown once: [bold]{password}[/]",
        highlight=False,
    )


def _judge_all(
    running: RunningController, settings: Settings, recordings: list[str], truth: list[dict[str, Any]]
) -> list[Arrival]:
    rows = [running.index.get(bytes.fromhex(recording)) for recording in recordings]
    return [judge(row, settings.destination, truth) for row in rows]


async def _keep_running(console: Console, plan: DemoPlan, running: RunningController) -> None:
    bench = plan.folder / "bench"
    console.print(
        f"Everything keeps running until Ctrl-C. The manager: {running.url} (account demo, password demo)\n"
        "In another terminal:\n"
        f"  bwc status --folder {plan.folder / 'controller'}\n"
        f"  bwc camera list --folder {plan.folder / 'controller'}\n"
        f"  bwc trust show --folder {plan.folder / 'controller'}\n"
        f"  bwc bench state --folder {bench}\n"
        f"  bwc bench undock camera-1 --folder {bench}    then: press, dock"
    )
    await asyncio.wait({running.task})


def _settings(plan: DemoPlan) -> Settings:
    folder = plan.folder
    return Settings(
        system="demo",
        folder=folder / "controller",
        destination=folder / "destination",
        roster=folder / "roster.toml",
        usb_root=folder / "bench" / "usb",
        dev=folder / "bench" / "ports",
    )


def _write_roster(path: Path, cameras: int) -> None:
    lines: list[str] = []
    for number, name in enumerate(WEARERS[:cameras], 1):
        lines.append(f'[[wearer]]\nid = "W-{number:03}"\nname = "{name}"\n')
        lines.append(f'[[assignment]]\ncamera = "CAM-{number:04}"\nwearer = "W-{number:03}"\n')
    path.write_text("\n".join(lines), encoding="utf-8")


@asynccontextmanager
async def _emulator(plan: DemoPlan) -> AsyncGenerator[LocalClient]:
    """The bench in a process of its own; its messages go to a file."""
    folder = make_folder(plan.folder / "bench")
    arguments = ["emulate", "--folder", str(folder), "--cameras", str(plan.cameras)]
    if plan.scene is not None:
        arguments += ["--scene", plan.scene]
    log_path = plan.folder / "emulator.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "host_tools.cli", *arguments, stdout=log, stderr=log, preexec_fn=end_with_parent
        )
    bench = bench_client(folder)
    try:
        await _until_answering(process, bench, log_path)
        yield bench
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_answering(process: asyncio.subprocess.Process, bench: LocalClient, log_path: Path) -> None:
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while True:
                if process.returncode is not None:
                    raise DemoFailed(await asyncio.to_thread(_last_line, log_path))
                try:
                    await bench.ask("state")
                except LocalError:
                    await asyncio.sleep(POLL_S)
                else:
                    return
    except TimeoutError:
        raise DemoFailed(f"the emulator did not start in {START_LIMIT_S:.0f} s; see {log_path}") from None


def _last_line(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("bwc: ") if lines else "the emulator ended at once, without a word"
