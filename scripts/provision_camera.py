"""``python -m scripts.provision_camera MAKER``: on a camera of metal, once, before its firmware runs there.

Law: what a maker's workshop does and no more. The key is made on the board and stays there, as the firmware keeps it;
the maker's authority is in the folder MAKER (made when it is not there), which comes and goes on a stick: whoever has
it can make cameras that a system may adopt. Its root, ``MAKER/maker.pem``, is what ``bwc trust maker`` takes.
"""

from __future__ import annotations

import argparse
import ssl
import sys
import time
from pathlib import Path
from typing import Final

from firmware.platform.linux.board import evidence_folder
from firmware.platform.linux.device_key import read_device_key
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.platform.linux.identity import LinuxIdentity
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files_keystore import FilesKeystore
from firmware.secure.certificates import IDEVID, CertificateFault
from firmware.secure.certificates_keys import P256, DeviceKeyWrap
from firmware.secure.certificates_store import CameraIdentity
from host_tools.trust.errors import TrustError
from host_tools.trust.provisioning import PATH, Manufacturer, make_manufacturer, open_manufacturer

ROOT_FILE: Final = "maker.pem"


def main(arguments: list[str]) -> int:
    """Provision this board; returns the exit code."""
    parser = argparse.ArgumentParser(prog="provision_camera", description="Give this camera its IDevID, once.")
    parser.add_argument("maker", type=Path, help="folder of the maker's authority; a new one is made")
    parser.add_argument("--name", default="Workshop", help="the maker's, where it is made (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    now_ms = time.time_ns() // 1_000_000
    try:
        serial = LinuxIdentity().serial()
        protection = provision(chosen.maker, chosen.name, evidence_folder(), serial, now_ms)
    except (TrustError, PortFault, CertificateFault, OSError) as error:
        sys.stderr.write(f"provision_camera: {error}\n")
        return 1
    sys.stdout.write(f"{serial} is provisioned; its keys are protected by: {protection}\n")
    sys.stdout.write(f"let its system trust {chosen.maker / ROOT_FILE}: bwc trust maker {ROOT_FILE}\n")
    return 0


def provision(folder: Path, name: str, card: Path, serial: str, now_ms: int) -> str:
    """The camera of ``card`` gets its key and IDevID from the maker of ``folder``. Returns what protects its keys."""
    entropy = LinuxEntropy()
    secret = device_secret()
    files = LinuxFiles(card)
    keys = FilesKeystore(files, P256(entropy), DeviceKeyWrap(secret, entropy) if secret else None)
    camera = CameraIdentity(files, keys, serial)
    if camera.identity(IDEVID) is not None:  # before a key is made: it would take the place of the one that counts
        raise TrustError(f"{serial} is provisioned already: nothing was changed")
    maker_of(folder, name, now_ms).provision(camera, now_ms)
    return keys.protection


def maker_of(folder: Path, name: str, now_ms: int) -> Manufacturer:
    """The maker of that folder, made if there is none, with its root beside it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files, entropy = LinuxFiles(folder), LinuxEntropy()
    maker = open_manufacturer(files, entropy) if files.exists(PATH) else make_manufacturer(files, name, now_ms, entropy)
    (folder / ROOT_FILE).write_text(ssl.DER_cert_to_PEM_cert(maker.root), encoding="ascii")
    return maker


def device_secret() -> bytes:
    """What was burnt into this board; empty where nothing was, or where it has no place for it."""
    try:
        return read_device_key()
    except NotFound:
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
