"""A small world of trust: a manufacturer, a system, its cameras, and channels between them. One seed, one clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware.camera.trust import CameraTrust
from firmware.link import schema
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.secure.certificates import EVIDENCE, IDEVID, LDEVID, PeerIdentity, identify
from firmware.secure.certificates_keys import P256
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.sealing_file import FileSealer
from host_tools.trust.authority import DAY_MS
from host_tools.trust.provisioning import Manufacturer, make_manufacturer
from host_tools.trust.system import SystemTrust, create_system
from host_tools.trust.wrapping import ArgonCost

NOW_MS = 1_767_600_000_000  # 2026-01-05T08:00:00Z
WEEK_MS = 7 * DAY_MS
PHRASE = "correct horse battery"
CHEAP = ArgonCost(memory_kib=8, iterations=1, lanes=1)  # the least that Argon2id can be: tests ask it often


@dataclass
class Camera:
    """A camera's card and keys."""

    serial: str
    files: MemoryFiles
    keystore: MemoryKeystore
    identity: CameraIdentity

    def again(self) -> CameraIdentity:
        """The identity as the camera knows it after a restart."""
        return CameraIdentity(self.files, self.keystore, self.serial)


@dataclass
class World:
    """Everything that a test of trust needs, made on demand."""

    seed: int = 1
    now_ms: int = NOW_MS
    files: MemoryFiles = field(default_factory=MemoryFiles)

    def __post_init__(self) -> None:
        print(f"seed {self.seed}")
        self.entropy = SeededEntropy(self.seed)
        self.maker: Manufacturer = make_manufacturer(MemoryFiles(), "maker-1", self.now_ms - WEEK_MS, self.entropy)
        self.trust: SystemTrust = create_system(self.files, PHRASE, "controller-1", self.now_ms, self.entropy, CHEAP)
        self.trust.trust_manufacturer(self.maker.root)

    def factory_camera(self, serial: str = "CAM-0001", maker: Manufacturer | None = None) -> Camera:
        """A camera that has been provisioned and belongs to nobody."""
        files, keystore = MemoryFiles(), MemoryKeystore(P256(self.entropy))
        camera = Camera(serial, files, keystore, CameraIdentity(files, keystore, serial))
        (maker or self.maker).provision(camera.identity, self.now_ms)
        return camera

    def camera(self, serial: str = "CAM-0001") -> Camera:
        """A camera of this system."""
        camera = self.factory_camera(serial)
        self.adopt(camera)
        return camera

    def adopt(self, camera: Camera) -> None:
        """Add a camera to this system, as an administrator would."""
        issued = self.trust.adopt(peer(camera, IDEVID), camera.identity.request(LDEVID), self.now_ms)
        camera.identity.adopt(self.controller(), issued.chain, self.now_ms)

    def controller(self) -> PeerIdentity:
        """This system's controller as its cameras see it."""
        return identify(self.trust.record.controller.chain, True)


def adopt_on_card(trust: SystemTrust, identity: CameraIdentity, now_ms: int) -> None:
    """Make a provisioned camera a member without a session."""
    found = identity.identity(IDEVID)
    assert found is not None
    issued = trust.adopt(found, identity.request(LDEVID), now_ms)
    identity.adopt(identify(trust.record.controller.chain, True), issued.chain, now_ms)


def equip_on_card(trust: SystemTrust, identity: CameraIdentity, card: Files, secret: bytes, now_ms: int) -> None:
    """What a member gets at its first dock: a certificate to sign with, and whom to seal to."""
    found = identity.identity(LDEVID)
    assert found is not None
    issued = trust.renew(found, identity.request(EVIDENCE), now_ms)
    identity.renew(identify(trust.record.controller.chain, True), issued.chain, now_ms)
    CameraTrust(card, FileSealer(secret, trust.entropy)).seal_to([trust.recipient().raw])


def peer(camera: Camera, kind: str = LDEVID) -> PeerIdentity:
    """A camera as its controller sees it."""
    found = camera.identity.identity(kind)
    assert found is not None
    return found


@dataclass
class Pair:
    """Two channels and the wire between them."""

    host: SecureChannel
    board: SecureChannel
    to_host: bytearray = field(default_factory=bytearray)
    to_board: bytearray = field(default_factory=bytearray)

    def settle(self) -> None:
        """Carry bytes until none move; what went over the wire is kept in ``to_host`` and ``to_board``."""
        while True:
            up, down = self.board.take_output(), self.host.take_output()
            if not up and not down:
                return
            self.to_host += up
            self.to_board += down
            assert self.host.feed(up) == len(up)
            assert self.board.feed(down) == len(down)


def connect(
    host: ChannelTrust,
    board: ChannelTrust,
    claimed: str | None = None,
    version: int = schema.PROTOCOL_VERSION,
) -> Pair:
    """Both ends after all that they have to say to each other."""
    pair = Pair(SecureChannel(host, version, 0, claimed), SecureChannel(board, version, 0))
    pair.settle()
    return pair
