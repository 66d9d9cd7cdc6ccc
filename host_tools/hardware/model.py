"""What a board.toml says, as frozen models. Unknown keys are errors; numbers carry their unit in the name.

Law: shapes only. What must agree between two places of a file is in ``rules``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$"
WORD = r"^[a-z][a-z0-9_-]*$"
PORTS = r"^[1-9][0-9]?(\.[1-9][0-9]?)*$"
FOLDER = r"^/[a-z0-9_]+$"
REVISION = r"^[A-Z0-9.]{1,8}$"
PATTERNS = {  # for people
    NAME: "small letters, digits and _, in parts with dots between them, as bay1.lamp_red",
    WORD: "a small letter, then small letters, digits, _ and -",
    PORTS: "ports of hubs from 1 to 99 with dots between them, as 2.1",
    FOLDER: "a folder right below /, in small letters, digits and _, as /data",
    REVISION: "up to 8 capital letters, digits and dots, as A.1",
}
Name = Annotated[str, Field(pattern=NAME, max_length=40)]
Word = Annotated[str, Field(pattern=WORD, max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Ports = Annotated[str, Field(pattern=PORTS)]

FunctionKind = Literal["acm", "ncm", "ecm", "mass_storage", "ffs"]
# Endpoints a USB function takes besides endpoint 0 (ffs: one pair of bulk endpoints).
ENDPOINTS: dict[FunctionKind, int] = {"acm": 3, "ncm": 3, "ecm": 3, "mass_storage": 2, "ffs": 2}
PeripheralKind = Literal[
    "adc",
    "amplifier",
    "charger",
    "gauge",
    "gnss",
    "hub",
    "imu",
    "microphone",
    "mux",
    "power_monitor",
    "radio",
    "rtc",
    "secure_element",
    "sensor",
    "shift_register",
    "switch",
]


class Model(BaseModel):
    """Frozen, and strict about keys and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Soc(Model):
    """The processor. ``header``: whose pin numbering ``physical`` follows."""

    name: Text
    module: Text
    header: Literal["pico", "pi40"]
    cores: Positive
    clock_mhz: Positive
    python: Literal["micropython", "cpython"]


class Memory(Model):
    """``heap_bytes`` and ``firmware_bytes_max`` are budgets that tests hold the firmware to."""

    ram_bytes: Positive
    heap_bytes: Positive
    flash_bytes: NotNegative
    firmware_bytes_max: Positive


class Firmware(Model):
    """``application``: the module whose ``compose(ports, board)`` makes the application. ``suite``: how a camera seals
    what it records, never negotiated; ``clear`` does not. Docks have none."""

    application: Literal["firmware.camera", "firmware.dock"]
    platform: Literal["linux", "rp2"]
    payload_bytes: Annotated[int, Field(ge=256, le=1 << 20)]
    watchdog_ms: Positive
    suite: Literal["aes-256-gcm", "clear"] | None = None


class UsbFunction(Model):
    """One function of the USB device."""

    name: Word
    kind: FunctionKind

    @property
    def endpoints(self) -> int:
        """How many endpoints it takes besides endpoint 0."""
        return ENDPOINTS[self.kind]


class Usb(Model):
    """How the board shows itself on USB."""

    vid: Annotated[int, Field(ge=1, le=0xFFFF)]
    pid: Annotated[int, Field(ge=0, le=0xFFFF)]
    manufacturer: Text
    product: Text
    serial_from: Literal["flash-id", "soc-serial"]
    speed_mbps: Literal[12, 480, 5000]
    endpoints_max: Annotated[int, Field(ge=1, le=30)]
    functions: Annotated[tuple[UsbFunction, ...], Field(min_length=1)]


class HubBay(Model):
    """``port``: path of port numbers below the dock's own hub, such as ``2.4``."""

    bay: Annotated[int, Field(ge=1, le=8)]
    port: Ports


class Hub(Model):
    """The dock's USB hub. ``controller_port``: where the dock's own controller chip sits."""

    controller_port: Ports
    bays: Annotated[tuple[HubBay, ...], Field(min_length=1)]


class Dock(Model):
    """Electrical facts of a bay."""

    supply_uv: Positive
    charge_ua: Positive
    over_current_ua: Positive
    shunt_uohm: Positive
    presence_open_uv: Positive


class Storage(Model):
    """``erase_block_bytes``: what a power cut can take with the block being written."""

    name: Word
    kind: Literal["microsd", "emmc", "flash"]
    size_bytes: Positive
    erase_block_bytes: Positive
    evidence: bool


class BatteryCell(Model):
    """The cell and its charger's settings; ``idle_mw`` and ``recording_mw`` are what the board draws from it."""

    chemistry: Literal["li-ion"]
    capacity_mah: Positive
    full_uv: Annotated[int, Field(ge=3_800_000, le=4_400_000)]
    charge_ua: Positive
    input_limit_ua: Positive
    idle_mw: Positive
    recording_mw: Positive


class SupplyPath(Model):
    """Between a camera's contacts and the place where it measures its supply: wiring, and whether a diode is there."""

    wiring_uohm: NotNegative
    wiring_tolerance_uohm: NotNegative
    junction: bool


class VideoMode(Model):
    """A picture size the encoder can do."""

    name: Text
    width_px: Positive
    height_px: Positive
    frames_per_second: Annotated[int, Field(ge=1, le=120)]
    bit_rate_bps: Positive


class Video(Model):
    """``fragment_ms``: length of a group of pictures, the most a power cut can take."""

    default: Text
    fragment_ms: Annotated[int, Field(ge=100, le=10_000)]
    audio_rate_hz: Positive
    audio_channels: Literal[1, 2]
    modes: Annotated[tuple[VideoMode, ...], Field(min_length=1)]

    def mode(self, name: str) -> VideoMode:
        """The mode of that name. KeyError if there is none."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise KeyError(name)


class Partition(Model):
    """A piece of a medium. ``number``: its entry in the partition table, where the medium has one."""

    name: Word
    storage: Word
    number: Positive | None = None
    filesystem: Literal["fat", "ext4", "littlefs", "raw"]
    size_bytes: Positive


class Slot(Model):
    """One of the places firmware can be in. ``folder``: where slots share a partition."""

    name: Word
    partitions: Annotated[tuple[Word, ...], Field(min_length=1)]
    folder: Annotated[str, Field(pattern=FOLDER)] | None = None


class Update(Model):
    """How a new firmware takes the place of the old one. ``compatible``: which bundles fit; ``method``: how the board
    tries a slot once and falls back: the Raspberry Pi's tryboot flag, or a file that names the folder to start from."""

    compatible: Text
    method: Literal["tryboot", "folder"]
    attempts_max: Annotated[int, Field(ge=1, le=10)]
    slots: Annotated[tuple[Slot, ...], Field(min_length=2)]


class Button(Model):
    """``hold_ms`` and ``double_ms`` are this board's own times."""

    name: Word
    pin: Name
    hold_ms: Annotated[int, Field(ge=300, le=20_000)]
    double_ms: Annotated[int, Field(ge=0, le=2000)]


class SocPin(Model):
    """A pin of the processor. ``physical``: number on the header; absent where it is not brought out."""

    name: Name
    gpio: Annotated[int, Field(ge=0, le=57)]
    physical: Annotated[int, Field(ge=1, le=40)] | None = None
    function: Literal["in", "out", "adc", "i2c", "i2s", "pwm", "spi", "uart"]
    active: Literal["high", "low"] = "high"
    pull: Literal["none", "up", "down"] = "none"


class ExpanderPin(Model):
    """An output of a shift register."""

    name: Name
    chip: Word
    bit: NotNegative
    active: Literal["high", "low"] = "high"


class Pins(Model):
    """Every digital line by its logical name."""

    soc: tuple[SocPin, ...]
    expander: tuple[ExpanderPin, ...] = ()


class Channel(Model):
    """A reading. ``source``: an adc pin, a multiplexer or a measuring chip. ``gain``: volts there per volt measured."""

    name: Name
    source: Name
    input: NotNegative
    gain: Annotated[float, Field(gt=0)]


class Analogue(Model):
    """Every reading by its logical name."""

    channels: tuple[Channel, ...]


class Bus(Model):
    """A serial bus and the pins it takes."""

    name: Word
    kind: Literal["i2c", "i2s", "spi", "uart"]
    unit: NotNegative
    pins: Annotated[tuple[Name, ...], Field(min_length=1)]
    frequency_hz: Positive


class Peripheral(Model):
    """A chip. ``inputs``: of a mux or converter; ``outputs``: of a register chain; ``output``: a mux's adc pin."""

    name: Word
    part: Text
    kind: PeripheralKind
    count: Positive = 1
    bus: Word | None = None
    address: Annotated[int, Field(ge=0x08, le=0x77)] | None = None
    inputs: Positive | None = None
    outputs: Positive | None = None
    output: Name | None = None
    pins: tuple[Name, ...] = ()
    note: Text | None = None


class Board(Model):
    """A board model. Bays, hub and electrical facts are a dock's; battery, video and buttons a camera's.
    ``revision``: of the hardware; one that needs another file is another model."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    model: Word
    title: Text
    kind: Literal["camera", "dock"]
    revision: Annotated[str, Field(pattern=REVISION)]
    soc: Soc
    memory: Memory
    firmware: Firmware
    usb: Usb
    update: Update
    pins: Pins
    analogue: Analogue
    hub: Hub | None = None
    dock: Dock | None = None
    battery: BatteryCell | None = None
    supply_path: SupplyPath | None = None
    video: Video | None = None
    storages: Annotated[tuple[Storage, ...], Field(alias="storage")] = ()
    partitions: Annotated[tuple[Partition, ...], Field(alias="partition")] = ()
    buttons: Annotated[tuple[Button, ...], Field(alias="button")] = ()
    buses: Annotated[tuple[Bus, ...], Field(alias="bus")] = ()
    peripherals: Annotated[tuple[Peripheral, ...], Field(alias="peripheral")] = ()

    @property
    def bays(self) -> tuple[int, ...]:
        """Numbers of the dock's bays, rising; none for a camera."""
        return tuple(sorted(bay.bay for bay in self.hub.bays)) if self.hub else ()

    def peripheral(self, name: str) -> Peripheral | None:
        """The chip of that name."""
        return next((chip for chip in self.peripherals if chip.name == name), None)

    def storage(self, name: str) -> Storage | None:
        """The medium of that name."""
        return next((medium for medium in self.storages if medium.name == name), None)
