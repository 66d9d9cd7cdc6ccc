"""The first file system of the Pi guest: Debian's Python for arm64, the firmware's own packages, and the firmware.

Packages of the Python index are those of ``requirements/dev.txt``, fetched by pip for arm64 and held to the hashes
there.
"""

from __future__ import annotations

import compileall
import py_compile
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.guests.initramfs import Initramfs
from tests.guests.modules import Modules
from tests.guests.packages import Packages, unpack
from tests.guests.stages import Lacking
from tests.guests.usb import ROOT

INSIDE = "tests.guests.pi_camera"
WHEELS = ("cffi", "cryptography", "gpiod", "pycparser")  # what the camera imports; in requirements/dev.txt
PLATFORMS = ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
SOURCES = ("firmware", "boards/pi_zero_2w_camera")
SINGLE_SOURCES = (
    "boards/__init__.py",
    "tests/__init__.py",
    "tests/guests/__init__.py",
    "tests/guests/pi_camera.py",
    "tests/guests/seeded_sensor.py",
)
MODULES = ("bcm2835_rng",)
NOT_NEEDED = frozenset(
    {"dpkg", "install-info", "libdb5.3", "libgssapi-krb5-2", "libncursesw6", "libnsl2", "libreadline8", "libsqlite3-0"}
    | {"libtinfo6", "libtirpc3", "libtirpc3t64", "mailcap", "media-types", "mime-support", "netbase", "perl"}
    | {"readline-common", "tzdata"}
)
TRIMMED = ("test", "idlelib", "lib2to3", "ensurepip", "distutils", "tkinter", "pydoc_data", "turtledemo", "unittest")

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /tmp
for each in $(cat /modules/order); do insmod /modules/$each.ko || echo "$each does not load"; done
mkdir -p /var/lib/openbwc; mount -t tmpfs t /var/lib/openbwc
export PATH=/usr/bin:/bin:/sbin PYTHONPATH=/app:/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
exec {python} -m {inside} >/dev/ttyS1 2>&1
"""


def first_files(build: Path, modules: Modules, busybox: bytes, made: bytes) -> bytes:
    """The initramfs; ``made``: what the camera's maker has put onto it."""
    python, version = debian_python(build)
    packages = python_packages(build, version)
    app = application(build, version)
    archive = Initramfs()
    for folder in ("proc", "sys", "dev", "tmp"):
        archive.folder(folder)
    archive.tree(python)
    archive.tree(packages, "packages")
    archive.tree(app, "app")
    archive.file("bin/busybox", busybox, 0o755)
    loaded = modules.with_dependencies(*[name for name in MODULES if modules.has(name)])
    for name, content in loaded.items():
        archive.file(f"modules/{name}.ko", content)
    archive.file("modules/order", " ".join(loaded).encode() + b"\n")
    archive.file("made.json", made)
    archive.file("init", INIT.format(python=f"/usr/bin/python{version}", inside=INSIDE).encode(), 0o755)
    return archive.written()


def debian_python(build: Path) -> tuple[Path, str]:
    """The files of Debian's Python for arm64, and its version as ``3.11``."""
    packages = Packages(build, "arm64")
    found = [re.fullmatch(r"python(3\.\d+)-minimal", name) for name in packages.closure("python3-minimal")]
    versions = [match[1] for match in found if match is not None]
    if not versions:
        raise Lacking("no Python for arm64 in the sources of this machine; the lane needs Debian's: see /etc/apt")
    names = packages.closure(f"python{versions[0]}-minimal", f"libpython{versions[0]}-stdlib", without=NOT_NEEDED)
    debs = packages.fetch(*names)
    folder = build / "python"
    listed = "\n".join(deb.name for deb in debs)
    stamp = folder / "packages"
    if not stamp.exists() or stamp.read_text() != listed:
        shutil.rmtree(folder, ignore_errors=True)
        for deb in debs:
            unpack(deb, folder / "root")
        trim(folder / "root", versions[0])
        compiled(folder / "root" / "usr" / "lib" / f"python{versions[0]}", versions[0])
        stamp.write_text(listed)
    return folder / "root", versions[0]


def trim(root: Path, version: str) -> None:
    """Leave out what no firmware imports."""
    for name in TRIMMED:
        shutil.rmtree(root / "usr" / "lib" / f"python{version}" / name, ignore_errors=True)
    for name in ("doc", "man", "locale", "lintian", "perl", "perl5"):
        shutil.rmtree(root / "usr" / "share" / name, ignore_errors=True)


def python_packages(build: Path, version: str) -> Path:
    """The wheels, unpacked; only if their hashes are those of the lock."""
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    lines = "\n".join(locked(lock, name) for name in WHEELS)
    folder = build / "packages"
    stamp = folder.with_suffix(".txt")
    if stamp.exists() and stamp.read_text() == lines and folder.exists():
        return folder
    for old in (folder, folder.with_suffix(".wheels")):
        shutil.rmtree(old, ignore_errors=True)
    stamp.write_text(lines)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", version]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    command += ["--dest", str(folder.with_suffix(".wheels")), "--requirement", str(stamp)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        stamp.unlink()
        said = (answer.stderr.strip() or "it said nothing").splitlines()
        raise Lacking(f"pip cannot fetch {', '.join(WHEELS)} for arm64: {said[-1]}; is there a network?")
    for wheel in folder.with_suffix(".wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    compiled(folder, version)
    return folder


def locked(lock: str, name: str) -> str:
    """A package's entry of a lock file, with its hashes."""
    found = re.search(rf"^{re.escape(name)}==.*?(?=^\S)", lock + "\nend", re.MULTILINE | re.DOTALL)
    if found is None:
        raise Lacking(f"{name} is not in requirements/dev.txt: make lock")
    return "\n".join(line for line in found[0].splitlines() if "#" not in line).rstrip().rstrip("\\")


def application(build: Path, version: str) -> Path:
    """The firmware, and the program around it."""
    folder = build / "app"
    shutil.rmtree(folder, ignore_errors=True)
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SINGLE_SOURCES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    compiled(folder, version)
    return folder


def compiled(folder: Path, version: str) -> None:
    """Compile here, where it is fast, if this Python writes what that one reads."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(str(folder), quiet=2, force=True, invalidation_mode=mode, stripdir=str(folder))
