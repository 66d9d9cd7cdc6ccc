"""Checks the types of the portable rooms against a Pico's MicroPython: ``python -m scripts.rp2_types [CHECKER]``.

Law: the stubs are those of the environment, laid out in ``build/`` for the checker alone. Beside the ordinary pass, in
which the same files are CPython's, this one knows ``machine``, MicroPython's ``time``, and that the rest of the
standard library is smaller. What the stubs claim and MicroPython lacks, the house tests find by asking MicroPython.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PLACE: Final = ROOT / "build" / "rp2_types"
STUBS: Final = ("micropython-rp2-rpi-pico-stubs", "micropython-stdlib-stubs")
ROOMS: Final = ("link", "ports", "drivers", "dock", "platform/rp2", "platform/unix_micropython")
BOARDS: Final = ("pico_dock_1", "pico_dock_8")
CONFIG: Final = {
    "include": [f"../../firmware/{room}" for room in ROOMS] + [f"../../boards/{board}" for board in BOARDS],
    "extraPaths": ["../.."],
    "typeshedPath": "typings",
    "stubPath": "typings",
    "pythonVersion": "3.11",
    # Not strict: the stubs leave many parameters without a type.
    "typeCheckingMode": "standard",
    "reportMissingModuleSource": "none",
    "failOnWarnings": True,
}


def main(arguments: list[str]) -> int:
    """Run the checker; returns its exit code."""
    checker = arguments[0] if arguments else str(Path(sys.executable).parent / "basedpyright")
    try:
        lay_out(PLACE / "typings")
    except PackageNotFoundError as missing:
        sys.stderr.write(f"rp2_types: {missing.name} is not installed: `make env-dev`\n")
        return 1
    config = PLACE / "config.json"
    config.write_text(json.dumps(CONFIG, indent=1), encoding="utf-8")
    return subprocess.run([checker, "--project", str(config)], cwd=ROOT, check=False).returncode


def lay_out(target: Path) -> None:
    """The stubs' files, in a folder of their own and nothing else in it."""
    shutil.rmtree(target, ignore_errors=True)
    for name in STUBS:
        for path in files(name) or []:
            if ".." not in path.parts and path.suffix != ".pyc":
                place = target / path
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(path.locate()), place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
