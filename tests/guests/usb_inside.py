"""Inside the USB guest, as its first process: three cameras, a controller, and what must hold between them.

Law: tells every stage with its time, then PASSED or one line after FAILED, and powers the guest off. The cameras are
forked processes behind gadgets (``usb_camera``); the controller is the product's own, with its settings, its discovery
in /sys and its transports: the terminals that the kernel made, and one camera by its pair of bulk endpoints.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.memory_files import MemoryFiles
from host_tools.bench.programs import EventLog
from host_tools.cli.compose import create_destination
from host_tools.cli.serve import serve_controller
from host_tools.cli.trusting import make_trust
from host_tools.controller.remote import controller_client
from host_tools.controller.settings import WEB_OFF, Settings
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, DockPart
from host_tools.emulator.usb_host import BenchUsb
from host_tools.emulator.usbip import LOOPBACK, UsbIpServer, attach_to_kernel
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board, read_usb_tree
from host_tools.trust.wrapping import ArgonCost
from tests.guests.usb_camera import FRAGMENT_BYTES, GuestCamera
from tests.guests.usb_hands import LOOK_S, Child, ScenarioFailed, until

FOLDER = Path("/run/lane")
CARD_FOLDER, CONTROLLER_LOG = FOLDER / "cards", FOLDER / "controller.log"
MODEL = "pi_zero_2w_camera"
SERIALS = ("CAM-0001", "CAM-0002", "CAM-0003")
BULK_SERIAL = SERIALS[2]  # reached by its bulk endpoints, the others by their terminals
FRAGMENTS = {SERIALS[0]: 8, SERIALS[1]: 8, BULK_SERIAL: 16}
DOCK_SERIAL = "DOCK-0001"
UNPLUGGED_AT = 0.3  # of a recording
RESENT_BYTES_MAX = 4 * FRAGMENT_BYTES + (256 << 10)  # a session: chunks on their way, and all that is no chunk
CHEAP = ArgonCost(memory_kib=64, iterations=1, lanes=1)  # the passphrase guards nothing here
SHOWN = 60
LIMIT_S = 1_200.0  # a busy machine is slow, and is not broken for that


def main() -> None:
    """The scenario, and the end of the guest."""
    print("STAGE imports 0", flush=True)
    scenario = Scenario()
    try:
        scenario.run()
        print("PASSED", flush=True)
    except Exception as error:  # noqa: BLE001  the edge of the guest: whatever it was is told, and the guest ends
        traceback.print_exc()
        scenario.show()
        print(f"FAILED {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
    os.sync()
    Path("/proc/sysrq-trigger").write_text("o")
    until(lambda: False, "the power to go")


class Scenario:
    """One run."""

    def __init__(self) -> None:
        self._workshop = Workshop(lambda name: LinuxFiles(made(FOLDER / "workshop" / name)))
        self._client = controller_client(FOLDER / "controller")
        self._events = EventLog(self._client)
        self._truths: dict[str, list[str]] = {}
        with stage("three cameras and a system are made", 30):
            self._make_system()
            self.cameras = {serial: self._camera(number, serial) for number, serial in enumerate(SERIALS)}
            self._spare = self._camera(1, SERIALS[1])  # the same board, after its firmware has crashed
            self._controller = Child("the controller", self._be_controller)
            self._exporter = Child("the emulator", export_dock)

    def run(self) -> None:
        """The whole journey."""
        with stage("the kernel enumerates three gadgets", 30):
            for camera in self.cameras.values():
                camera.say("start")
            until(self._all_enumerated, "three cameras on the bus")
        with stage("the controller greets and adds them", 120):
            self._controller.say("start")
            self._events.start()
            self._add_cameras()
        with stage("recordings, undocked", 30):
            for camera in self.cameras.values():
                self._record(camera)
        with stage("offload, unplugged on the way", 120):
            self._interrupt()
        with stage("offload to the end", 120):
            self._resume()
            self._judge()
        with stage("an emulated dock over USB/IP", 60):
            self._attach_dock()
        with stage("in order to the end", 30):
            self._end()

    def show(self) -> None:
        """What the controller told last, and its log."""
        for event in self._events.all()[-SHOWN:]:
            if event["what"] != "progress":
                print(event, flush=True)
        if CONTROLLER_LOG.exists():
            print("\n".join(CONTROLLER_LOG.read_text(errors="replace").splitlines()[-SHOWN:]), flush=True)

    # -- parts

    def _make_system(self) -> None:
        trust = make_trust(made(FOLDER / "controller"), "correct horse", "controller-0001", CHEAP)
        trust.trust_manufacturer(self._workshop.maker.root)
        create_destination(FOLDER / "destination")
        lines: list[str] = []
        for number, serial in enumerate(SERIALS, 1):
            lines.append(f'[[wearer]]\nid = "W-{number}"\nname = "Wearer {number}"')
            lines.append(f'[[assignment]]\ncamera = "{serial}"\nwearer = "W-{number}"')
        (FOLDER / "roster.toml").write_text("\n".join(lines))

    def _camera(self, number: int, serial: str) -> Child:
        card = made(CARD_FOLDER / serial)
        keys = self._workshop.keys_of(serial, find_board(MODEL), LinuxFiles(card))
        self._workshop.provision(serial, LinuxFiles(card), keys)

        def work(commands: int, reports: int) -> None:
            GuestCamera(number, serial, card, keys, FRAGMENTS[serial], reports).run(commands)

        return Child(serial, work)

    def _be_controller(self, commands: int, reports: int) -> None:
        log = os.open(CONTROLLER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, sys.stderr.fileno())
        logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(message)s", stream=sys.stderr)
        usb = find_board(MODEL).usb
        settings = Settings(
            folder=FOLDER / "controller",
            destination=FOLDER / "destination",
            roster=FOLDER / "roster.toml",
            web=WEB_OFF,
            urls=(f"usb://{usb.vid:04x}:{usb.pid:04x}/{BULK_SERIAL}",),
        )
        asyncio.run(serve_controller(settings, lambda _: None))

    def _all_enumerated(self) -> bool:
        there = {device.serial: device for device in read_usb_tree()}
        if not set(SERIALS) <= there.keys():
            return False
        mine = [there[serial] for serial in SERIALS]
        return all(device.speed_mbps == 480 and device.ttys for device in mine)

    def _add_cameras(self) -> None:
        def waiting() -> list[str]:
            found = [row["serial"] for row in self._status()["cameras"] if row["admission"] == "factory"]
            return found if len(found) == len(SERIALS) else []

        socket = FOLDER / "controller" / "controller.sock"
        until(lambda: socket.exists() or self._check_children(), "the controller to answer", LIMIT_S)
        for serial in until(waiting, "three cameras to wait to be added", LIMIT_S):
            self._client.call("add_camera", serial=serial)
        for serial in SERIALS:
            self._wait("camera_idle", serial)

    def _record(self, camera: Child) -> None:
        mark = self._events.mark()
        camera.do("unplug")
        self._wait("undocked", camera.name, after=mark)
        camera.do("press")
        until(lambda: camera.count("recorded"), f"{camera.name} to record", LIMIT_S)

    def _interrupt(self) -> None:
        for serial, camera in list(self.cameras.items()):
            mark = self._events.mark()
            camera.do("plug")
            event = self._wait(
                "progress", serial, lambda event: event["bytes_here"] >= UNPLUGGED_AT * event["bytes_whole"], mark
            )
            if serial == SERIALS[1]:
                self.cameras[serial] = self._spare
                camera.kill()
            else:
                camera.do("unplug")
            self._truths[serial] = camera.lines("truth")
            self._wait("undocked", serial, after=mark)
            row = self._row(event["recording"])
            self._check(row["state"] == "offloading", f"{serial} was unplugged too late: {row['state']}")
            print(f"{serial}: unplugged at {event['bytes_here']} of {event['bytes_whole']} bytes", flush=True)
        self._mark = self._events.mark()

    def _resume(self) -> None:
        self._spare.say("start")
        for serial in (SERIALS[0], BULK_SERIAL):
            self.cameras[serial].do("plug")

    def _judge(self) -> None:
        for serial, camera in self.cameras.items():
            begun = self._wait("progress", serial, after=self._mark)
            erased = self._wait("erased", serial, after=self._mark)
            row = self._row(erased["recording"])
            (clip,) = (FOLDER / "destination" / row["container"]).glob("*.mp4")
            digest = hashlib.sha256(clip.read_bytes()).hexdigest()
            self._check([digest] == self._truths[serial], f"{serial}: {clip} is not what was recorded")
            self._check(
                begun["bytes_here"] >= UNPLUGGED_AT * begun["bytes_whole"], f"{serial}: the offload began from nothing"
            )
            self._wait("camera_idle", serial, lambda event: event["recordings"] == 0, self._mark)
            if camera is not self._spare:
                self._check_resent(camera, begun["bytes_whole"])

    def _check_resent(self, camera: Child, whole_bytes: int) -> None:
        """What went over the cable from its being plugged in again on: what was missing, and little more."""
        camera.do("unplug")
        sent_bytes = int(camera.lines("sent")[-1])
        sessions = [event for event in self._events.all()[self._mark :] if event["what"] == "offload_started"]
        sessions = [event for event in sessions if event["camera"] == camera.name]  # a starved one is broken off, too
        most_bytes = whole_bytes * (1 - UNPLUGGED_AT) + len(sessions) * RESENT_BYTES_MAX
        print(f"{camera.name}: {sent_bytes} bytes sent of {whole_bytes}, its bytes are right", flush=True)
        self._check(sent_bytes <= most_bytes, f"{camera.name} sent {sent_bytes} bytes after it came back")

    def _attach_dock(self) -> None:
        """A board of the emulator, plugged into this kernel over USB/IP, is a dock like any other to the controller."""
        self._exporter.say("start")
        until(lambda: self._exporter.count("exported"), "the emulator to export its dock")
        location, port = self._exporter.lines("exported")[0].split()
        attach_to_kernel(LOOPBACK, int(port), location)
        self._wait_dock("dock_online")
        found = next(device for device in read_usb_tree() if device.serial == DOCK_SERIAL)
        self._check(len(found.ttys) == 2, f"the kernel made {found.ttys} of the dock's two serial functions")
        self._exporter.kill()
        self._wait_dock("dock_offline")

    def _end(self) -> None:
        for serial, camera in self.cameras.items():
            status = camera.end()
            self._check(status == 0, f"{serial} ended with exit status {status}")
        self._check(self._controller.end() == 0, "the controller did not end well")
        self._events.close()
        left = os.listdir("/sys/kernel/config/usb_gadget") + os.listdir("/run/openbwc")
        self._check(not [name for name in left if Path("/run/openbwc", name).is_mount()], f"left mounted: {left}")
        self._check(not os.listdir("/sys/kernel/config/usb_gadget"), f"left in configfs: {left}")
        there = [device.serial for device in read_usb_tree() if device.serial in SERIALS]
        self._check(not there, f"still on the bus: {there}")

    # -- words

    def _status(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.call("status")
        return found

    def _row(self, recording: str) -> dict[str, Any]:
        return next(row for row in self._status()["recordings"] if row["recording"] == recording)

    def _wait(self, what: str, serial: str, having: Any = bool, after: int = 0) -> dict[str, Any]:
        return self._events.wait_for(
            lambda event: event.get("what") == what and event.get("camera") == serial and having(event),
            f"{what} of {serial}",
            LIMIT_S,
            after,
            self._check_children,
        )

    def _wait_dock(self, what: str) -> None:
        def wanted(event: dict[str, Any]) -> bool:
            return event.get("what") == what and event.get("dock") == DOCK_SERIAL

        self._events.wait_for(wanted, f"{what} of {DOCK_SERIAL}", LIMIT_S, 0, self._check_children)

    def _check_children(self) -> None:
        for child in (self._controller, *self.cameras.values()):
            child.check()

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise ScenarioFailed(otherwise)


def export_dock(commands: int, reports: int) -> None:
    """An emulated bench of one dock, whose USB devices anybody on this machine may have."""
    plan = Bench(name="guest", dock=(DockPart(name="dock-1", serial=DOCK_SERIAL),))

    async def export() -> None:
        bench = EmulatedBench(plan, made(FOLDER / "bench"), lambda name, capacity_bytes: MemoryFiles())
        usb = BenchUsb(bench)
        await bench.start()
        server = UsbIpServer(usb.devices, port=0)
        await server.start()
        while not usb.devices():  # noqa: ASYNC110  a plug has no event
            await asyncio.sleep(LOOK_S)
        os.write(reports, f"exported {usb.devices()[0].location} {server.port}\n".encode())
        await asyncio.Event().wait()

    asyncio.run(export())


@contextmanager
def stage(name: str, budget_s: float) -> Generator[None]:
    """Tell the end of a stage. How long it took is measured outside: the guest's own clock runs otherwise."""
    yield
    print(f"STAGE {name} {budget_s:.0f}", flush=True)


def made(folder: Path) -> Path:
    """The folder, made."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
