"""Self-assignment, one offer: a camera that flashes for one person, from the tap until it is taken or nobody's again.

Law: pure; one literal table, what is missing changes nothing. The camera itself decides whether it was taken in time
(``firmware.camera.assignment``); this follows it from outside, and where it cannot know, it takes what is worse for
granted: that the camera still flashes, and that the person has it.

Order is everything here. The offer is noted durably before the camera is written, the camera before any lamp is lit,
and a note goes only when the camera has said that it is nobody's. So whichever instant a camera is pulled out at, or
a controller dies: a camera that is worn in somebody's name was offered to them, and its note is there.
"""

from __future__ import annotations

from dataclasses import dataclass

# States, each with what is being done in it.
NOTING = "noting"  # the note becomes durable
WRITING = "writing"  # the camera is told whose it will be
OFFERED = "offered"  # lamps flash
RELEASING = "releasing"  # the lamp is off, the camera is told that it is nobody's
UNSURE = "unsure"  # the camera does not answer: it may flash, until it has given up by itself
FORGETTING = "forgetting"  # the note goes
TAKEN = "taken"  # out of its bay in that person's name; the note stays until it is back
ENDED = "ended"  # nobody's again
STATES = (NOTING, WRITING, OFFERED, RELEASING, UNSURE, FORGETTING, TAKEN, ENDED)
FINAL = (TAKEN, ENDED)

# What happens: the first five are how what is being done ends.
DONE = "done"
REFUSED = "refused"  # for certain not done
FAILED = "failed"  # done or not, nobody knows
TIME = "time"  # the person's time is over
OVER = "over"  # the camera's own time is over, by any clock
PULLED = "pulled"  # the bay is empty
LOST = "lost"  # the camera's link is gone
BACK = "back"  # the camera has been greeted: it stands in a bay and is nobody's
WITHDRAWN = "withdrawn"  # the camera is not fit any more, or somebody asked for it

TRANSITIONS = {
    (NOTING, DONE): WRITING,
    (NOTING, REFUSED): ENDED,
    (NOTING, FAILED): FORGETTING,
    (NOTING, PULLED): FORGETTING,  # it was told nothing yet
    (NOTING, LOST): FORGETTING,
    (NOTING, BACK): FORGETTING,
    (NOTING, WITHDRAWN): FORGETTING,
    (WRITING, DONE): OFFERED,
    (WRITING, REFUSED): FORGETTING,
    (WRITING, FAILED): UNSURE,
    (WRITING, PULLED): TAKEN,  # it flashed the moment it was told
    (WRITING, LOST): UNSURE,
    (WRITING, BACK): FORGETTING,
    (WRITING, WITHDRAWN): RELEASING,
    (OFFERED, TIME): RELEASING,
    (OFFERED, WITHDRAWN): RELEASING,
    (OFFERED, PULLED): TAKEN,
    (OFFERED, LOST): UNSURE,
    (OFFERED, BACK): FORGETTING,
    (RELEASING, DONE): FORGETTING,
    (RELEASING, REFUSED): UNSURE,
    (RELEASING, FAILED): UNSURE,
    (RELEASING, PULLED): TAKEN,
    (RELEASING, LOST): UNSURE,
    (RELEASING, BACK): FORGETTING,
    (UNSURE, PULLED): TAKEN,
    (UNSURE, OVER): TAKEN,  # wherever it is; it shows when it is greeted
    (UNSURE, BACK): FORGETTING,
    (FORGETTING, DONE): ENDED,
    (FORGETTING, FAILED): ENDED,  # a note too many only makes somebody dock a camera that they do not have
}
REVOCABLE = (NOTING, WRITING, OFFERED)  # WITHDRAWN counts
MAY_FLASH = (WRITING, OFFERED, RELEASING, UNSURE)  # another camera that flashed beside it could be mistaken for it


@dataclass
class Offer:
    """``take_ms``: a person's time from the flash; ``hold_ms``: the camera's. ``until_ms``: when the person's ends;
    ``over_ms``: when the camera has certainly given up by itself. ``shown``: whether its lamps were seen to flash, so
    that who takes it may know it; ``unseen``: it counts as taken because nobody knows better; ``also``: further
    readers that the same badge was shown to meanwhile."""

    camera: str
    dock: str
    bay: int
    wearer: str
    place: str
    reader: str
    tag: str
    take_ms: int
    hold_ms: int
    state: str = NOTING
    until_ms: int = 0
    over_ms: int = 0
    shown: bool = False
    unseen: bool = False
    why: str = ""
    also: tuple[str, ...] = ()

    def happen(self, event: str) -> bool:
        """Whether that has changed anything."""
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            return False
        self.state = following
        self.shown = self.shown or following == OFFERED
        self.unseen = following == TAKEN and event == OVER
        return True

    def may_flash(self) -> bool:
        """Whether a person could see this camera flash now."""
        return self.state in MAY_FLASH

    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in FINAL

    def deadline_ms(self) -> int | None:
        """When TIME or OVER happens by itself."""
        return {OFFERED: self.until_ms, UNSURE: self.over_ms}.get(self.state)

    def tick(self, now_ms: int) -> bool:
        """Let time pass; whether that has changed anything."""
        deadline_ms = self.deadline_ms()
        if deadline_ms is None or now_ms < deadline_ms:
            return False
        return self.happen(TIME if self.state == OFFERED else OVER)
