"""What must hold at every step, judged from outside: card, destination, ledger and hands against each other.

Law: each check takes plain facts and raises Violation with its letter; nothing here drives anything. The letters:
(a) erased only when durable where policy demands; (b) every confirmed byte arrives once and bit-identical or is still
held; (c) the ledger holds and tells the same story; (d) the right wearer; (e) reservations; (f) bounded memory;
(g) no program crashes; (h) after healing everything arrives in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from host_tools.custody.index import Index, Recording
from host_tools.custody.ledger import Head, Ledger
from host_tools.destinations.memory import StoredContainer
from host_tools.simulation.records import Recorded

TASKS_MAX_BASE = 24  # of a controller without boards
TASKS_MAX_EACH = 16  # more for each board: session, offload workers, timeouts
CABLE_BYTES_MAX = 1 << 19  # of one cable, both ways
TIMERS_MAX_BASE = 2_000  # cancelled ones stay until their time comes
TIMERS_MAX_EACH = 1_000

# What the ledger must tell of a recording, in this order; a later one never without the earlier ones.
STORY = ("recorded", "held", "delivered", "acknowledged", "erase_authorised", "erased")

LETTERS: dict[str, str] = {
    "a": "erased only when durable where policy demands",
    "b": "every confirmed byte arrives once and unchanged, or is still held",
    "c": "the ledger holds and tells the same story",
    "d": "recorded in the name of whoever wore the camera",
    "e": "reservations never negative, never leaked",
    "f": "memory is bounded",
    "g": "no program crashes",
    "h": "after healing everything arrives in time",
}


class Violation(Exception):
    """Something that must never be. ``letter``: of LETTERS."""

    def __init__(self, letter: str, text: str) -> None:
        super().__init__(f"({letter}) {LETTERS[letter]}: {text}")
        self.letter = letter


def check_erase(record: Recorded) -> None:
    """(a) A camera begins to remove this recording."""
    if record.must_arrive() and not record.delivered:
        raise Violation(
            "a",
            f"recording {record.recording} of {record.camera} with {record.durable} confirmed fragments is being "
            "erased, and the destination has not accepted it",
        )


def check_arrival(records: Mapping[str, Recorded], container: str, box: StoredContainer) -> Recorded:
    """(b) The destination has accepted a container; returns the recording that it holds."""
    if len(box.objects) != 1:
        raise Violation("b", f"container {container} holds {len(box.objects)} objects instead of one clip")
    name, stored = next(iter(box.objects.items()))
    recording = name.rpartition("_")[2].partition(".")[0]
    record = records.get(recording)
    if record is None:
        raise Violation("b", f"container {container}: nobody recorded {recording}")
    if record.container not in ("", container):
        raise Violation("b", f"recording {recording} arrived twice: as {record.container} and as {container}")
    fragments = record.fragments_of(bytes.fromhex(stored.receipt.sha256)) if record.prefixes else record.delivered
    if not fragments:
        raise Violation("b", f"recording {recording} arrived with other bytes than were recorded")
    if fragments < record.durable:
        raise Violation("b", f"recording {recording}: {record.durable} fragments were confirmed, {fragments} arrived")
    return record


def check_card(records: Iterable[Recorded], held: Mapping[str, bytes], camera: str) -> None:
    """(b) What a camera lists after a boot. ``held``: recording -> content digest of its manifest."""
    for record in records:
        if record.camera != camera or record.erased or not record.must_arrive():
            continue
        digest = held.get(record.recording)
        if digest is None:
            raise Violation(
                "b", f"recording {record.recording} with {record.durable} confirmed fragments is not listed"
            )
        if record.fragments_of(digest) < record.durable:
            raise Violation(
                "b",
                f"recording {record.recording}: {record.durable} fragments were confirmed, fewer or others are listed",
            )


def check_story(words: Sequence[str], record: Recorded) -> None:
    """(c) The ledger's words about one recording, in order, against what really happened."""
    last = -1
    for word in words:
        if word == "damaged":
            last = STORY.index("recorded")
        elif word in STORY:
            place = STORY.index(word)
            if place > last + 1:
                told = f"{word} without {STORY[place - 1]}: {' '.join(words)}"
                raise Violation("c", f"recording {record.recording}: {told}")
            last = max(last, place) if word != "erase_authorised" else place
    if "delivered" in words and not record.delivered:
        raise Violation("c", f"recording {record.recording}: told as delivered, the destination has not accepted it")
    if "erased" in words and not record.erased:
        raise Violation("c", f"recording {record.recording}: told as erased, the camera has not erased it")


def check_ledger(index: Index, heads: Iterable[Head]) -> Head:
    """(c) The whole chain, with heads that were seen earlier; returns where it ends."""
    verdict = Ledger(index).verify(heads)
    if not verdict.holds:
        raise Violation("c", str(verdict))
    return verdict.head


def check_wearer(record: Recorded, row: Recording) -> None:
    """(d) A delivered recording."""
    if row.wearer_id != record.wearer:
        raise Violation(
            "d", f"recording {record.recording} of {record.camera} was worn by {record.wearer}, told is {row.wearer_id}"
        )


class Space(NamedTuple):
    """A spool's own account, and what its index says should be there."""

    used_bytes: int
    reserved_bytes: int
    stored_bytes: int
    medium_entries: int


def check_space(space: Space, idle: bool) -> None:
    """(e) ``idle``: nothing is stored any more, so nothing may be taken."""
    if space.used_bytes < 0 or space.reserved_bytes < 0:
        raise Violation("e", f"the spool counts {space.used_bytes} used and {space.reserved_bytes} reserved bytes")
    if space.used_bytes + space.reserved_bytes != space.stored_bytes:
        raise Violation(
            "e",
            f"the spool counts {space.used_bytes} + {space.reserved_bytes} bytes, the index knows {space.stored_bytes}",
        )
    if idle and (space.stored_bytes or space.medium_entries):
        raise Violation(
            "e",
            f"nothing is stored, but {space.stored_bytes} bytes are accounted and {space.medium_entries} entries left",
        )


class Memory(NamedTuple):
    """What grows if somebody forgets to let go."""

    boards: int
    tasks: int
    timers: int
    cable_bytes: int
    pending_bytes: int
    pending_bytes_max: int
    views: int


def check_memory(memory: Memory) -> None:
    """(f) Against the bounds of a fleet of that size."""
    limits = {
        "tasks": (memory.tasks, TASKS_MAX_BASE + TASKS_MAX_EACH * memory.boards),
        "timers": (memory.timers, TIMERS_MAX_BASE + TIMERS_MAX_EACH * memory.boards),
        "bytes on cables": (memory.cable_bytes, CABLE_BYTES_MAX * memory.boards),
        "bytes waiting for a commit": (memory.pending_bytes, memory.pending_bytes_max),
        "cameras known": (memory.views, memory.boards),
    }
    for name, (found, limit) in limits.items():
        if found > limit:
            raise Violation("f", f"{found} {name}, at most {limit} are right for {memory.boards} boards")


def check_all_arrived(records: Iterable[Recorded], waited_s: float) -> None:
    """(h) After healing."""
    left = [record for record in records if record.must_arrive() and not (record.delivered and record.erased)]
    if left:
        names = ", ".join(
            f"{record.recording[:8]} of {record.camera} ({'not erased' if record.delivered else 'not delivered'})"
            for record in left[:8]
        )
        raise Violation("h", f"{len(left)} recordings are not home {waited_s:.0f} s after everything healed: {names}")
