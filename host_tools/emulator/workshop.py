"""Where emulated cameras are made: their maker, their keystores, and the IDevID that each gets at its first power-on.

The maker's root is what a system must trust before these cameras can be added to it. What a board has to keep keys in
follows from its board file: a secure element where there is one, else its card, wrapped by a secret in its OTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.keystore import PROTECTED_BY_CHIP, Keystore
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates import IDEVID
from firmware.secure.certificates_keys import DEVICE_KEY_BYTES, P256, DeviceKeyWrap
from firmware.secure.certificates_store import CameraIdentity
from host_tools.emulator.platform import SystemEntropy
from host_tools.hardware import Board
from host_tools.trust.provisioning import PATH as MAKER_FILE
from host_tools.trust.provisioning import Manufacturer, make_manufacturer, open_manufacturer

MAKER = "emulator"  # its name in the certificates that it makes
MADE_UNIX_MS = 1_735_689_600_000  # 2025-01-01: before the clock of any controller, and an IDevID does not expire
SECURE_ELEMENT = "secure_element"  # the name of such a chip in board files
_OTP_FILE = "otp"


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """What one board has for its secrets. ``board_secret``: burnt into it when it was made."""

    keystore: Keystore
    board_secret: bytes = field(repr=False)


class Workshop:
    """``files_of`` gives a folder that lasts, by name: the maker's own, and one for the chips of each board."""

    def __init__(self, files_of: Callable[[str], Files] | None = None, entropy: Entropy | None = None) -> None:
        self._folders: dict[str, Files] = {}
        self._files_of = files_of or _in_memory
        self._entropy = entropy or SystemEntropy()
        self._maker: Manufacturer | None = None

    @property
    def maker(self) -> Manufacturer:
        """Whose IDevIDs these cameras have; made when it is needed first."""
        if self._maker is None:
            files = self._folder(MAKER)
            if files.exists(MAKER_FILE):
                self._maker = open_manufacturer(files, self._entropy)
            else:
                self._maker = make_manufacturer(files, MAKER, MADE_UNIX_MS, self._entropy)
        return self._maker

    def keys_of(self, name: str, board: Board, card: Files) -> BoardKeys:
        """The keys of a board, the same at every boot. ``card``: where they lie, wrapped, on a board without a chip
        for them."""
        chips = self._folder(name)
        secret = self._otp(chips)
        algorithm = P256(self._entropy)
        if board.peripheral(SECURE_ELEMENT) is not None:
            return BoardKeys(SecureElement(chips, algorithm), secret)
        return BoardKeys(FilesKeystore(card, algorithm, DeviceKeyWrap(secret, self._entropy)), secret)

    def provision(self, serial: str, card: Files, keys: BoardKeys) -> None:
        """Give a camera its IDevID, unless it has one."""
        identity = CameraIdentity(card, keys.keystore, serial)
        if identity.identity(IDEVID) is None:
            self.maker.provision(identity, MADE_UNIX_MS)

    def _otp(self, chips: Files) -> bytes:
        """The one-time programmable rows of a board."""
        try:
            file = chips.open(_OTP_FILE)
        except NotFound:
            file = chips.create(_OTP_FILE)
            file.write_at(0, self._entropy.random_bytes(DEVICE_KEY_BYTES))
            file.sync()
            chips.sync_folder("")
        try:
            secret = bytearray(DEVICE_KEY_BYTES)
            file.read_at(0, secret)
            return bytes(secret)
        finally:
            file.close()

    def _folder(self, name: str) -> Files:
        if name not in self._folders:
            self._folders[name] = self._files_of(name)
        return self._folders[name]


class SecureElement(FilesKeystore):
    """An emulated chip: its keys are beside the card, not on it. That nobody can read them cannot be emulated."""

    def __init__(self, chips: Files, algorithm: P256) -> None:
        super().__init__(chips, algorithm)
        self.protection = PROTECTED_BY_CHIP


def _in_memory(name: str) -> Files:
    return MemoryFiles()
