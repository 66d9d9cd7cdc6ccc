"""A camera on memory ports and a clock that the test turns; a controller's session at the other end of its cable."""

from __future__ import annotations

from typing import Any

from firmware.camera import card
from firmware.camera.app import CameraApp, compose
from firmware.camera.assignment import Assignment
from firmware.camera.lamp import BY_STATE
from firmware.camera.recorder import Wearer
from firmware.drivers import lamps
from firmware.link import events
from firmware.link.session import HOST, Session
from firmware.ports.files import Files
from firmware.ports.keystore import Keystore
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_pins import MemoryPins
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.memory_stream import stream_pair
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.ports.radio import Radio
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.sealing_file import FileSealer
from firmware.secure.token import PullToken, new_token
from host_tools.controller.security import ChannelMaker
from host_tools.hardware import board_data, find_board
from tests.unit.trust.parts import Camera as KeyedCamera
from tests.unit.trust.parts import World, equip_on_card

BOARD = find_board("pi_zero_2w_camera")
SERIAL = "CAM-0001"
ADA = Wearer("W-001", "Ada Lovelace")
SECRET = bytes(range(32))
HOLD_MS = 3_000  # of the record button of this board
STEP_MS_MAX = 50  # as often as the world around the camera is looked at


class Ports:
    """What the application is made over."""

    def __init__(
        self, files: Files, seed: int, fragment_bytes: int, keystore: Keystore, radio: Radio | None = None
    ) -> None:
        self.clock = ManualClock()
        self.stream, self.far_end = stream_pair()
        self.files = files
        names = [pin.name for pin in BOARD.pins.soc]
        outputs = tuple(name for name in names if name.startswith("lamp."))
        self.pins = MemoryPins(tuple(name for name in names if name not in outputs), outputs)
        self.adc = MemoryAdc({"battery.cell": 3_920_000, "supply.input": 0})
        self.entropy = SeededEntropy(seed)
        self.sensor = MemorySensor(self.clock, seed, fragment_bytes)
        self.watchdog = MemoryWatchdog(self.clock, BOARD.firmware.watchdog_ms)
        self.keystore = keystore
        self.board_secret = SECRET
        self.buses = {}
        self.radio = radio
        self.make_channel = None
        self.wrap_key = None
        self.gnss, self.receiver = stream_pair()


class CameraRig:
    """``wearer`` was assigned before; None: nobody. The camera starts undocked unless ``docked``, and belongs to the
    system of ``world`` unless it is told to be as its maker made it."""

    def __init__(
        self,
        wearer: Wearer | None = ADA,
        docked: bool = False,
        files: Files | None = None,
        seed: int = 1,
        fragment_bytes: int = 4_000,
        world: World | None = None,
        adopted: bool = True,
    ) -> None:
        self.world = world or World(seed)
        self.keyed: KeyedCamera = self.world.camera(SERIAL) if adopted else self.world.factory_camera(SERIAL)
        if adopted:
            equip_on_card(self.world.trust, self.keyed.identity, self.keyed.files, SECRET, self.world.now_ms)
        self.files = files or MemoryFiles()
        _copy(self.keyed.files, self.files)
        self.seed = seed
        self.fragment_bytes = fragment_bytes
        self.radio: Radio | None = None
        if wearer is not None:
            Assignment(self.files, FileSealer(SECRET, SeededEntropy(seed))).keep(wearer, "default")
        self.boot(docked)

    def boot(self, docked: bool = False) -> None:
        """Power comes, with everything volatile gone."""
        self.seed += 1
        self.ports = Ports(self.files, self.seed, self.fragment_bytes, self.keyed.keystore, self.radio)
        self.ports.pins.drive("dock.present", docked)
        self.app: CameraApp = compose(self.ports, board_data(BOARD, serial=SERIAL, firmware="0.1.0"))
        self.states = [self.app.state]
        self.session: Session | None = None
        self.step()

    def run(self, duration_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms() + duration_ms
        while self.now_ms() < end_ms:
            deadline_ms = self.app.next_deadline_ms()
            next_ms = min(end_ms, self.now_ms() + STEP_MS_MAX, max(deadline_ms or end_ms, self.now_ms() + 1))
            self.ports.clock.advance(next_ms - self.now_ms())
            self.step()

    def step(self) -> None:
        """The firmware's turn and the host's, as long as the cable wakes them."""
        moving = True
        while moving:
            self.app.step(self.now_ms())
            if self.states[-1] != self.app.state:
                self.states.append(self.app.state)
            moving = self.session is not None and self._pump(self.session)

    def now_ms(self) -> int:
        """The camera's clock."""
        return self.ports.clock.now_ms()

    # -- hands and eyes

    def press(self, hold_ms: int = 150) -> None:
        """Press the record button."""
        self.ports.pins.drive("button.record", True)
        self.run(hold_ms)
        self.ports.pins.drive("button.record", False)
        self.run(100)

    def dock(self) -> None:
        """Put it into a dock."""
        self.ports.pins.drive("dock.present", True)
        self.run(200)

    def undock(self) -> None:
        """Take it out again."""
        self.ports.pins.drive("dock.present", False)
        self.run(200)

    def record(self, duration_ms: int) -> None:
        """A recording from press to hold, of about that length."""
        self.press()
        self.run(duration_ms)
        self.press(HOLD_MS + 100)
        self.run(500)

    def colours(self, duration_ms: int) -> set[int]:
        """What the lamp shows over some time."""
        seen: set[int] = set()
        end_ms = self.now_ms() + duration_ms
        while self.now_ms() < end_ms:
            self.run(20)
            red, green = self.ports.pins.read("lamp.red"), self.ports.pins.read("lamp.green")
            seen.add((lamps.RED if red else 0) | (lamps.GREEN if green else 0))
        return seen

    # -- the host's end

    def connect(self) -> None:
        """A controller of the camera's system opens a session, and does what it does in every one."""
        self.open_session()
        assert self.session is not None
        assert self.session.state == "open"
        assert self.ask("set_time", {"unix_ms": self.world.now_ms, "uncertainty_ms": 40}).name == "done"
        token = new_token(self.world.entropy)
        assert self.ask("bulk_token", {"token": token}).name == "done"
        self.session.pull_macs = PullToken(token, self.session.salt)

    def open_session(self, trust: ChannelTrust | None = None, secure: bool = True) -> ChannelMaker:
        """Whoever it is opens a session and says nothing yet."""
        self.seed += 1
        maker = ChannelMaker(trust or self.world.trust.channel_trust(), SERIAL)
        self.session = Session(HOST, nonce=self.seed, make_secure=maker if secure else None)
        self.session.open(self.now_ms())
        self.heard: list[events.Event] = []
        self.run(100)
        return maker

    def ask(self, name: str, fields: dict[str, Any] | None = None) -> events.Message:
        """Ask and return the answer, whatever it is."""
        assert self.session is not None
        self.heard.clear()
        self.session.send(name, fields or {}, 7)
        self.run(300)
        (answer,) = [event for event in self.heard if isinstance(event, events.Message) and event.request == 7]
        return answer

    def told(self, name: str) -> list[dict[str, Any]]:
        """Fields of the messages of that name that came without being asked for."""
        return [event.fields for event in self.heard if isinstance(event, events.Message) and event.name == name]

    def pull(self, recording: bytes, part: int, length: int) -> bytes:
        """All bytes of an object."""
        assert self.session is not None
        self.heard.clear()
        self.data = bytearray(length)
        self.session.pull(recording, part, 0, length)
        self.run(1_000)
        assert any(isinstance(event, events.PullDone) for event in self.heard)
        return bytes(self.data)

    def _pump(self, session: Session) -> bool:
        """The host's turn; whether any bytes have moved."""
        room = session.space()
        moved = self.ports.far_end.read_into(room)
        session.filled(moved, self.now_ms())
        session.tick(self.now_ms())
        while (event := session.next_event()) is not None:
            if isinstance(event, events.Data):
                self.data[event.offset : event.offset + len(event.data)] = event.data
            else:
                self.heard.append(event)
        while (data := session.take_output()) is not None:
            assert self.ports.far_end.write(data) == len(data)
            moved += len(data)
        return moved > 0


def colours_of(state: str) -> set[int]:
    """What the table says that a state's lamp shows."""
    return {colour for _, colour in BY_STATE[state]}


def _copy(source: MemoryFiles, target: Files) -> None:
    """What the maker and the system have put on the card."""
    for path in ("identity", "time_floor", "recipients"):
        if source.exists(path) and not target.exists(path):
            card.write_new(target, path, card.read_whole(source, path, 1 << 16))
            target.sync_folder("")
