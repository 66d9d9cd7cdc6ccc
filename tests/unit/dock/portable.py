"""A whole dock with ports in memory and a real host session at the other end of its cable.

Portable: tests drive it under CPython, and as a program it tells the same journey under MicroPython, line by line.
"""

import sys

from firmware.dock import compose
from firmware.drivers import battery, buttons, debounce, lamps, prbs
from firmware.link import events, schema
from firmware.link.session import HOST, Session
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_pins import MemoryPins
from firmware.ports.memory_stream import stream_pair
from firmware.ports.memory_watchdog import MemoryWatchdog

EMPTY_UV = 3_300_000
CAMERA_UV = 1_650_000
DRIVEN_UV = 3_000_000
UNLOADED_UV = 5_100_000
LOADED_UV = 4_950_000
LOAD_SHUNT_UV = 45_000  # 0.9 A through 50 mOhm

BOARD = {
    "model": "pico_dock_8",
    "serial": "E6614C311B7A2F21",
    "firmware": "0.1.0",
    "bays": [1, 2, 3],
    "dock": {"presence_open_uv": 2_800_000, "over_current_ua": 1_400_000, "shunt_uohm": 50_000},
    "payload_bytes": 512,
}


class World:
    """What a dock's converter sees, as simple as can be: one value for each quantity and bay."""

    def __init__(self, bays, pins=None):
        names = []
        readings = {}
        for bay in bays:
            for word, value in (("presence", EMPTY_UV), ("supply", 0), ("current", 0), ("coupling", 0)):
                readings[f"bay{bay}.{word}"] = value
            names += [f"bay{bay}.{word}" for word in ("power", "drive", "lamp_green", "lamp_red")]
        self.adc = MemoryAdc(readings)
        self.pins = pins or MemoryPins((), tuple(names))
        self.bays = bays
        self.load_uv = 0

    def follow(self):
        """Bring the readings to what the outputs say."""
        for bay in self.bays:
            powered = self.pins.read(f"bay{bay}.power")
            drive = self.pins.read(f"bay{bay}.drive")
            present = self.adc.read_uv(f"bay{bay}.presence") < EMPTY_UV
            load_uv = self.load_uv if powered and present else 0
            self.adc.drive(f"bay{bay}.current", load_uv)
            unpowered_uv = DRIVEN_UV if drive else 0
            powered_uv = LOADED_UV if load_uv else UNLOADED_UV
            self.adc.drive(f"bay{bay}.supply", powered_uv if powered else unpowered_uv)


class Ports:
    """The object a platform hands to ``compose``."""

    def __init__(self, world, clock, stream):
        self.clock = clock
        self.stream = stream
        self.pins = world.pins
        self.adc = world.adc
        self.entropy = SeededEntropy(7)
        self.watchdog = MemoryWatchdog(clock, 8000)


class DockBench:
    """Dock and host, stepped in turns on one clock. ``messages``: all the host has got, as (name, fields)."""

    def __init__(self, board=None, pins=None):
        board = board or BOARD
        self.clock = ManualClock()
        self.host_end, board_end = stream_pair(4096)
        self.world = World(board["bays"], pins)
        self.ports = Ports(self.world, self.clock, board_end)
        self.app = compose(self.ports, board)
        self.host = Session(HOST, 99, payload_max=512, slack_bytes=512)
        self.messages = []

    def open(self):
        """The controller opens its session."""
        self.host.open(self.clock.now_ms())
        self.run(20)

    def ask(self, name, fields=None):
        """Ask the dock and give back (name, fields) of the answer."""
        request = len(self.messages) + 1
        self.host.send(name, fields or {}, request)
        for _ in range(20):
            self.run(1)
            for answer_name, answer, answered in reversed(self.messages):
                if answered == request:
                    return answer_name, answer
        raise ValueError(f"no answer to {name}")

    def pushed(self, name):
        """Fields of all messages of that name that nobody asked for."""
        return [fields for pushed, fields, request in self.messages if pushed == name and request == 0]

    def run(self, duration_ms):
        """Let time pass, both ends taking every chance to work."""
        end_ms = self.clock.now_ms() + duration_ms
        while self.clock.now_ms() < end_ms:
            self.clock.advance(1)
            self.world.follow()
            self.app.step(self.clock.now_ms())
            self._step_host()

    def insert(self, bay):
        """A camera arrives, without bounce."""
        self.world.adc.drive(f"bay{bay}.presence", CAMERA_UV)

    def remove(self, bay):
        """The camera leaves."""
        self.world.adc.drive(f"bay{bay}.presence", EMPTY_UV)

    def lamp(self, bay):
        """Colour the lamp shows."""
        red = self.world.pins.read(f"bay{bay}.lamp_red")
        green = self.world.pins.read(f"bay{bay}.lamp_green")
        return (lamps.RED if red else 0) | (lamps.GREEN if green else 0)

    def _step_host(self):
        room = bytearray(512)
        count = self.host_end.read_into(room)
        self.host.receive(memoryview(room)[:count], self.clock.now_ms())
        self.host.tick(self.clock.now_ms())
        event = self.host.next_event()
        while event is not None:
            if isinstance(event, events.Message):
                self.messages.append((event.name, event.fields, event.request))
            event = self.host.next_event()
        data = self.host.take_output()
        while data is not None:
            self.host_end.write(data)
            data = self.host.take_output()


def journey():
    """A camera comes, is charged, and goes; tells what both ends saw."""
    bench = DockBench()
    bench.run(10)
    bench.open()
    story = [f"{name} {sorted(fields)}" for name, fields in [bench.ask("identify")]]
    bench.insert(2)
    bench.run(500)
    bench.world.load_uv = LOAD_SHUNT_UV
    bench.run(1000)
    bench.ask("set_lamp", {"bay": 2, "pattern": schema.number_of(schema.LAMP_PATTERNS, "ready")})
    story.append(f"lamp {bench.lamp(2)}")
    bench.remove(2)
    bench.run(100)
    for fields in bench.pushed("bay_changed"):
        for entry in fields["entries"]:
            word = schema.word_of(schema.BAY_STATES, entry["state"])
            story.append(f"{entry['bay']} {word}")
    for fields in bench.pushed("contacts"):
        rows = fields["measurements"]
        story.append(str([(row["quantity"], row["value"], row["verdict"]) for row in rows]))
    story.append(f"fed {bench.ports.watchdog.feeds > 0}")
    return story + drivers()


def drivers():
    """Every driver of the dock and the camera's buttons, once."""
    story = []
    for order in (prbs.PRBS9, prbs.PRBS15):
        table = prbs.make_table(order)
        received = bytearray(1000)
        prbs.fill(table, 300, received)
        received[999] ^= 0x81
        story.append(f"prbs{order} {len(table)} {prbs.count_bit_errors(table, 300, received)}")
    story.append(f"bound {round(1e9 * prbs.error_rate_bound(9, 1_000_000))}")
    contact = debounce.Debounce()
    edges = [contact.feed(now % 7 != 3 or now > 30, now) for now in range(100)]
    seen = [edge for edge in edges if edge]
    story.append(f"{seen} {contact.settle_ms} {contact.bounces}")
    button = buttons.Button(1000, 300)
    words = []
    for now_ms in range(0, 5000, 10):
        words += button.feed(now_ms in range(100, 200) or now_ms in range(300, 400) or 2000 <= now_ms < 4000, now_ms)
    story.append(str(words))
    story.append(str([lamps.colour_at(pattern, 1050) for pattern, _ in schema.LAMP_PATTERNS]))
    story.append(str([battery.percent_from_uv(uv) for uv in (2_900_000, 3_700_000, 3_850_000, 4_300_000)]))
    return story


if __name__ == "__main__":
    for line in journey():
        sys.stdout.write(line + "\n")
