"""The camera as one application: buttons, recorder, cable and lamp, stepped in that order around the state table.

Law: joins the parts. What may happen in which state is ``states.TRANSITIONS`` and nowhere else.
"""

from __future__ import annotations

import struct
from typing import Any

from firmware.camera import access, card, states
from firmware.camera import assignment as lending
from firmware.camera.behaviour import Behaviour
from firmware.camera.broadcasts import Broadcasts
from firmware.camera.fall_watch import FallWatch
from firmware.camera.lamp import StatusLamp
from firmware.camera.location import OFF, Location
from firmware.camera.membership import Membership
from firmware.camera.power import Power
from firmware.camera.recorder import CameraIdentity, Outcome, Profile, Recorder
from firmware.camera.service import CameraService
from firmware.camera.trust import CameraTrust
from firmware.camera.usage import UsageLog
from firmware.camera.vault import VaultError
from firmware.drivers.buttons import DOUBLE_PRESS, HOLD, PRESS, Button
from firmware.drivers.cable import Cable
from firmware.drivers.debounce import FELL, LOST, ROSE, Debounce
from firmware.formats.errors import FormatError
from firmware.link import events
from firmware.link.schema import LAMP_PATTERNS, number_of
from firmware.link.session import BOARD, Session
from firmware.ports.application import Application
from firmware.ports.errors import PortFault, SensorFault
from firmware.ports.stream import Stream
from firmware.secure import hpke_wrapping
from firmware.secure.channel import SecureChannel
from firmware.secure.sealing_file import FileSealer

BOOT_BYTES = 8
DOCK_PIN = "dock.present"
DOCK_STABLE_MS = 50  # the dock has debounced the contacts before it gives power; this is for a loose plug
DOCK_SAMPLES = 2
SAMPLE_MS = 10  # between two looks at a pin that is not at rest
IDLE_MS_MAX = 1_000  # the longest sleep: the watchdog wants to be fed
REFUSED_SHOWN_MS = 3_000  # the lamp, after a press that did not start a recording
REFUSED_PATTERN = number_of(LAMP_PATTERNS, "error")
RETRY_CARD_MS = 10_000  # between two attempts to open a card that does not work
RELEASED_FROM = ("docked", "safe_mode")  # states in which a camera may be given back to the factory's state
_DOCKED_AFTER = {ROSE: True, FELL: False, LOST: False}
CAUSE_BUTTON = "button"
CAUSE_FALL = "fall"
CAUSE_BROADCAST = "broadcast"  # another camera nearby has begun
CAUSE_MOTION_SENSOR = "motion_sensor"  # of a malfunction
CAUSE_DOCKED = "docked"


def compose(ports: Any, board: dict[str, Any]) -> CameraApp:
    """``ports``: an object with clock, stream, files, pins, adc, entropy, sensor, watchdog, keystore, gnss (the stream
    of a satellite receiver, None without one), radio (None without one), board_secret (32 bytes that no other board
    has, empty where there are none), make_channel (None: real TLS) and wrap_key (None: real HPKE). ``board``:
    board_data of board.toml with serial and firmware filled in."""
    return CameraApp(ports, board)


class CameraApp(Application):
    """A body-worn camera. ``state``: a word of schema.CAMERA_STATES; ``log``: what happened lately, for people."""

    def __init__(self, ports: Any, board: dict[str, Any]) -> None:
        self.state = "off"
        self.last_outcome: Outcome | None = None
        boot = ports.entropy.random_bytes(BOOT_BYTES).hex()
        identity = CameraIdentity(board["serial"], board["model"], board["firmware"], "", boot)
        self._clock = ports.clock
        self._files = ports.files
        self._pins = ports.pins
        self._watchdog = ports.watchdog
        self._entropy = ports.entropy
        self._payload_bytes: int = board["payload_bytes"]
        self._video: dict[str, Any] = board["video"]
        button = board["buttons"]["record"]
        self._record_pin: str = button["pin"]
        self._record = Button(button["hold_ms"], 0)
        self._press_start = PRESS
        self._press_times_ms: tuple[int, int] = (button["hold_ms"], button["double_ms"])
        sealer = FileSealer(ports.board_secret, ports.entropy) if ports.board_secret else None
        self.trust = CameraTrust(ports.files, sealer, board["suite"], ports.wrap_key or hpke_wrapping.wrap)
        self.vault = self.trust.vault(ports.entropy)
        self.assignment = self.trust.assignment()
        self.location = Location(ports.gnss)
        self.recorder = Recorder(ports.sensor, self.vault, ports.clock, identity, self.location.take_block)
        self.lamp = StatusLamp(ports.pins)
        self.membership = Membership(
            ports.files,
            ports.keystore,
            board["serial"],
            ports.clock,
            self.trust,
            self._holds,
            self._let_go,
            ports.make_channel or SecureChannel,
        )
        self.power = Power(ports.buses, board, ports.adc, ports.clock, ports.files)
        self.service = CameraService(
            identity,
            ports.clock,
            ports.adc,
            self.vault,
            self.assignment,
            self.lamp,
            self,
            self.membership.system,
            self.power.percent,
        )
        self.falls = FallWatch(ports.buses, board, ports.clock)
        self.behaviour = Behaviour(ports.files)
        self.broadcasts = Broadcasts(ports.radio, ports.files, sealer, ports.clock, board["serial"], self.behaviour)
        self.usage = UsageLog(ports.files, sealer, ports.clock, ports.entropy, self.power.percent)
        self.cable = self._new_cable(ports.stream)
        self._dock = Debounce(DOCK_STABLE_MS, DOCK_SAMPLES, DOCK_SAMPLES)
        self._docked: bool = ports.pins.read(DOCK_PIN)
        self._told: dict[str, Any] = {}
        self._lamp_change_ms: int | None = None
        self._card_retry_ms: int | None = None
        self._left_retry_ms: int | None = None
        self._usage_retry_ms = 0
        self._recorded_by = ""  # whose the recording is that was begun last
        self._start()

    def is_docked(self) -> bool:
        """Whether a dock supplies the camera."""
        return self._docked

    def step(self, now_ms: int) -> None:
        """Look at dock and buttons, move video to the card, answer the controller, light the lamp."""
        self._follow_dock(now_ms)
        self.power.step(now_ms, self._docked)
        self.assignment.follow(now_ms)
        self._follow_button(now_ms)
        self._follow_motion(now_ms)
        self._follow_broadcasts(now_ms)
        self._follow_location(now_ms)
        self._follow_recorder()
        self._retry_card(now_ms)
        self._recover_left(now_ms)
        self._tell()
        self.cable.pump(now_ms)
        self._follow_membership()
        self._write_usage(now_ms)
        self._lamp_change_ms = self.lamp.show(self._shown(), now_ms)
        self._watchdog.feed()

    def next_deadline_ms(self) -> int | None:
        """The nearest of what recorder, button, cable and lamp wait for; at most a second, for the watchdog."""
        errand_ms = self.next_errand_ms()
        idle_ms = self._clock.now_ms() + IDLE_MS_MAX
        return idle_ms if errand_ms is None else min(errand_ms, idle_ms)

    def next_errand_ms(self) -> int | None:
        """See Application: as above, without the looks that only feed the watchdog."""
        waits = [
            self._record.next_deadline_ms(),
            self.recorder.next_deadline_ms(),
            self.cable.next_deadline_ms(),
            self.power.next_deadline_ms(),
            self.assignment.next_deadline_ms(),
            self.falls.next_deadline_ms(),
            self.broadcasts.next_deadline_ms(),
            self.location.next_deadline_ms(),
            self._lamp_change_ms,
            self._card_retry_ms,
            self._left_retry_ms,
        ]
        if self._dock.settling or self._dock.wavers():
            waits.append(self._clock.now_ms() + SAMPLE_MS)
        return min((wait for wait in waits if wait is not None), default=None)

    def wants_write(self) -> bool:
        """Whether the cable has bytes waiting."""
        return self.cable.wants_write()

    # -- what happens

    def _start(self) -> None:
        works = self._open_card()
        if self.power.went_empty():
            self.usage.note("battery_empty", self._wearer_id())
        self.usage.note("power_on")
        if works and not self.membership.is_adopted():
            self._happen(states.POWER_ON + "_factory")
        else:
            self._happen_here(states.POWER_ON)
        if not works:
            self._happen(states.FAULT)

    def _follow_dock(self, now_ms: int) -> None:
        edge = self._dock.feed(self._pins.read(DOCK_PIN), now_ms)
        docked = _DOCKED_AFTER.get(edge or "", self._docked)
        if docked == self._docked:
            return
        self._docked = docked
        wearer_before = self._wearer_id()
        self.assignment.see(lending.DOCKED if docked else lending.UNDOCKED, now_ms)
        self.usage.note("docked" if docked else "undocked", wearer_before if docked else self._wearer_id())
        if not self._docked:
            self.broadcasts.undocked(now_ms)
            self._happen_here(states.UNDOCK)
            return
        was_recording = self.state == "recording"
        self._happen(states.DOCK)
        if was_recording:
            self.recorder.stop(CAUSE_DOCKED)

    def _follow_button(self, now_ms: int) -> None:
        self._choose_press()
        for word in self._record.feed(self._pins.read(self._record_pin), now_ms):
            if word in (self._press_start, DOUBLE_PRESS) and states.may_record(self.state):
                self._begin(CAUSE_BUTTON)
            elif word == HOLD and self.state == "recording":
                self._happen(states.STOP)
                self.recorder.stop(CAUSE_BUTTON)

    def _follow_motion(self, now_ms: int) -> None:
        """The sensor sleeps unless a fall would start a recording."""
        wanted = states.may_record(self.state) and self.behaviour.is_on("fall_recording", False)
        worked = not self.falls.reason
        if self.falls.step(now_ms, wanted):
            self._begin(CAUSE_FALL)
        elif worked and self.falls.reason:
            self.usage.note("malfunction", self._wearer_id(), CAUSE_MOTION_SENSOR)

    def _follow_broadcasts(self, now_ms: int) -> None:
        if self.broadcasts.step(now_ms, states.may_record(self.state)):
            self._begin(CAUSE_BROADCAST)

    def _begin(self, cause: str) -> None:
        wearer = self.assignment.wearer
        if wearer is None:
            return
        try:
            self.recorder.start(cause, wearer, self._profile())
        except VaultError as error:
            if error.kind == "storage":
                self._break()
            else:  # full, as a rule: whoever pressed must see that nothing is being recorded
                self.lamp.ask(REFUSED_PATTERN, self._clock.now_ms() + REFUSED_SHOWN_MS)
        except SensorFault:
            self._break()
        else:
            self._happen(states.RECORD)
            self._recorded_by = wearer.wearer_id
            self.usage.note("recording_started", wearer.wearer_id, cause)
            if cause != CAUSE_BROADCAST:
                self.broadcasts.began(self._clock.now_ms())

    def _follow_location(self, now_ms: int) -> None:
        setting = self.behaviour.word("location", OFF)
        self.location.step(now_ms, setting, self._docked, self.recorder.recording_since_ms())

    def _follow_recorder(self) -> None:
        outcome = self.recorder.poll()
        if outcome is not None:
            self.last_outcome = outcome
            self._note_outcome(outcome)
            if outcome.manifest is None:  # discarded, or the card did not take its end: then it is still to be closed
                self._left_retry_ms = self._clock.now_ms() + RETRY_CARD_MS
        if self.state == "recording" and self.recorder.state == "finishing":
            self._happen(states.STOP)
        if self.recorder.state != "idle" or self.state not in ("recording", "finishing"):
            return
        if self.state == "recording":
            self._happen(states.STOP)
        self._happen_here(states.CLOSED)

    def _retry_card(self, now_ms: int) -> None:
        if self._card_retry_ms is None or now_ms < self._card_retry_ms:
            return
        if self._open_card():
            self._happen_here(states.REPAIRED)

    def _recover_left(self, now_ms: int) -> None:
        """A recording that the card did not let us close or recover is tried again: nobody could offload it before."""
        if self._left_retry_ms is None or now_ms < self._left_retry_ms:
            return
        try:
            is_left = any(note.action == "left" for note in self.vault.open())
        except VaultError:
            is_left = True
        self._left_retry_ms = now_ms + RETRY_CARD_MS if is_left else None

    def _open_card(self) -> bool:
        """Recover what a power cut left. A card that cannot be used is tried again later."""
        try:
            self.membership.load()
            notes = self.vault.open()
            self.power.load()
            self.assignment.load(self._docked)
            self.behaviour.load()
            self.broadcasts.load()
            self.usage.load()
        except (VaultError, PortFault, FormatError):
            self._card_retry_ms = self._clock.now_ms() + RETRY_CARD_MS
            return False
        self._card_retry_ms = None
        if any(note.action == "left" for note in notes):
            self._left_retry_ms = self._clock.now_ms() + RETRY_CARD_MS
        return True

    def _break(self) -> None:
        self.usage.note("malfunction", self._wearer_id())
        self._happen(states.FAULT)
        self._card_retry_ms = self._clock.now_ms() + RETRY_CARD_MS

    def _follow_membership(self) -> None:
        """Adopted, released, in safe mode or out of it: the state says so as soon as it can."""
        if not self.membership.is_known():
            return
        self.recorder.belong_to(self.membership.system())
        happened = states.belonging(self.state, self.membership.is_adopted(), self.membership.lapsed)
        if happened in (states.ADOPT, states.RESTORE):
            self._happen_here(happened)
        elif happened:
            self._happen(happened)

    def _holds(self) -> str:
        """Why this camera must not be released now."""
        count = len(self._files.list_folder(card.RECORDINGS))  # those that were never closed, too
        if count:
            return f"this camera holds {count} recordings: offload them first"
        return "" if self.state in RELEASED_FROM else f"this camera is {self.state}: dock it first"

    def _let_go(self) -> None:
        self.assignment.keep(None, "")
        self.behaviour.forget()
        self.broadcasts.forget()
        self.usage.forget()

    def _on_change(self, change: events.Event) -> None:
        self.membership.follow(change, self.cable.session)

    def _read_piece(self, recording: bytes, part: int, offset: int, length: int) -> memoryview:
        self.membership.check_bulk()
        return self.service.read_piece(recording, part, offset, length)

    def _tell(self) -> None:
        windows, self.power.windows = self.power.windows, []
        if not access.tells(self.membership.level):
            return
        for fields in windows:
            self.cable.push("power_measured", fields)
        news = self.service.news()
        if news != self._told and self.cable.push("camera_changed", news):
            self._told = news

    def _happen_here(self, event: str) -> None:
        """Something that leads to different states depending on where the camera is. One that could not record all the
        same, for want of a key or a certificate, is nobody's: its lamp must not say that it is ready."""
        is_somebodys = self.assignment.wearer is not None and not self.trust.lack()
        self._happen(states.placed(event, self._docked, is_somebodys))

    def _happen(self, event: str) -> None:
        self.state = states.next_state(self.state, event)

    def _profile(self) -> Profile:
        modes = {mode["name"]: mode for mode in self._video["modes"]}
        quality = self.behaviour.word("video_quality", self.assignment.profile)
        mode = modes.get(quality) or modes[self._video["default"]]
        return Profile(
            name=self.assignment.profile or mode["name"],
            width_px=mode["width_px"],
            height_px=mode["height_px"],
            frames_per_second=mode["frames_per_second"],
            bit_rate_bps=mode["bit_rate_bps"],
            audio=self.behaviour.is_on("audio", True),
        )

    def _choose_press(self) -> None:
        """Single or double, as the profile has it; a change counts when the button rests."""
        wanted = DOUBLE_PRESS if self.behaviour.word("record_press", "single") == "double" else PRESS
        if wanted != self._press_start and self._record.next_deadline_ms() is None:
            hold_ms, double_ms = self._press_times_ms
            self._record = Button(hold_ms, double_ms if wanted == DOUBLE_PRESS else 0)
            self._press_start = wanted

    def _shown(self) -> str:
        """What the lamp shows: the state, or what the profile has instead of it."""
        if self.state == "docked" and self.assignment.is_offered():
            return "offered"
        front = self.behaviour.word("front_indicator", "steady")
        return f"recording_{front}" if self.state == "recording" and front in ("none", "flash") else self.state

    def _wearer_id(self) -> str:
        return self.assignment.wearer.wearer_id if self.assignment.wearer is not None else ""

    def _note_outcome(self, outcome: Outcome) -> None:
        manifest = outcome.manifest
        length_ms = manifest.stopped.monotonic_ms - manifest.started.monotonic_ms if manifest is not None else 0
        self.usage.note("recording_ended", self._recorded_by, outcome.cause, max(length_ms, 0) // 1000)

    def _write_usage(self, now_ms: int) -> None:
        """Never beside a recording, and only of a camera that is somebody's: what is no use costs no write."""
        if self.state in ("recording", "finishing", "malfunctioning") or now_ms < self._usage_retry_ms:
            return
        if self.membership.is_known() and self.membership.is_adopted() and not self.usage.write():
            self._usage_retry_ms = now_ms + RETRY_CARD_MS

    def _new_cable(self, stream: Stream) -> Cable:
        parts = (self.service, self.power, self.behaviour, self.broadcasts, self.usage)
        handlers = self.membership.guarded({name: do for part in parts for name, do in part.handlers().items()})
        return Cable(stream, self._new_session, handlers, self._read_piece, self._on_change)

    def _new_session(self) -> Session:
        nonce: int = struct.unpack("<Q", self._entropy.random_bytes(8))[0]
        payload_bytes = self._payload_bytes
        return Session(BOARD, nonce, None, payload_bytes, payload_bytes, make_secure=self.membership.make_secure)
