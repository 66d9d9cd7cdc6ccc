"""Self-assignment, the desk: taps of everybody at every place, one flashing camera at a time at each.

Law: pure; time is an argument. Two cameras that flash side by side for two people would be mixed up, and nobody could
tell afterwards who wore which; so at one place one person is served after the other, and whoever taps meanwhile waits
for a moment. Where a camera may still flash that no longer answers, that place waits until it has given up by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from host_tools.system.assignment_offer import OFFERED, TAKEN, UNSURE, Offer

WAITING_MAX = 8  # at one place: more than that is a crowd, which taps again
WAIT_MS = (
    120_000  # after which somebody who waits is told to tap again: most have gone; whoever is next is served first
)
QUIET_MS = 3_000  # nothing flashes after an offer that nobody took: whoever still comes for it must not take the next

# word -> what a person is told. RFID-03.
REFUSALS = {
    "changed_tag": "badge {tag} belongs to somebody else now than when it was shown: tap again",
    "unknown_tag": "badge {tag} belongs to nobody: pair it with a wearer",
    "starting": "the controller is just beginning, or ending: tap again in a moment",
    "fixed": "cameras are assigned by hand in this system: {name} takes the camera that is theirs",
    "holds": "{name} has camera {camera}: dock it before taking another one",
    "may_hold": "{name} may have camera {camera}, which was gone before it could be taken back: dock it",
    "not_let_go": "{name} has docked camera {camera}, and it does not confirm that it is nobody's: "
    "somebody who may has to end that note",
    "no_camera": "no camera is ready for {name}: {reasons}",
    "crowd": "too many people are waiting here: tap again in a moment",
    "waited": "{name} has waited for too long, and was not served: tap again",
    "camera_failed": "camera {camera} does not take the assignment ({reason}): tap again",
    "fault": "the assignment cannot be written down ({reason}): check the controller's disk",
}


class Tap(NamedTuple):
    """Somebody known has shown a badge. ``reader``: its URL, empty for a page or a command."""

    wearer: str
    tag: str
    reader: str
    place: str
    at_ms: int


class Refusal(NamedTuple):
    """``word`` of REFUSALS; ``camera`` where it names one."""

    word: str
    camera: str = ""


class Begin(NamedTuple):
    """Choose a camera for this tap, and ``open`` an offer with it; now."""

    tap: Tap


class Waiting(NamedTuple):
    """Others are before them."""

    ahead: int


class Again(NamedTuple):
    """Their camera flashes already."""

    offer: Offer


class Note(NamedTuple):
    """What is written down of a camera: whose it is or may be. ``seen_away``: that it was taken has been seen;
    ``hold_ms``: how long the camera keeps the offer, 0 for as long as one of now."""

    camera: str
    wearer: str
    seen_away: bool
    hold_ms: int = 0


Answer = Refusal | Begin | Waiting | Again


class Desk:
    """``notes``: those that are written down now. ``take_ms``: a person's time from the flash to the taking, of offers
    from now on; ``hold_more_ms``: how much longer a camera holds one by its own clock; ``slack_ms``: by which clocks
    may differ. ``began_ms``: when this controller began. An offer of the one before it may still flash somewhere, for
    as long as its camera holds it, whatever is usual now: its note says how long."""

    def __init__(
        self, notes: Callable[[], Iterable[Note]], take_ms: int, hold_more_ms: int, slack_ms: int, began_ms: int
    ) -> None:
        self.offers: list[Offer] = []
        self.waiting: list[Tap] = []
        self.take_ms = take_ms
        self._hold_more_ms = hold_more_ms
        self._notes = notes
        self._slack_ms = slack_ms
        self._quiet_until_ms: dict[str, int] = {}
        self._left_over = {  # camera -> when it has certainly given up
            note.camera: began_ms + (note.hold_ms or take_ms + hold_more_ms) + slack_ms
            for note in notes()
            if not note.seen_away
        }

    def tap(self, tap: Tap, now_ms: int) -> Answer:
        """What is to be done for somebody."""
        own = next((offer for offer in self.offers if offer.wearer == tap.wearer), None)
        if own is not None and own.state != TAKEN:
            return Refusal("may_hold", own.camera) if own.state == UNSURE else Again(own)
        held = self.held_by(tap.wearer)
        if held is not None:
            return held
        if self._waits_on(tap):
            return Waiting(self._ahead_of(tap))
        if self.is_free(tap.place, now_ms) and not self._ahead_of(tap):
            return Begin(tap)
        if self._ahead_of(tap) >= WAITING_MAX:
            return Refusal("crowd")
        self.waiting.append(tap)
        return Waiting(self._ahead_of(tap))

    def held_by(self, wearer: str) -> Refusal | None:
        """Why somebody gets no camera, whatever there is."""
        note = next((note for note in self._notes() if note.wearer == wearer), None)
        return None if note is None else Refusal("holds" if note.seen_away else "may_hold", note.camera)

    def open(self, tap: Tap, camera: str, dock: str, bay: int) -> Offer:
        """The offer for a tap that ``tap`` or ``next`` said to begin."""
        hold_ms = self.take_ms + self._hold_more_ms
        offer = Offer(camera, dock, bay, tap.wearer, tap.place, tap.reader, tap.tag, self.take_ms, hold_ms)
        self.offers.append(offer)
        return offer

    def close(self, offer: Offer, now_ms: int) -> None:
        """It is over."""
        if offer.shown and offer.state != TAKEN:
            self._quiet_until_ms[offer.place] = now_ms + QUIET_MS
        self.offers = [each for each in self.offers if each is not offer]

    def happen(self, offer: Offer, event: str, now_ms: int) -> bool:
        """Something has happened to an offer; whether that has changed anything."""
        if not offer.happen(event):
            return False
        if offer.state == OFFERED:
            offer.until_ms = now_ms + offer.take_ms
        if offer.state in (OFFERED, UNSURE) and not offer.over_ms:  # it was told no later than now
            offer.over_ms = now_ms + offer.hold_ms + self._slack_ms
        return True

    def next(self, now_ms: int) -> list[Tap]:
        """Who is served now, one at each place that has become free; they leave the queue."""
        served: dict[str, Tap] = {}
        for tap in self.waiting:
            if tap.place not in served and self.is_free(tap.place, now_ms):
                served[tap.place] = tap
        self.waiting = [tap for tap in self.waiting if served.get(tap.place) is not tap]
        return list(served.values())

    def given_up(self, now_ms: int) -> list[Tap]:
        """Who has waited for too long and is not served any more; they leave the queue, and are to be told. Whoever is
        next can always outwait an offer that began before they came."""
        one_offer_ms = self.take_ms + self._hold_more_ms + self._slack_ms + QUIET_MS
        limit_ms = max(WAIT_MS, 2 * one_offer_ms)
        gone = [tap for tap in self.waiting if now_ms - tap.at_ms >= limit_ms]
        self.waiting = [tap for tap in self.waiting if tap not in gone]
        return gone

    def is_free(self, place: str, now_ms: int) -> bool:
        """Whether no camera may flash there, nor is about to, nor has just flashed in vain."""
        occupied = any(offer.place == place for offer in self.offers)
        return not occupied and now_ms >= self._quiet_until_ms.get(place, 0) and not self._may_flash_still(now_ms)

    def settle(self, camera: str) -> None:
        """A camera has been greeted, or is forgotten: what was left over of it is no matter any more."""
        self._left_over.pop(camera, None)

    def _may_flash_still(self, now_ms: int) -> bool:
        return any(now_ms < until_ms for until_ms in self._left_over.values())

    def _waits_on(self, tap: Tap) -> bool:
        """Whether somebody waits there already: they are still here, and keep their turn. Who has gone to another place
        is new there, and waits here no more."""
        for index, each in enumerate(self.waiting):
            if each.wearer == tap.wearer:
                if each.place == tap.place:
                    self.waiting[index] = tap
                    return True
                del self.waiting[index]
                return False
        return False

    def _ahead_of(self, tap: Tap) -> int:
        ahead = 0
        for each in self.waiting:
            if each.wearer == tap.wearer:
                break
            ahead += each.place == tap.place
        return ahead
