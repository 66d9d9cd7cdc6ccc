"""The USB lane: cameras behind real Linux gadgets on ``dummy_hcd``, and the controller's real transports, in one guest.

Law: runs on the host and starts the guest; what happens inside is ``usb_inside``. The guest is a Debian kernel under
qemu without hardware acceleration. It shares this machine's files read-only (9p), so the Python that runs this lane
runs there as well, with the same packages.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.guests.initramfs import Initramfs
from tests.guests.machine import Guest, running
from tests.guests.modules import Modules
from tests.guests.packages import Packages, unpack
from tests.guests.stages import Lacking, LaneFailed, Stages, run_lane

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "guests"
EMULATOR = "qemu-system-x86_64"
MACHINE = "x86_64"
INSIDE = "tests.guests.usb_inside"
MEMORY_MIB = 1024
CPUS = 2
FAST = ("-accel", "tcg,thread=multi", "-smp", str(CPUS))
# The guest's clock counts its instructions, two nanoseconds each: on a busy machine its seconds are longer, and nothing
# in it runs into a time-out that only this machine's other programs have caused. Several times as slow as FAST.
PATIENT = ("-accel", "tcg,thread=single", "-icount", "shift=1,sleep=on")
CAMERAS = 3
FIRST_LINE_LIMIT_S = 1_800.0  # kernel and imports; half a minute on an idle machine
TEMPORARY = ("/run/", "/tmp/", "/dev/shm/")
STAGE_LIMIT_S = 1_800.0  # of one: a busy machine is slow, and is not broken for that
PASSED, FAILED, STAGE = "PASSED", "FAILED", "STAGE "

BOOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p")
USB_MODULES = ("dummy_hcd", "libcomposite", "usb_f_acm", "usb_f_fs", "cdc_acm", "vhci_hcd")
MODULE_OPTIONS = {"dummy_hcd": f"num={CAMERAS + 1} is_high_speed=1"}
# no_timer_check: at its boot the kernel counts ticks while it spins, and panics where the emulator has to wait then.
KERNEL_ARGUMENTS = "console=ttyS0 quiet loglevel=3 panic=-1 tsc=reliable no_timer_check mitigations=off nokaslr audit=0"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; ifconfig lo up
while read name options; do insmod /modules/$name.ko $options || echo "$name does not load"; done < /modules/order
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose hostroot /new || exec poweroff -f
for each in proc sys dev; do mount --move /$each /new/$each; done
mkdir -p /new/dev/shm /new/dev/pts; mount -t devpts p /new/dev/pts
{before}for each in run tmp dev/shm; do mount -t tmpfs t /new/$each; done
{after}mount -t configfs c /new/sys/kernel/config
exec switch_root /new {python} -m {inside}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the lane; its exit status. ``--patient``: for a machine that is busy with other things."""
    parser = argparse.ArgumentParser(prog="usb-guest", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--patient", action="store_true", help="for a busy machine: the guest's time waits for it")
    patient: bool = parser.parse_args(arguments or []).patient
    return run_lane("usb-guest", lambda stages: run(stages, patient))


def run(stages: Stages, patient: bool) -> None:
    """Fetch, prepare, boot, and follow what the guest says."""
    if shutil.which(EMULATOR) is None:
        raise Lacking(f"{EMULATOR} is missing: apt install qemu-system-x86")
    if platform.machine() != MACHINE:
        raise Lacking(
            f"this machine is {platform.machine()}; its Python runs in the guest, which is {MACHINE}: use one"
        )
    with stages.stage("kernel from Debian", 120):
        kernel, modules, busybox = kernel_files(BUILD, "amd64")
    with stages.stage("initramfs and compiled Python", 30):
        initrd = BUILD / "usb-initrd.gz"
        initrd.write_bytes(first_files(modules, busybox))
        compile_python()
    begin_s = time.monotonic()
    with running(command(kernel, initrd, patient), "qemu-system-x86") as guest:
        guest.until(lambda line: line.startswith(STAGE), FIRST_LINE_LIMIT_S, "its first stage")
        stages.note("boot, and the imports of Python", time.monotonic() - begin_s, 90)
        follow(guest, stages)
        guest.wait()


def kernel_files(build: Path, architecture: str) -> tuple[Path, Modules, bytes]:
    """A kernel, its modules and a static busybox; unpacked once a version."""
    packages = Packages(build / architecture, architecture)
    packages.refresh()
    name = packages.dependency(f"linux-image-{architecture}")
    kernel_deb, busybox_deb = packages.fetch(name, "busybox-static")
    kernel, busybox = build / architecture / kernel_deb.stem, build / architecture / busybox_deb.stem
    for deb, folder in ((kernel_deb, kernel), (busybox_deb, busybox)):
        if not folder.exists():
            unpack(deb, folder.with_suffix(".new"))
            folder.with_suffix(".new").rename(folder)
    (image,) = (kernel / "boot").glob("vmlinuz-*")
    return image, Modules(kernel), (busybox / "bin" / "busybox").read_bytes()


def first_files(modules: Modules, busybox: bytes) -> bytes:
    """The initramfs: enough to find the host's files, and the USB modules, which the host need not have."""
    made = Initramfs()
    for folder in ("proc", "sys", "dev", "new"):
        made.folder(folder)
    made.file("bin/busybox", busybox, 0o755)
    order: list[str] = []
    for name, content in modules.with_dependencies(*BOOT_MODULES, *USB_MODULES).items():
        made.file(f"modules/{name}.ko", content)
        order.append(f"{name} {MODULE_OPTIONS.get(name, '')}".strip())
    made.file("modules/order", "\n".join(order).encode() + b"\n")
    before, after = kept_in_view()
    made.file("init", INIT.format(python=sys.executable, inside=INSIDE, before=before, after=after).encode(), 0o755)
    return made.written()


def kept_in_view() -> tuple[str, str]:
    """What init does before and after it puts empty folders over temporary ones, where this project or its Python lies
    below one: a clone in /tmp."""
    places = {str(ROOT), sys.prefix, sys.base_prefix}
    hidden = sorted(place for place in places if place.startswith(TEMPORARY))
    before = [f"mkdir -p /keep/{n}; mount --bind '/new{place}' /keep/{n}" for n, place in enumerate(hidden)]
    after = [f"mkdir -p '/new{place}'; mount --move /keep/{n} '/new{place}'" for n, place in enumerate(hidden)]
    return "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after)


def compile_python() -> None:
    """Compile here what the guest imports: there it would take a minute."""
    answer = subprocess.run(
        [sys.executable, "-c", f"import {INSIDE}"],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise LaneFailed(f"{INSIDE} cannot be imported: {answer.stderr.strip().splitlines()[-1]}")


def environment() -> dict[str, str]:
    """Of Python, here when it compiles and in the guest."""
    pycache = BUILD / "pycache"
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(pycache)}


def command(kernel: Path, initrd: Path, patient: bool) -> list[str]:
    """The emulator. Hardware acceleration is not asked for: where it half works, a guest hangs."""
    words = " ".join(f"{name}={value}" for name, value in environment().items())
    return [
        EMULATOR,
        *(PATIENT if patient else FAST),
        *("-cpu", "max", "-machine", "q35,vmport=off,i8042=off", "-m", str(MEMORY_MIB), "-nodefaults", "-no-reboot"),
        *("-display", "none", "-vga", "none"),
        *("-serial", "stdio", "-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", f"{KERNEL_ARGUMENTS} {words}"),
        *("-fsdev", "local,id=r,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=r,mount_tag=hostroot"),
    ]


def follow(guest: Guest, stages: Stages) -> None:
    """Note the guest's own stages until it says how it has ended."""
    begin_s = time.monotonic()
    while True:
        line = guest.until(lambda line: line.startswith((STAGE, PASSED, FAILED)), STAGE_LIMIT_S, "the end of a stage")
        if line.startswith(PASSED):
            return
        if line.startswith(FAILED):
            raise LaneFailed(line.removeprefix(FAILED).strip())
        name, budget_s = line.removeprefix(STAGE).rsplit(" ", 1)
        stages.note(name, time.monotonic() - begin_s, float(budget_s))
        begin_s = time.monotonic()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
