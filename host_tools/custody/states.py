"""The life of a recording on the controller, as literal tables.

Law: data only. A missing key is the error; ``docs/`` diagrams and the ledger's words come from here.
"""

from typing import Literal, get_args

from host_tools.custody.errors import CustodyRefused

State = Literal["announced", "offloading", "held", "delivering", "delivered", "erase_authorised", "erased"]
Happening = Literal["accepted", "completed", "damaged", "delivery_started", "delivered", "erase_authorised", "erased"]
Word = Literal[
    "recorded",
    "sealed",
    "docked",
    "offloaded",
    "held",
    "damaged",
    "delivered",
    "acknowledged",
    "erase_authorised",
    "erased",
    "signer",
    "enclosed",
    "head_signed",
    "force_removed",
]

STATES: tuple[State, ...] = get_args(State)
WORDS: tuple[Word, ...] = get_args(Word)

# (state, what happened) -> state. What may be repeated after a crash or a lost answer maps to itself.
TRANSITIONS: dict[tuple[State, Happening], State] = {
    ("announced", "accepted"): "offloading",
    ("offloading", "damaged"): "offloading",
    ("offloading", "completed"): "held",
    ("held", "delivery_started"): "delivering",
    ("held", "damaged"): "offloading",
    ("delivering", "delivery_started"): "delivering",
    ("delivering", "damaged"): "offloading",
    ("delivering", "delivered"): "delivered",
    ("delivered", "delivered"): "delivered",
    ("delivered", "erase_authorised"): "erase_authorised",
    ("erase_authorised", "erase_authorised"): "erase_authorised",
    ("erase_authorised", "erased"): "erased",
    ("erased", "erased"): "erased",
    ("erased", "erase_authorised"): "erase_authorised",
}

# What each step adds to the ledger, in this order. A step that is repeated and changes nothing adds nothing, except
# for TOLD_AGAIN: every authorisation carries a counter of its own.
WORDS_OF: dict[Happening, tuple[Word, ...]] = {
    "accepted": ("recorded", "sealed", "docked"),
    "completed": ("offloaded", "held"),
    "damaged": ("damaged",),
    "delivery_started": (),
    "delivered": ("delivered", "acknowledged"),
    "erase_authorised": ("erase_authorised",),
    "erased": ("erased",),
}

# Not about a step of a recording: a certificate that signs from now on, what is put beside a clip before it is sent, a
# head that was signed, and cameras that were taken off with all that they held, with the grant of the passphrase.
CHAIN_WORDS: frozenset[Word] = frozenset({"signer", "enclosed", "head_signed", "force_removed"})

# The word about a recording that stands last in the ledger while it is in that state. Where it is another one, ledger
# and index tell different stories: one of them was cut or exchanged.
LAST_WORDS: dict[State, frozenset[Word]] = {
    "announced": frozenset(),
    "offloading": frozenset({"docked", "damaged"}),
    "held": frozenset({"held"}),
    "delivering": frozenset({"held"}),
    "delivered": frozenset({"acknowledged"}),
    "erase_authorised": frozenset({"erase_authorised"}),
    "erased": frozenset({"erased"}),
}

TOLD_AGAIN: frozenset[Happening] = frozenset({"erase_authorised"})

# States in which every chunk is here and verified (until the files are removed).
WHOLE_STATES: frozenset[State] = frozenset({"held", "delivering", "delivered", "erase_authorised", "erased"})
# States in which a chunk that reads back wrong matters, because nobody else has acknowledged the recording.
SOLE_COPY_STATES: frozenset[State] = frozenset({"held", "delivering"})
# States in which the spool's copy may go: the destination has acknowledged.
REMOVABLE_STATES: frozenset[State] = frozenset({"delivered", "erase_authorised", "erased"})


def next_state(recording: bytes, state: State, happening: Happening) -> State:
    """The state after ``happening``; CustodyRefused names a step that is out of order."""
    following = TRANSITIONS.get((state, happening))
    if following is None:
        allowed = ", ".join(word for (known, word) in TRANSITIONS if known == state)
        raise CustodyRefused(
            f"recording {recording.hex()} is {state}: {happening!r} cannot follow; possible now: {allowed or 'nothing'}"
        )
    return following
