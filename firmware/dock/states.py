"""The states of a bay as literal tables.

Law: data only. Numbers of states are those of schema.BAY_STATES. An event without a key changes nothing: noise from
the contacts is ignored, a request of the controller is refused.
"""

from firmware.link.schema import BAY_STATES, number_of

FREE = number_of(BAY_STATES, "free")
SETTLING = number_of(BAY_STATES, "settling")
CHECKING = number_of(BAY_STATES, "checking")
DOCKED = number_of(BAY_STATES, "docked")
FAULT = number_of(BAY_STATES, "fault")
OFF = number_of(BAY_STATES, "off")

# Seen at the contacts.
TOUCHED = "touched"
SETTLED = "settled"
GONE = "gone"
CLEAN = "clean"  # the pins are not joined: power may be applied
JOINED = "joined"  # two pins are, or the power pin is tied to ground
OVER_CURRENT = "over_current"
OVERHEATED = "overheated"  # the block of contacts is too hot to carry current
COOLED = "cooled"
UNREADABLE = "unreadable"  # the converter or the pins failed
# Asked by the controller, or following from its silence.
SWITCHED_OFF = "switched_off"
SWITCHED_ON = "switched_on"
RECHECK = "recheck"

TRANSITIONS = {
    (FREE, TOUCHED): SETTLING,
    (FREE, UNREADABLE): FAULT,
    (SETTLING, SETTLED): CHECKING,
    (SETTLING, GONE): FREE,
    (SETTLING, UNREADABLE): FAULT,
    (CHECKING, CLEAN): DOCKED,
    (CHECKING, JOINED): FAULT,
    (CHECKING, OVERHEATED): FAULT,
    (CHECKING, GONE): FREE,
    (CHECKING, SWITCHED_OFF): OFF,
    (CHECKING, UNREADABLE): FAULT,
    (DOCKED, OVER_CURRENT): FAULT,
    (DOCKED, OVERHEATED): FAULT,
    (DOCKED, GONE): FREE,
    (DOCKED, SWITCHED_OFF): OFF,
    (DOCKED, UNREADABLE): FAULT,
    (FAULT, GONE): FREE,
    (FAULT, RECHECK): CHECKING,
    (FAULT, COOLED): CHECKING,
    (OFF, SWITCHED_ON): CHECKING,
    (OFF, GONE): FREE,
    (OFF, UNREADABLE): FAULT,
}

# States in which the bay's power switch is closed; in all others it is open.
POWERED = (DOCKED,)

# What a bay shows while the controller has not said otherwise: words of schema.LAMP_PATTERNS.
OWN_LAMP = {
    FREE: "free",
    SETTLING: "free",
    CHECKING: "docked",
    DOCKED: "docked",
    FAULT: "error",
    OFF: "off",
}

# In these the lamp is the bay's own, and what the controller had it show is over: the camera is gone, or in trouble.
LAMP_RESET = (FREE, FAULT)

# How often a bay is looked at. Settling is watched closely because bounces are counted; a docked camera closely
# enough that power is off within 5 + 2 ms of the presence pin (the shortest) breaking, before the power pins part.
SAMPLE_MS = {
    FREE: 5,
    SETTLING: 2,
    CHECKING: 2,
    DOCKED: 5,
    FAULT: 20,
    OFF: 20,
}
SAMPLE_WAVERING_MS = 2  # after one open sample of a closed contact
