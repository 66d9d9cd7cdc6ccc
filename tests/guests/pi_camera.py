"""Inside the Pi guest, as its first process: the camera application under arm64 Linux of a Raspberry Pi Zero 2 W.

Law: real are the machine's device tree and serial number, its UART as the link, its GPIO character device for every
pin, and the card as LinuxFiles on a file system of its own. The emulated machine has no I2C, no image sensor, and a
watchdog that resets at once where a real one waits: the cell is a constant, the picture is seeded bytes, the watchdog
is memory. What the camera has to say to people goes to the other UART.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import termios
import traceback
from pathlib import Path
from typing import Any

from boards.pi_zero_2w_camera import board_data
from firmware.camera import compose
from firmware.platform.linux import board as linux_board
from firmware.platform.linux.clock import LinuxClock
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.platform.linux.identity import LinuxIdentity
from firmware.platform.linux.pins import LinuxPins
from firmware.platform.linux.terminal import TerminalStream
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.secure.certificates_keys import P256, DeviceKeyWrap
from firmware.version import VERSION
from tests.guests.seeded_sensor import SeededSensor

UART = "/dev/ttyAMA0"
BAUD = 115_200
MADE = Path("/made.json")  # what the lane has given this board: its secret, and what its maker wrote on its card
FRAGMENTS, FRAGMENT_BYTES = 6, 32 << 10  # a UART takes 10 KiB a second
CELL_UV, SUPPLY_UV = 3_900_000, 5_000_000


def main() -> None:
    """Be the camera until the guest is switched off."""
    try:
        run()
    except Exception as error:  # noqa: BLE001  the edge of the guest: whatever it was is told, and it ends
        traceback.print_exc()
        print(f"FAILED {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
    termios.tcdrain(sys.stdout.fileno())
    Path("/proc/sysrq-trigger").write_text("o")
    signal.pause()  # the power goes


def run() -> None:
    """Put the board together and serve."""
    identity = LinuxIdentity()
    print(f"camera: {identity.model()}, serial {identity.serial()}, {os.uname().machine}", flush=True)
    folder = linux_board.evidence_folder()
    made: dict[str, Any] = json.loads(MADE.read_text())
    for name, data in made["card"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
    facts: dict[str, Any] = board_data.BOARD
    board = {**facts, "serial": identity.serial(), "firmware": VERSION}
    wakeup = linux_board.Wakeup()
    terminal = TerminalStream(UART, baud=BAUD)
    ports = make_ports(board, terminal, folder, base64.b64decode(made["secret"]))
    application = compose(ports, board)
    print("READY", flush=True)
    linux_board.serve(application, ports, terminal, wakeup)


def make_ports(board: dict[str, Any], stream: TerminalStream, folder: Path, secret: bytes) -> linux_board.Ports:
    """Of this machine."""
    clock, entropy, files = LinuxClock(), LinuxEntropy(), LinuxFiles(folder)
    return linux_board.Ports(
        clock=clock,
        stream=stream,
        pins=LinuxPins(board),
        adc=MemoryAdc({"battery.cell": CELL_UV, "supply.input": SUPPLY_UV}),
        entropy=entropy,
        watchdog=MemoryWatchdog(clock, board["watchdog_ms"]),
        files=files,
        sensor=SeededSensor(clock, board["serial"], FRAGMENTS, tell, FRAGMENT_BYTES),
        keystore=FilesKeystore(files, P256(entropy), DeviceKeyWrap(secret, entropy)),
        board_secret=secret,
    )


def tell(line: str) -> None:
    """To whoever looks at the other UART."""
    print(f"camera: {line}", flush=True)


if __name__ == "__main__":
    main()
    sys.exit(0)
