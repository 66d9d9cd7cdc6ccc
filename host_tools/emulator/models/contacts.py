"""One bay of a dock and the camera in it: presence, power and data contacts, and what the converter sees of them.

Contact resistance (a pin of ``cycles`` matings, after R. Holm, Electric Contacts, 1967):

    R = R_bulk + rho * sqrt(pi H / 4 F) + R_film,   F = F_new (1 - 0.4 cycles / life),  R_film = 10 mOhm cycles / life

with gold on gold (rho 2.2e-8 Ohm m, H 1.7e9 Pa), F_new 0.6 N, R_bulk 20 mOhm, life 100 000 cycles, and a factor drawn
anew at each mating (log-normal, sigma 0.15). Error: pins differ by a factor of two; only the trend is meant.

Bounce: the presence pin, the shortest, closes last. After its first touch it opens n times, n Poisson with mean
2 + 6 cycles / life; each closed and open stretch is exponential with mean 1.5 ms. Removal opens it first; power and
data part ``lag_ms`` later (8 to 30 ms, the time a hand takes over the pins' 1 mm).

Network: the power pin (with the camera's 4.7 uF), the data pins joined, the presence pin, ground; solved as resistors
around one capacitor, so exactly (exponential) between two changes:

    3.3 V -10k- drive switch - POWER    POWER -200k- ground (sense divider)   POWER -200k- ground (camera's charger)
    3.3 V -10k- PRESENCE -10k(camera)- ground        DATA -100k- ground       shorts: any two of the four, any ohms

Powered: V_dock = V_supply - I R_source (160 mOhm: supply, shunt, switch), the switch limits at 1.7 A. The camera sees
less by its two power contacts, about 40 mOhm of its own wiring and its reverse-polarity diode (Shockley with n about
1.05 and I_s about 20 mA: 0.11 V at 1 A, a low-drop Schottky part); its charger gives way where its input would fall
below 4.36 V. ``CameraSide.drawn`` gives each camera its own wiring and diode. Neither firmware nor controller knows
any of these.

Heat: P = I^2 R of the two power contacts, with 60 K/W and 20 s to the contact and 0.7 of that at the block, where the
dock's thermistor (10 kOhm, B 3950 K, 1 % each) sits; copper raises R by 0.39 % a kelvin. Error: a factor of two between
makes of block; only that worn pins get hot within a minute is meant.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum

from host_tools.emulator.models.adc import RP2040, AdcModel, AdcTraits

PULL_UP_UV = 3_300_000
SUPPLY_UV = 5_100_000
SUPPLY_SPREAD_UV = 25_000  # one sigma between supplies: 0.5 %
SOURCE_OHM = 0.160
SHUNT_OHM = 0.050
SWITCH_LIMIT_UA = 1_700_000
CAMERA_WIRING_OHM = 0.040
CHARGER_INPUT_UV_MIN = 4_360_000  # the charger lowers its current to keep its input above (VINDPM)
THERMAL_UV = 25_850 * 1.05  # kT/q at 300 K times the ideality of a Schottky junction
SATURATION_UA = 20_000
BAY_FARAD = 100e-9  # on the dock's side of the power pin
SENSE_OHM = 200_000.0
DRIVE_OHM = 10_000.0
PULL_UP_OHM = 10_000.0
DATA_PULL_DOWN_OHM = 100_000.0

LIFE_CYCLES = 100_000
BULK_OHM = 0.020
GOLD_OHM_M = 2.2e-8
GOLD_HARDNESS_PA = 1.7e9
FORCE_NEW_N = 0.6
FILM_OHM = 0.010
MATING_SIGMA = 0.15
BOUNCES_NEW = 2.0
BOUNCES_WORN = 6.0
STRETCH_MS = 1.5
FLUTTER_OPEN_MS = 15
STUCK_OHM = 1_000.0  # from the presence pin to ground, where something holds it down
LEAD_MS = (8, 30)  # between the power pins and the presence pin, both ways

# Nominal gain before the converter, as in the dock boards' board.toml (tests hold the two equal).
GAINS = {"presence": 1.0, "supply": 0.5, "current": 20.0, "coupling": 1.0, "temperature": 1.0}
GAIN_SIGMA = {"presence": 0.0, "supply": 0.005, "current": 0.005, "coupling": 0.0}
AMBIENT_C = 25.0
HEAT_K_PER_W = 60.0
HEAT_TAU_MS = 20_000.0
BLOCK_PART = 0.7
COPPER_PER_K = 0.0039
RESOLVE_K = 0.5  # the current is solved anew when the contacts are warmer or colder by so much
NTC_B_K = 3950.0
NTC_SIGMA = 0.005  # of resistors and of B: within 1 % at two sigma
KELVIN = 273.15
AMPLIFIER_OFFSET_UV = 60.0  # one sigma at the shunt; INA180 states +-150 uV as the most near ground


class Node(Enum):
    """What a contact or a short joins."""

    POWER = "power"
    DATA = "data"
    PRESENCE = "presence"
    GROUND = "ground"


@dataclass(frozen=True)
class Short:
    """A path that should not be: dirt (megohms), water (kilohms), a bent pin (ohms)."""

    first: Node
    second: Node
    ohm: float


@dataclass(frozen=True)
class CameraSide:
    """The camera's half of the contacts, and what lies between them and its charger."""

    id_ohm: float = 10_000.0
    input_ohm: float = 200_000.0
    input_farad: float = 4.7e-6
    cycles: int = 0
    shorts: tuple[Short, ...] = ()
    wiring_ohm: float = CAMERA_WIRING_OHM
    thermal_uv: float = THERMAL_UV
    saturation_ua: float = SATURATION_UA

    @classmethod
    def drawn(cls, seed: int, cycles: int = 0) -> CameraSide:
        """One camera of many: wiring within 10 %, diodes of one type within their usual spread."""
        chance = random.Random(f"camera side {seed}")
        return cls(
            id_ohm=10_000 * chance.gauss(1, 0.005),
            cycles=cycles,
            wiring_ohm=CAMERA_WIRING_OHM * chance.gauss(1, 0.05),
            thermal_uv=25_850 * chance.gauss(1.05, 0.02),
            saturation_ua=SATURATION_UA * chance.lognormvariate(0, 0.4),
        )

    def diode_uv(self, current_ua: float) -> float:
        """What its reverse-polarity diode takes."""
        return self.thermal_uv * math.log1p(max(current_ua, 0.0) / self.saturation_ua)


@dataclass
class _Outputs:
    power: bool = False
    drive: bool = False


@dataclass
class _Mating:
    camera: CameraSide
    toggles_ms: list[float]  # the presence pin closes at even indices, opens at odd ones
    pair_ohm: float
    parts_ms: float = math.inf  # when power and data part
    shorts: list[Short] = field(default_factory=list[Short])


class BayContacts:
    """A bay. ``hot_breaks`` counts power contacts that parted under power: each is an arc.

    Bays of one dock share a converter: give them the same ``chip_seed``.
    """

    def __init__(self, seed: int, cycles: int = 0, traits: AdcTraits = RP2040, chip_seed: int | None = None) -> None:
        self.cycles = cycles
        self.hot_breaks = 0
        self.extra_ohm = 0.0  # a fault: one power contact worse by so much
        self.hot_w = 0.0  # a fault: something else heats the block
        self.loose = 1.0  # a fault: so many times more bounces, each so many times as long
        self.flutter_ms: float | None = None  # a fault: the presence pin opens for 15 ms every so often
        self.stuck: bool | None = None  # a fault: the presence pin reads closed (True) or open, whatever is there
        self._heat_k = 0.0
        self._solved_k = 0.0
        self._random = random.Random(f"bay {seed}")
        self._supply_uv = self._random.gauss(SUPPLY_UV, SUPPLY_SPREAD_UV)
        self._channels = {word: self._channel(seed if chip_seed is None else chip_seed, word, traits) for word in GAINS}
        thermistor = random.Random(f"thermistor {seed}")
        self._ntc_ratio = thermistor.gauss(1, NTC_SIGMA * math.sqrt(2))
        self._ntc_b_k = NTC_B_K * thermistor.gauss(1, NTC_SIGMA)
        self.shorts: list[Short] = []
        self._outputs = _Outputs()
        self._mating: _Mating | None = None
        self._request_ua = 0
        self._power_uv = 0.0
        self._current_ua = 0.0
        self._now_ms = 0

    # -- the world

    def insert(self, now_ms: int, camera: CameraSide | None = None) -> None:
        """A camera is put in: power and data mate now, the presence pin touches some milliseconds later.

        ValueError if there is one in the bay.
        """
        self.advance(now_ms)
        if self._mating is not None and self._mating.parts_ms == math.inf:
            raise ValueError("there is a camera in this bay: remove it first")
        self.cycles += 1
        side = camera or CameraSide()
        touch_ms = now_ms + self._random.uniform(*LEAD_MS)
        worn = self.cycles + side.cycles
        pair_ohm = self._contact_ohm(self.cycles) + self._contact_ohm(worn)
        self._mating = _Mating(side, self._bounce(touch_ms), pair_ohm, shorts=list(side.shorts))
        self._request_ua = 0
        self._settle_power()

    def remove(self, now_ms: int) -> None:
        """The camera is pulled: the presence pin parts now, power and data some milliseconds later."""
        self.advance(now_ms)
        if self._mating is None:
            return
        closed = [toggle_ms for toggle_ms in self._mating.toggles_ms if toggle_ms < now_ms]
        if len(closed) % 2 == 1:
            closed.append(now_ms)
        self._mating.toggles_ms = closed
        self._mating.parts_ms = now_ms + self._random.uniform(*LEAD_MS)

    def wear(self, cycles: int) -> None:
        """So many matings more, at once; what is in the bay now was mated before."""
        self.cycles += cycles

    def stick(self, word: str | None) -> None:
        """The presence pin sticks ``closed`` or ``open`` from now on; None: it is free again."""
        self.stuck = None if word is None else {"closed": True, "open": False}[word]

    def short(self, first: Node, second: Node, ohm: float) -> None:
        """Join two nodes on the bay's side from now on; a bridge that is there already is replaced."""
        self.shorts = [*self._shorts_but(first, second), Short(first, second, ohm)]
        self._settle_power()

    def clear_short(self, first: Node, second: Node) -> None:
        """Nothing joins those two any more."""
        self.shorts = self._shorts_but(first, second)
        self._settle_power()

    def clear_shorts(self) -> None:
        """Clean the bay."""
        self.shorts = []
        self._settle_power()

    def set_output(self, word: str, level: bool, now_ms: int) -> None:
        """The dock drives ``power`` or ``drive``."""
        self.advance(now_ms)
        if word == "power":
            self._outputs.power = level
        elif word == "drive":
            self._outputs.drive = level
        else:
            raise KeyError(word)
        self._settle_power()

    def set_load(self, request_ua: int) -> None:
        """What the camera's charger asks for from now on."""
        if request_ua != self._request_ua:
            self._request_ua = request_ua
            self._settle_power()

    def advance(self, now_ms: int) -> None:
        """Let time pass."""
        if now_ms <= self._now_ms:
            return
        mating = self._mating
        if mating is not None and mating.parts_ms <= now_ms:
            self._relax(max(mating.parts_ms, self._now_ms) - self._now_ms)
            self.hot_breaks += self._outputs.power
            self._mating = None
            self._settle_power()
            self._relax(now_ms - max(mating.parts_ms, self._now_ms))
        else:
            self._relax(now_ms - self._now_ms)
        self._warm(now_ms - self._now_ms)
        self._now_ms = now_ms

    # -- what can be measured

    def read_uv(self, word: str) -> int:
        """One converter sample of ``presence``, ``supply``, ``current`` (across the shunt) or ``coupling``."""
        return self._channels[word].read_uv(self._node_uv(word))

    def code_of(self, word: str) -> float:
        """The same without the converter's noise, in its steps."""
        return self._channels[word].code_of(self._node_uv(word))

    def channel(self, word: str) -> AdcModel:
        """The converter's input of that name: whoever knows its code takes samples there, each with new noise."""
        return self._channels[word]

    def is_mated(self) -> bool:
        """Whether power and data contacts touch a camera's."""
        return self._mating is not None

    def is_powered(self) -> bool:
        """Whether a camera gets power from this bay."""
        return self._outputs.power and self._mating is not None

    def current_ua(self) -> int:
        """What truly flows into the camera; without shorts, what flows through the shunt."""
        return round(self._load_ua(self._mating)) if self.is_powered() else 0

    def supply_uv(self) -> int:
        """What truly is at the power pin, on the dock's side."""
        return round(self._power_uv)

    def camera_supply_uv(self) -> int:
        """What truly arrives at the camera's charger."""
        if self._mating is None or not self._outputs.power:
            return 0
        load_ua = self._load_ua(self._mating)
        diode_uv = self._mating.camera.diode_uv(load_ua)
        return round(self._power_uv - load_ua * self._loop_ohm(self._mating) - diode_uv)

    def contact_ohm(self) -> float:
        """True resistance of both power contacts and the camera's wiring; infinite with no camera."""
        return math.inf if self._mating is None else self._loop_ohm(self._mating)

    def pair_ohm(self) -> float:
        """True resistance of the two power contacts alone; infinite with no camera."""
        return math.inf if self._mating is None else self._pair_ohm(self._mating)

    def contact_c(self) -> float:
        """True temperature of the power contacts."""
        return AMBIENT_C + self._heat_k

    def block_c(self) -> float:
        """What the thermistor at the block has."""
        return AMBIENT_C + BLOCK_PART * self._heat_k

    # -- contacts

    def _shorts_but(self, first: Node, second: Node) -> list[Short]:
        return [each for each in self.shorts if (each.first, each.second) != (first, second)]

    def _contact_ohm(self, cycles: int) -> float:
        wear = min(cycles / LIFE_CYCLES, 1.0)
        force_n = FORCE_NEW_N * (1 - 0.4 * wear)
        constriction_ohm = GOLD_OHM_M * math.sqrt(math.pi * GOLD_HARDNESS_PA / (4 * force_n))
        return (BULK_OHM + constriction_ohm + FILM_OHM * wear) * self._random.lognormvariate(0, MATING_SIGMA)

    def _bounce(self, touch_ms: float) -> list[float]:
        mean = (BOUNCES_NEW + BOUNCES_WORN * min(self.cycles / LIFE_CYCLES, 1.0)) * self.loose
        toggles_ms = [touch_ms]
        for _ in range(2 * self._poisson(mean)):
            toggles_ms.append(toggles_ms[-1] + self._random.expovariate(1 / (STRETCH_MS * self.loose)))
        return toggles_ms

    def _poisson(self, mean: float) -> int:
        """Knuth's method: multiplies uniforms until the product falls below e^-mean."""
        limit, product, count = math.exp(-mean), self._random.random(), 0
        while product > limit:
            product *= self._random.random()
            count += 1
        return count

    def _touches(self) -> bool:
        if self.stuck is not None:
            return self.stuck
        if self._mating is None or (self.flutter_ms is not None and self._now_ms % self.flutter_ms < FLUTTER_OPEN_MS):
            return False
        return bisect_right(self._mating.toggles_ms, self._now_ms) % 2 == 1

    def _pair_ohm(self, mating: _Mating) -> float:
        return (mating.pair_ohm + self.extra_ohm) * (1 + COPPER_PER_K * self._heat_k)

    def _loop_ohm(self, mating: _Mating) -> float:
        return self._pair_ohm(mating) + mating.camera.wiring_ohm

    # -- heat

    def _warm(self, elapsed_ms: float) -> None:
        load_a = self._load_ua(self._mating) / 1e6 if self.is_powered() and self._mating is not None else 0.0
        power_w = self.hot_w + (load_a**2 * self._pair_ohm(self._mating) if self._mating is not None else 0.0)
        final_k = power_w * HEAT_K_PER_W
        if self._heat_k == final_k:
            return
        self._heat_k = final_k + (self._heat_k - final_k) * math.exp(-elapsed_ms / HEAT_TAU_MS)
        if abs(self._heat_k - self._solved_k) > RESOLVE_K:
            self._solved_k = self._heat_k
            self._settle_power()

    def _thermistor_uv(self) -> float:
        inverse = 1 / (self.block_c() + KELVIN) - 1 / (25 + KELVIN)
        ratio = self._ntc_ratio * math.exp(self._ntc_b_k * inverse)
        return PULL_UP_UV * ratio / (1 + ratio)

    # -- electricity

    def _channel(self, seed: int, word: str, traits: AdcTraits) -> AdcModel:
        amplified = word == "current"
        offset_uv = self._random.gauss(0, AMPLIFIER_OFFSET_UV) * GAINS[word] if amplified else 0.0
        error = self._random.gauss(0, GAIN_SIGMA[word]) if word in GAIN_SIGMA else 0.0
        return AdcModel(seed, gain=GAINS[word], gain_error=error, offset_uv=offset_uv, traits=traits)

    def _node_uv(self, word: str) -> float:
        """What is truly at the converter's input, before gain and divider."""
        if word == "supply":
            return self._power_uv
        if word == "current":
            return self._current_ua * SHUNT_OHM
        if word == "temperature":
            return self._thermistor_uv()
        data_uv, presence_uv = self._neighbours_uv(self._power_uv)
        return data_uv if word == "coupling" else presence_uv

    def _joined(self, first: Node, second: Node) -> float:
        """Conductance of all shorts between two nodes, in siemens."""
        if not self._is_shorted():
            return 0.0
        shorts = self.shorts if self._mating is None else self.shorts + self._mating.shorts
        return sum(1 / max(short.ohm, 0.01) for short in shorts if {short.first, short.second} == {first, second})

    def _is_shorted(self) -> bool:
        """Whether any two nodes are joined; they seldom are, and it is asked for at every step."""
        return bool(self.shorts) or (self._mating is not None and bool(self._mating.shorts))

    def _identified(self) -> float:
        """Conductance of the presence pin's way to ground, in siemens."""
        if not self._touches():
            return 0.0
        return 1 / (self._mating.camera.id_ohm if self._mating is not None else STUCK_OHM)

    def _neighbours_uv(self, power_uv: float) -> tuple[float, float]:
        """Voltages of data and presence for a voltage of the power pin: two nodal equations."""
        if not self._is_shorted():
            return 0.0, PULL_UP_UV / PULL_UP_OHM / (1 / PULL_UP_OHM + self._identified())
        between = self._joined(Node.DATA, Node.PRESENCE)
        power_data = self._joined(Node.POWER, Node.DATA)
        power_presence = self._joined(Node.POWER, Node.PRESENCE)
        data_all = 1 / DATA_PULL_DOWN_OHM + self._joined(Node.DATA, Node.GROUND) + power_data + between
        grounded = self._identified() + self._joined(Node.PRESENCE, Node.GROUND)
        presence_all = 1 / PULL_UP_OHM + grounded + power_presence + between
        data_in = power_data * power_uv
        presence_in = PULL_UP_UV / PULL_UP_OHM + power_presence * power_uv
        determinant = data_all * presence_all - between * between
        data_uv = (data_in * presence_all + between * presence_in) / determinant
        presence_uv = (presence_in * data_all + between * data_in) / determinant
        return data_uv, presence_uv

    def _current_in_ua(self, power_uv: float) -> float:
        """Current into the power pin's capacitor while the power switch is open."""
        leak = 1 / SENSE_OHM + self._joined(Node.POWER, Node.GROUND)
        if self._mating is not None:
            leak += 1 / self._mating.camera.input_ohm
        current_ua = -leak * power_uv
        if self._is_shorted():
            data_uv, presence_uv = self._neighbours_uv(power_uv)
            current_ua += self._joined(Node.POWER, Node.DATA) * (data_uv - power_uv)
            current_ua += self._joined(Node.POWER, Node.PRESENCE) * (presence_uv - power_uv)
        if self._outputs.drive:
            current_ua += (PULL_UP_UV - power_uv) / DRIVE_OHM
        return current_ua

    def _relax(self, elapsed_ms: float) -> None:
        """Charge or discharge the power pin while its switch is open. The network is linear: one time constant."""
        if self._outputs.power or elapsed_ms <= 0:
            return
        at_zero_ua = self._current_in_ua(0.0)
        conductance = (at_zero_ua - self._current_in_ua(PULL_UP_UV)) / PULL_UP_UV
        farad = BAY_FARAD + (self._mating.camera.input_farad if self._mating is not None else 0.0)
        final_uv = at_zero_ua / conductance
        self._power_uv = final_uv + (self._power_uv - final_uv) * math.exp(-elapsed_ms / 1000 * conductance / farad)

    def _settle_power(self) -> None:
        """Voltage and current behind the closed switch, at once: its rise takes less than a millisecond."""
        if not self._outputs.power:
            self._current_ua = 0.0
            return
        ground = self._joined(Node.POWER, Node.GROUND)
        load_ua = self._load_ua(self._mating) if self._mating is not None else 0.0
        power_uv = (self._supply_uv - load_ua * SOURCE_OHM) / (1 + ground * SOURCE_OHM)
        current_ua = load_ua + power_uv * ground
        if current_ua > SWITCH_LIMIT_UA:
            current_ua = SWITCH_LIMIT_UA
            power_uv = min(power_uv, current_ua / ground)
        self._power_uv = power_uv
        self._current_ua = current_ua

    def _load_ua(self, mating: _Mating | None) -> float:
        if mating is None:
            return 0.0
        diode_uv = mating.camera.diode_uv(self._request_ua)
        room_uv = self._supply_uv - CHARGER_INPUT_UV_MIN - diode_uv
        return max(0.0, min(self._request_ua, room_uv / (SOURCE_OHM + self._loop_ohm(mating))))
