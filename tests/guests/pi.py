"""The Pi lane: the camera's firmware under arm64 Linux on an emulated Raspberry Pi, and this machine's real controller.

The machine is qemu's ``raspi3b`` with the device tree of a Zero 2 W; kernel, busybox and Python are Debian's for
arm64. Its PL011 is the link, as a pseudo-terminal of this machine; its mini-UART is its console. Hands and eyes are at
its GPIO lines: levels of inputs are written, levels of outputs are read, in the registers of the emulated chip (qtest).

Law: runs on the host; what happens inside is ``pi_camera``. What the emulated machine has not (USB device mode, I2C, an
image sensor) is not shown here; ``usb`` has the first.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from firmware.platform.linux.files import LinuxFiles
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import board_data, find_board
from tests.guests.device_tree import DeviceTree
from tests.guests.machine import Guest, running
from tests.guests.pi_controller import GuestController
from tests.guests.pi_files import first_files
from tests.guests.pi_gpio import Gpio
from tests.guests.stages import Lacking, LaneFailed, Stages, run_lane
from tests.guests.usb import BUILD, kernel_files

EMULATOR = "qemu-system-aarch64"
MODEL = "pi_zero_2w_camera"
SERIAL = "00000000CA3E0001"
TREE = "broadcom/bcm2837-rpi-zero-2-w.dtb"
BLUETOOTH = "/soc/serial@7e201000/bluetooth"  # else the kernel keeps the PL011 for it, and there is no ttyAMA0
KERNEL_ARGUMENTS = "console=ttyS1,115200 rdinit=/init quiet loglevel=3 panic=-1 initcall_blacklist=bcm2835_thermal_init"
BOOT_LIMIT_S = 1_800.0
LIMIT_S = 1_200.0  # a busy machine is slow, and is not broken for that
PRESS_S = 1.5  # short for a person, long enough for a board that has to wait for its processor
LAMP_LIMIT_S = 600.0
LOOK_S = 0.02
LAMPS = ("green", "red")
CLIP_BYTES_MIN = 100 << 10
FAILED = "FAILED"


def main() -> int:
    """Run the lane; its exit status."""
    return run_lane("pi-guest", run)


def run(stages: Stages) -> None:
    """Fetch, prepare, boot, and take a recording from the camera."""
    if shutil.which(EMULATOR) is None:
        raise Lacking(f"{EMULATOR} is missing: apt install qemu-system-arm")
    build = BUILD / "arm64"
    with stages.stage("kernel and Python for arm64", 180):
        kernel, modules, busybox = kernel_files(BUILD, "arm64")
    workshop = Workshop()
    with tempfile.TemporaryDirectory(prefix="bwc-") as folder, stages.stage("initramfs and device tree", 60):
        made = made_camera(workshop, Path(folder))
        (build / "initrd.gz").write_bytes(first_files(build, modules, busybox, made))
        (build / "image").write_bytes(unpacked_image(kernel))
        (build / "tree.dtb").write_bytes(device_tree(kernel))
    with tempfile.TemporaryDirectory(prefix="bwc-") as folder:
        begin_s = time.monotonic()
        with running(command(build, Path(folder) / "qtest"), "qemu-system-arm") as guest:
            port = port_of(guest.until(lambda line: "label serial0" in line, LIMIT_S, "its port"))
            gpio = Gpio(Path(folder) / "qtest", board_data(find_board(MODEL))["pins"])
            try:
                for pin in ("button.record", "button.power"):
                    gpio.set(pin, False)
                gpio.set("dock.present", True)
                heard(guest, "READY", BOOT_LIMIT_S)
                stages.note("boot to the camera's first step", time.monotonic() - begin_s, 60)
                with GuestController(Path(folder), port, SERIAL, workshop.maker.root) as controller:
                    journey(stages, guest, gpio, controller)
            finally:
                gpio.close()


def journey(stages: Stages, guest: Guest, gpio: Gpio, controller: GuestController) -> None:
    """Added, worn, recording, docked, offloaded, delivered, erased."""
    with stages.stage("greeted and added over the UART", 60):
        controller.until(lambda row: row["admission"] == "factory", "the camera to wait to be added", LIMIT_S)
        controller.ask("add_camera", serial=SERIAL)
        controller.wait("camera_idle", LIMIT_S)
        lit(gpio, "green", "red")  # amber: docked
    with stages.stage("a recording, begun by its button", 60):
        gpio.set("dock.present", False)
        controller.until(lambda row: row["state"] == "ready", "the camera to be undocked", LIMIT_S)
        lit(gpio, "green")
        gpio.set("button.record", True)
        threading.Event().wait(PRESS_S)
        gpio.set("button.record", False)
        lit(gpio, "red")
        heard(guest, "camera: recorded", LIMIT_S)
    with stages.stage("docked, offloaded and delivered", 120):
        gpio.set("dock.present", True)
        truth = heard(guest, "camera: truth ", LIMIT_S).removeprefix("camera: truth ")
        container = controller.wait("delivered", LIMIT_S)["container"]
        controller.wait("erased", LIMIT_S)
        clip = controller.clip(container)
        check(hashlib.sha256(clip).hexdigest() == truth, "the clip is not what was recorded")
        check(len(clip) >= CLIP_BYTES_MIN, f"the clip has only {len(clip)} bytes")
        controller.until(lambda row: row["recordings"] == 0, "the camera to be empty", LIMIT_S)


def made_camera(workshop: Workshop, folder: Path) -> bytes:
    """What the camera's maker has put onto it, for ``pi_camera``."""
    card = LinuxFiles(folder)
    keys = workshop.keys_of(MODEL, find_board(MODEL), card)
    workshop.provision(SERIAL, card, keys)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = {
        "secret": base64.b64encode(keys.board_secret).decode(),
        "card": {name: base64.b64encode(data).decode() for name, data in files.items()},
    }
    return json.dumps(made).encode()


def unpacked_image(kernel: Path) -> bytes:
    """The kernel as the machine starts it."""
    data = kernel.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def device_tree(kernel: Path) -> bytes:
    """Of a Zero 2 W, as its firmware hands it to Linux: with the board's own serial number."""
    (found,) = kernel.parents[1].glob(f"usr/lib/linux-image-*/{TREE}")
    tree = DeviceTree(found.read_bytes())
    tree.remove(BLUETOOTH)
    tree.set_text("/", "serial-number", SERIAL.lower())
    return tree.written()


def command(build: Path, qtest: Path) -> list[str]:
    """The emulator."""
    return [
        EMULATOR,
        *("-machine", "raspi3b", "-kernel", str(build / "image"), "-dtb", str(build / "tree.dtb")),
        *("-initrd", str(build / "initrd.gz"), "-append", KERNEL_ARGUMENTS, "-display", "none", "-monitor", "none"),
        *("-serial", "pty", "-serial", "stdio", "-no-reboot"),
        *("-qtest", f"unix:{qtest},server=on,wait=off", "-qtest-log", "/dev/null"),
    ]


def port_of(line: str) -> str:
    """The pseudo-terminal that the emulator names."""
    found = re.search(r"redirected to (\S+)", line)
    if found is None:
        raise LaneFailed(f"the emulator names no port: {line}")
    return found[1]


def heard(guest: Guest, start: str, limit_s: float) -> str:
    """The line that the guest begins so. LaneFailed if it fails instead."""
    line = guest.until(lambda line: line.startswith((start, FAILED)), limit_s, start)
    if line.startswith(FAILED):
        raise LaneFailed(line.removeprefix(FAILED).strip())
    return line


def lit(gpio: Gpio, *wanted: str) -> None:
    """Wait until these lamps, and no others, are lit. LaneFailed."""
    deadline_s = time.monotonic() + LAMP_LIMIT_S
    pause = threading.Event()
    while (lamps := [lamp for lamp in LAMPS if gpio.level(f"lamp.{lamp}")]) != list(wanted):
        check(time.monotonic() < deadline_s, f"waited {LAMP_LIMIT_S:.0f} s for {wanted} to be lit; lit is {lamps}")
        pause.wait(LOOK_S)


def check(holds: bool, otherwise: str) -> None:
    """LaneFailed unless it holds."""
    if not holds:
        raise LaneFailed(otherwise)


if __name__ == "__main__":
    sys.exit(main())
