"""What a camera answers, and to whom: one table of levels, one of messages. Pure.

A session begins ``shut``. Who has proved himself, and what time it is, decide the level (``membership``); what is not
in ``ANSWERED`` at that level is refused without a look at it, and no bulk byte leaves the camera below ``full``.
"""

SHUT = "shut"  # nobody has proved himself, or the camera has just changed hands: nothing is answered
PROVISIONAL = "provisional"  # any controller, to a camera that belongs to nobody: it can adopt, nothing else
MET = "met"  # a controller of the camera's system; they have not agreed on the time yet
LAPSED = "lapsed"  # the same, and the camera's certificate is not valid any more: safe mode
FULL = "full"

STRANGER = "stranger"  # a controller has proved itself to a camera that belongs to nobody
OWN = "own"  # one of the camera's own system has
VALID_NOW = "valid_now"  # at the time agreed on the camera's certificate is valid
LAPSED_NOW = "lapsed_now"
CHANGED = "changed"  # adopted, or released: who the camera is has changed, so a new session is needed

# (level, what happened) -> level. What is missing must not happen: the session is shut.
TRANSITIONS = {
    (SHUT, STRANGER): PROVISIONAL,
    (SHUT, OWN): MET,
    (PROVISIONAL, CHANGED): SHUT,
    (MET, VALID_NOW): FULL,
    (MET, LAPSED_NOW): LAPSED,
    (LAPSED, LAPSED_NOW): LAPSED,
    (LAPSED, VALID_NOW): FULL,
    (LAPSED, CHANGED): SHUT,
    (FULL, VALID_NOW): FULL,
    (FULL, LAPSED_NOW): LAPSED,
    (FULL, CHANGED): SHUT,
}

_MEMBERS = (LAPSED, FULL)
# message -> levels at which it is answered; others: at FULL alone
ANSWERED = {
    "set_time": (PROVISIONAL, MET, LAPSED, FULL),
    "request_certificate": (PROVISIONAL, LAPSED, FULL),
    "install_certificate": (PROVISIONAL, LAPSED, FULL),
    "identify": _MEMBERS,
    "get_camera": _MEMBERS,
    "get_credentials": _MEMBERS,
    "revocations": _MEMBERS,
    "indicate": _MEMBERS,
    "measure_power": _MEMBERS,  # electrical facts: a camera in safe mode is charged like any other
    "limit_input": _MEMBERS,
    "get_power": _MEMBERS,
    "set_charging": _MEMBERS,
    "factory_reset": _MEMBERS,
}
REASONS = {
    SHUT: "it answers nobody here: open a new session, securely",
    PROVISIONAL: "it belongs to no system: add it first",
    MET: "it does not know the time yet: set it first",
    LAPSED: "it is in safe mode: allow it back first",
    FULL: "",
}


def next_level(level: str, happened: str) -> str:
    """The level after that."""
    return TRANSITIONS.get((level, happened), SHUT)


def answers(level: str, message: str) -> bool:
    """Whether a message is answered at that level."""
    return level in ANSWERED.get(message, (FULL,))


def tells(level: str) -> bool:
    """Whether the camera tells of its own accord how it is."""
    return level in _MEMBERS
