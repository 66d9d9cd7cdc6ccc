"""A real controller and real camera firmware in one process: pseudo-terminals between them, memory around them.

A camera's card can be written before it is docked, so that no test waits for a recording.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from firmware.camera.trust import CameraTrust, evidence_signer
from firmware.formats.header import RecordingInfo
from firmware.formats.moment import Moment
from firmware.ports.files import Files
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment
from firmware.secure.certificates import EVIDENCE
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.sealing_file import FileSealer
from firmware.secure.signing import P256Signer
from host_tools.controller.discovery import Finder
from host_tools.controller.members import Members
from host_tools.controller.service import Controller, World
from host_tools.controller.status import take_status
from host_tools.custody.belief import Belief, of_system
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import Destination
from host_tools.destinations.memory import MemoryDestination
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.platform import BoardClock, DeadlineWatchdog, LevelPins, ModelAdc, Ports, Rtc, SystemEntropy
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.emulator.workshop import BoardKeys, Workshop
from host_tools.hardware import board_data, board_models, find_board
from host_tools.system.roster import Assignment, Roster, Wearer
from host_tools.system.system import System
from host_tools.transports.registry import Registry
from host_tools.trust.system import SystemTrust
from tests.patience import LIMIT_S
from tests.unit.trust.parts import WEEK_MS, adopt_on_card, equip_on_card
from tests.unit.trust.parts import World as TrustWorld

BOARDS = {model: find_board(model) for model in board_models()}
BOARD = BOARDS["pi_zero_2w_camera"]
ROSTER = Roster(
    (Wearer(id="W-001", name="Ada Lovelace"), Wearer(id="W-002", name="Grace Hopper")),
    (Assignment(camera="CAM-0001", wearer="W-001"), Assignment(camera="CAM-0002", wearer="W-002")),
)
STARTED_UNIX_MS = 1_767_225_600_000
ADOPTED_UNIX_MS = STARTED_UNIX_MS - 86_400_000
LOOK_S = 0.02
SPARE_BYTES = 4_096


class CardRecording:
    """A recording that was written to a card. ``content``: the playable bytes."""

    def __init__(self, recording: bytes, content: bytes) -> None:
        self.recording = recording
        self.content = content

    @property
    def hex(self) -> str:
        """Its name in status and happenings."""
        return self.recording.hex()


SMALL = (700, 4_000, 4_000)  # bytes of the fragments of a recording of two seconds


class Keyed(Protocol):
    """A camera: its card, and the keys that are its own."""

    serial: str
    files: Files
    keys: BoardKeys


@dataclass
class CardOf:
    """The same of a camera of a bench."""

    serial: str
    files: Files
    keys: BoardKeys


def make_member(trust: SystemTrust, camera: Keyed) -> None:
    """Add a camera without a session, a day before it records."""
    identity = CameraIdentity(camera.files, camera.keys.keystore, camera.serial)
    if not identity.is_adopted():
        adopt_on_card(trust, identity, ADOPTED_UNIX_MS)
        equip_on_card(trust, identity, camera.files, camera.keys.board_secret, ADOPTED_UNIX_MS)


def write_recording(camera: Keyed, seed: int, sizes: tuple[int, ...] = SMALL) -> CardRecording:
    """Record onto a member's card as its vault does; the first size is the initialisation's."""
    entropy = SeededEntropy(f"recording {seed}")
    trust = CameraTrust(camera.files, FileSealer(camera.keys.board_secret, entropy))
    trust.load()
    identity = CameraIdentity(camera.files, camera.keys.keystore, camera.serial)
    evidence = identity.identity(EVIDENCE)
    assert evidence is not None
    trust.sign_with(evidence_signer(camera.keys.keystore, identity.slot(EVIDENCE), evidence.chain))
    vault = trust.vault(entropy)
    vault.open()
    started = Moment(5_000, STARTED_UNIX_MS + 60_000 * seed, "controller", 40)
    info = RecordingInfo(
        camera_serial=camera.serial,
        camera_model=BOARD.model,
        firmware="0.1.0",
        system=evidence.owner,
        wearer_id="W-001",
        wearer_name="Ada Lovelace",
        profile="default",
        boot="00112233445566aa",
        cause_start="button",
        started=started,
    )
    opened, content = vault.begin(info), bytearray()
    for number, size in enumerate(sizes):
        data = entropy.random_bytes(size)
        content += data
        kind = FRAGMENT_MEDIA if number else FRAGMENT_INIT
        opened.append(Fragment(kind, data, 1000 * max(0, number - 1), 1000 if number else 0, 25 if number else 0))
    duration_ms = 1000 * (len(sizes) - 1)
    opened.close(started.later(duration_ms), "button", False)
    vault.close()
    return CardRecording(opened.recording, bytes(content))


class RigCamera:
    """Camera firmware behind a pseudo-terminal on the rig's USB tree. Its card is ``files``; as its maker made it,
    until it is adopted."""

    def __init__(self, folder: Path, usb: UsbBus, serial: str, workshop: Workshop, files: Files | None = None) -> None:
        self.serial = self.usb_serial = serial
        self.files = files if files is not None else MemoryFiles()
        self.keys = workshop.keys_of(serial, BOARD, self.files)
        workshop.provision(serial, self.files, self.keys)
        self.location = f"1-1.{int(serial[-1])}"
        self.plug = PtyPlug(folder / "dev" / serial, lambda: self.emulated.wake())
        self._usb = usb
        self._loop = asyncio.get_running_loop()
        data = board_data(BOARD, serial=serial, firmware="0.1.0")
        self.emulated = EmulatedBoard(serial, BOARD, data, self.plug, self._make_ports, lambda ports: None)

    def identity(self) -> CameraIdentity:
        """As it is on the card now."""
        return CameraIdentity(self.files, self.keys.keystore, self.serial)

    def dock(self) -> None:
        """Switch it on and plug it in."""
        self.emulated.power_on()
        self.plug.put_in()
        identity = UsbIdentity(BOARD.usb.vid, BOARD.usb.pid, "OpenBWC", "camera", self.usb_serial)
        self._usb.attach(self.location, identity, 480, self.serial)

    def undock(self) -> None:
        """Pull the plug."""
        self._usb.detach(self.location)
        self.plug.pull_out()
        self.emulated.wake()

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        clock = BoardClock(self._world_ms, Rtc(self._world_ms))
        pins = LevelPins(frozenset(pin.name for pin in BOARD.pins.soc))
        pins.drive("dock.present", True)
        return Ports(
            clock=clock,
            stream=self.plug,
            pins=pins,
            adc=ModelAdc({"battery.cell": lambda: 3_920_000, "supply.input": lambda: 4_900_000}),
            entropy=SystemEntropy(),
            watchdog=DeadlineWatchdog(self._world_ms, BOARD.firmware.watchdog_ms),
            files=self.files,
            sensor=MemorySensor(ManualClock(), 1),
            keystore=self.keys.keystore,
            board_secret=self.keys.board_secret,
        )

    def _world_ms(self) -> int:
        return int(self._loop.time() * 1000)


class ControllerRig:
    """A controller over memory. ``told``: all that happened, oldest first; ``after``: whose system it goes on with."""

    def __init__(
        self,
        folder: Path,
        destination: Destination | None = None,
        spool_files: Files | None = None,
        urls: tuple[str, ...] = (),
        roster: Roster = ROSTER,
        dev: str = "dev",
        after: ControllerRig | None = None,
        trust_world: TrustWorld | None = None,
        belief: Belief | None = None,
        system: System | None = None,
    ) -> None:
        self.folder = folder
        self.trust_world = after.trust_world if after else trust_world or TrustWorld(now_ms=ADOPTED_UNIX_MS)
        self.trust_world.now_ms = max(self.trust_world.now_ms, wall_ms())
        self.trust = self.trust_world.trust
        self.workshop = after.workshop if after else Workshop(entropy=self.trust_world.entropy)
        self.trust.trust_manufacturer(self.workshop.maker.root)
        self.members = Members()
        self.usb = UsbBus(folder / "usb")
        self.store = MemoryDestination()
        self.spool_files = spool_files if spool_files is not None else MemoryFiles()
        self.index: Index = open_index(":memory:")
        belief = belief or of_system(self.trust)
        self.spool = Spool(self.spool_files, self.index, wall_ms, spare_bytes=SPARE_BYTES, belief=belief)
        self.told: list[dict[str, Any]] = []
        self.cameras: list[RigCamera] = []
        self._changed = asyncio.Event()
        self._nonces = SeededEntropy("nonces")
        world = World(
            finder=Finder(BOARDS.values(), folder / "usb", folder / dev, urls),
            registry=Registry(),
            boards=BOARDS,
            index=self.index,
            spool=self.spool,
            destination=destination or self.store,
            roster=system or roster,
            system=system,
            wall_ms=lambda: self.trust_world.now_ms,
            nonce=lambda: int.from_bytes(self._nonces.random_bytes(8), "little"),
            opener_of=belief.opener_of,
            run_blocking=run_in_thread,
            trust=self.trust,
            members=self.members,
            erase_signer=lambda: P256Signer(self.trust.controller_key()),
        )
        self.controller = Controller(world)
        self.controller.happenings.listen(self._take)

    def pass_weeks(self, weeks: int) -> None:
        """Let weeks pass as a controller lives them that runs all the time: it renews its own certificate."""
        for _ in range(weeks):
            self.trust_world.now_ms += WEEK_MS
            self.trust.refresh_controller(self.trust_world.now_ms)

    def camera(self, number: int, files: Files | None = None, adopted: bool = True) -> RigCamera:
        """A new camera of this system, not docked yet."""
        made = RigCamera(self.folder, self.usb, f"CAM-{number:04}", self.workshop, files)
        if adopted:
            make_member(self.trust, made)
        self.cameras.append(made)
        return made

    def visitor(self, camera: RigCamera, workshop: Workshop) -> RigCamera:
        """Another rig's camera, at this one's dock."""
        made = RigCamera(self.folder, self.usb, camera.serial, workshop, camera.files)
        self.cameras.append(made)
        return made

    async def wait_for(self, what: str, after: int = 0, **having: Any) -> dict[str, Any]:
        """The first such happening, from ``after`` on."""

        def find() -> dict[str, Any] | None:
            wanted = {"what": what, **having}
            return next((each for each in self.told[after:] if wanted.items() <= each.items()), None)

        return await self.until(find, f"{what} {having}")

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Until a condition is true: looked at whenever something happens, and now and then for what is not told."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not (found := condition()):
                    self._changed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), LOOK_S)
                return found
        except TimeoutError:
            raise AssertionError(f"waited {LIMIT_S:.0f} s for {what}; told: {self.told[-20:]}") from None

    async def status(self) -> dict[str, Any]:
        """What ``bwc status`` would show."""
        return await take_status(self.controller, self.index, self.spool, run_in_thread)

    async def delivered_content(self, recording: CardRecording) -> bytes:
        """What the memory destination has of a recording."""
        container = self.index.get(recording.recording).container
        box = await self.store.read_container(container)
        assert box is not None
        (name,) = box.objects
        return await self.store.read_object(container, name)

    def words(self, *which: str) -> list[str]:
        """The names of what was told, of those named."""
        return [each["what"] for each in self.told if each["what"] in which]

    def _take(self, happening: dict[str, Any]) -> None:
        self.told.append(happening)
        self._changed.set()


@asynccontextmanager
async def running(rig: ControllerRig) -> AsyncGenerator[ControllerRig]:
    """Run the rig's controller, then take everything down."""
    task = asyncio.create_task(rig.controller.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.wait({task})
        for camera in rig.cameras:
            camera.plug.pull_out()
            camera.emulated.power_off()
        rig.spool.close()
        rig.index.close()
    if not task.cancelled():
        await task


def wall_ms() -> int:
    """One moment is as good as another."""
    return STARTED_UNIX_MS + 86_400_000


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
