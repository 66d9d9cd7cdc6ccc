"""The controller's side of the manager's benchmark, as a process: a large system, its manager over HTTPS, and custody
that takes recordings from cameras meanwhile: ``python -m benchmarks.manager_ends FOLDER PLACES``.

It says where it serves and with which token, waits for a line before it offloads, tells how that went, and serves on
until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.custody_ends import Host
from host_tools.cli.compose import Assembled, assemble_controller, create_destination
from host_tools.cli.people import opened_people, wall_ms
from host_tools.cli.serve import make_commands
from host_tools.cli.trusting import make_trust
from host_tools.cli.web import HttpsSide, serving_manager
from host_tools.controller.cameras import CameraView
from host_tools.controller.live import LiveView
from host_tools.controller.settings import Settings
from host_tools.custody.index import Announcement
from host_tools.system.records import Wearer

PASSWORD = "purple walrus teapot"
DAY_MS = 86_400_000
ONLINE_SHARE = 0.2  # of the cameras are docked: a shift is out


def furnish(assembled: Assembled, cameras: int, wearers: int, recordings: int) -> None:
    """A city's system: cameras, people, and what they have recorded in a year."""
    chance = random.Random(1)
    for number in range(cameras):
        view = CameraView(f"BIG-{number:05}", "pi_zero_2w_camera", "0.1.0", online=chance.random() < ONLINE_SHARE)
        view.wearer = f"Wearer {number}"
        view.status = {
            "state": "docked", "battery_percent": chance.randrange(101), "storage_free_bytes": 60 << 30,
            "storage_total_bytes": 64 << 30, "recordings": 0,
        }  # fmt: skip
        assembled.controller.cameras[view.serial] = view
    with assembled.system.change("benchmark", wall_ms()) as edit:
        for number in range(wearers):
            edit.put(Wearer(id=f"W-{number:05}", name=f"Wearer {number}", email=f"w{number}@example.org"), None)
    now_ms = wall_ms()
    with assembled.index.transaction():
        for number in range(recordings):
            offer = Announcement(
                number.to_bytes(16, "big"), f"BIG-{number % cameras:05}", bytes(32), 900, 50_000_000,
                now_ms - 365 * DAY_MS + number * 100, 60_000, False,
            )  # fmt: skip
            assembled.index.announce(offer, now_ms)


async def serve(folder: Path, places: list[int], sizes: tuple[int, int, int]) -> None:
    """Until standard input ends."""
    settings = Settings(
        folder=folder / "controller", destination=folder / "destination", usb_root=None, dev=folder, web="127.0.0.1:0"
    )
    make_trust(settings.folder, secrets.token_urlsafe(16), "CTRL-BENCH")
    create_destination(settings.destination)
    with assemble_controller(settings) as assembled, opened_people(settings.folder) as people:
        furnish(assembled, *sizes)
        people.set_up(PASSWORD, wall_ms())
        happenings = assembled.controller.happenings
        view, https = LiveView(assembled.controller, assembled.spool), HttpsSide(settings.folder)
        commands = make_commands(assembled, people, view, https)
        host = Host(folder / "custody", places)
        host.happenings.listen(lambda each: happenings.tell(each["what"], **_details(each)))
        async with serving_manager(settings, commands, people, happenings, view, assembled.system, https) as url:
            token = people.login("root", PASSWORD, "127.0.0.1", wall_ms())
            _say({"url": url, "token": token, "certificate": str(settings.folder / "https" / "self-signed.pem")})
            if places and await _line():
                started_s, cpu_s = time.perf_counter(), time.process_time()
                await host.run(host.take)
                seconds = time.perf_counter() - started_s
                _say({"bytes": host.durable_bytes, "seconds": seconds, "cpu": time.process_time() - cpu_s})
            await _line()
        host.close()


def _details(happening: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in happening.items() if name not in ("what", "at_unix_ms")}


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def _line() -> bytes:
    return await asyncio.to_thread(lambda: os.read(0, 100))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("places", help="descriptors of the cameras' cables; - for none")
    parser.add_argument("--cameras", type=int, default=1_000)
    parser.add_argument("--wearers", type=int, default=5_000)
    parser.add_argument("--recordings", type=int, default=200_000)
    asked = parser.parse_args()
    places = [int(each) for each in asked.places.split(",") if each.isdecimal()]
    asyncio.run(serve(asked.folder, places, (asked.cameras, asked.wearers, asked.recordings)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
