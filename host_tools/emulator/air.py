"""The air of a bench: who broadcasts is heard by who listens, as far as the model of the radio carries.

Law: nothing ticks. A broadcast repeats itself every REPEAT_MS until it ends; of its repetitions a listener is told of
the first that it receives, as a chip does that filters repetitions, and later of one a second. Which one that is, is
drawn when the broadcast or the listening begins, so a room full of quiet radios costs nothing.

A radio's faults (``RADIO_KINDS``) outlast its board's boots: they are the board's, and looked at here.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Set

from firmware.ports.errors import PortFault
from firmware.ports.radio import REPEAT_MS, Heard, Radio, check_message
from host_tools.emulator.models.radio import Spot, Way

REPEAT_S = REPEAT_MS / 1000
TOLD_AGAIN_FRAMES = 10  # a chip's list of those whom it has heard is no longer than a second
FRAMES_AHEAD = 50  # drawn at once: five seconds of a broadcast
QUEUE_MAX = 64  # what a chip keeps that nobody fetches
RADIO_KINDS = ("off", "stuck", "garbage", "wrong", "delayed", "intermittent", "duplicated")
SILENT = frozenset({"off", "stuck"})  # nothing goes through the air
BROKEN_ANTENNA_DB = 40.0
LATE_S = 15.0  # more than a call is worth
LOST_PART = 0.9  # of the frames of a loose antenna


class Air:
    """``seed``: of the bench."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._chance = random.Random(f"air {seed}")
        self._stations: list[AirRadio] = []
        self._due: dict[tuple[AirRadio, AirRadio], asyncio.TimerHandle] = {}

    def radio(self, spot: Callable[[], Spot], wake: Callable[[], None], faults: Set[str] = frozenset()) -> AirRadio:
        """A board's radio; ``spot``: where the board is now; ``wake``: something was heard; ``faults``: that it has
        now (``follow`` when they change)."""
        made = AirRadio(self, spot, wake, faults)
        self._stations.append(made)
        return made

    def remove(self, radio: AirRadio) -> None:
        """Its board has lost its power."""
        self._stations.remove(radio)
        self._forget(lambda sender, listener: radio in (sender, listener))

    def follow(self, radio: AirRadio) -> None:
        """It sends or hears otherwise than before, or is elsewhere: all that it has to do with is drawn anew."""
        self._forget(lambda sender, listener: radio in (sender, listener))
        for other in self._stations:
            if other is not radio:
                self._carry(radio, other)
                self._carry(other, radio)

    def noise(self, count: int) -> bytes:
        """Bytes that nobody sent."""
        return self._chance.randbytes(count)

    def _carry(self, sender: AirRadio, listener: AirRadio, after_frames: int = 0) -> None:
        faults = sender.faults | listener.faults
        if sender.message is None or not listener.listening or faults & SILENT:
            return
        power_dbm = sender.power_dbm - sum(BROKEN_ANTENNA_DB for end in (sender, listener) if "wrong" in end.faults)
        lost_part = LOST_PART if "intermittent" in faults else 0.0
        way = Way(self._seed, sender.spot(), listener.spot(), power_dbm, self._chance, lost_part)
        found = way.first_of(FRAMES_AHEAD)
        if found is None:
            self._later(sender, listener, after_frames + FRAMES_AHEAD, None)
        else:
            number, rssi_dbm = found
            self._later(sender, listener, after_frames + number, Heard(sender.message, round(rssi_dbm)))

    def _later(self, sender: AirRadio, listener: AirRadio, frames: int, heard: Heard | None) -> None:
        def arrive() -> None:
            del self._due[sender, listener]
            if heard is not None:
                listener.hear(heard)
            self._carry(sender, listener, TOLD_AGAIN_FRAMES if heard is not None else 0)

        self._due[sender, listener] = asyncio.get_running_loop().call_later(frames * REPEAT_S, arrive)

    def _forget(self, concerns: Callable[[AirRadio, AirRadio], bool]) -> None:
        for pair in [pair for pair in self._due if concerns(*pair)]:
            self._due.pop(pair).cancel()


class AirRadio(Radio):
    """A board's. ``message``: what it repeats."""

    def __init__(self, air: Air, spot: Callable[[], Spot], wake: Callable[[], None], faults: Set[str]) -> None:
        self.faults = faults
        self.message: bytes | None = None
        self.power_dbm = 0
        self.listening = False
        self.spot = spot
        self._air = air
        self._wake = wake
        self._heard: deque[Heard] = deque(maxlen=QUEUE_MAX)

    def power_for(self, wanted_dbm: int) -> int:
        self._check()
        return wanted_dbm

    def broadcast(self, data: bytes | bytearray | memoryview, power_dbm: int) -> None:
        self._check()
        self.message, self.power_dbm = check_message(data, power_dbm), power_dbm
        self._air.follow(self)

    def be_silent(self) -> None:
        self._check()
        self.message = None
        self._air.follow(self)

    def listen(self, on: bool) -> None:
        self._check()
        if on == self.listening:
            return
        self.listening = on
        self._heard.clear()
        self._air.follow(self)

    def receive(self) -> Heard | None:
        self._check()
        return self._heard.popleft() if self._heard else None

    def hear(self, heard: Heard) -> None:
        """Something has arrived. A chip that is late tells of it then, also if it no longer listens."""
        if "delayed" in self.faults:
            asyncio.get_running_loop().call_later(LATE_S, self._tell, heard)
        else:
            self._tell(heard)

    def _tell(self, heard: Heard) -> None:
        if "garbage" in self.faults:
            heard = heard._replace(data=self._air.noise(len(heard.data)))
        self._heard.extend([heard] * (2 if "duplicated" in self.faults else 1))
        self._wake()

    def _check(self) -> None:
        if "off" in self.faults:
            raise PortFault("the radio does not answer")
