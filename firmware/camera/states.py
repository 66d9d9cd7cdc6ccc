"""The camera's states as one table. Pure: what happened goes in, the state comes out; nobody else decides one.

The states are schema.CAMERA_STATES. Some things that happen lead to different places depending on where the camera is;
their names say so, and ``placed`` makes them: ``power_on``, ``closed``, ``repaired``, ``adopt`` and ``restore``, each
followed by ``_docked``, ``_assigned`` (undocked, with a wearer) or ``_unassigned`` (undocked, without).
"""

POWER_ON = "power_on"
CLOSED = "closed"  # the recording is on the card, or lost for a reason that has been reported
REPAIRED = "repaired"  # sensor and card work again
DOCK = "dock"
UNDOCK = "undock"
RECORD = "record"
STOP = "stop"  # by the wearer, by a full card or by the sensor's end
FAULT = "fault"  # sensor or card do not work
ADOPT = "adopt"  # a system has taken the camera as its own
FORGET = "forget"  # and given it up again
LAPSE = "lapse"  # a controller's time says that the camera's certificate is not valid any more
RESTORE = "restore"  # it has a valid one again
POWER_OFF = "power_off"

# (state, what happened) -> state. What is not here must not happen: the caller has lost track of the camera.
TRANSITIONS = {
    ("off", "power_on_factory"): "factory",
    ("off", "power_on_docked"): "docked",
    ("off", "power_on_assigned"): "ready",
    ("off", "power_on_unassigned"): "unassigned",
    ("factory", "adopt_docked"): "docked",
    ("factory", "adopt_assigned"): "ready",
    ("factory", "adopt_unassigned"): "unassigned",
    ("factory", DOCK): "factory",
    ("factory", "undock_assigned"): "factory",
    ("factory", "undock_unassigned"): "factory",
    ("factory", FAULT): "malfunctioning",
    ("factory", POWER_OFF): "off",
    ("docked", "undock_assigned"): "ready",
    ("docked", "undock_unassigned"): "unassigned",
    ("docked", FORGET): "factory",
    ("docked", LAPSE): "safe_mode",
    ("docked", FAULT): "malfunctioning",
    ("docked", POWER_OFF): "off",
    ("unassigned", DOCK): "docked",
    ("unassigned", FORGET): "factory",
    ("unassigned", LAPSE): "safe_mode",
    ("unassigned", FAULT): "malfunctioning",
    ("unassigned", POWER_OFF): "off",
    ("ready", DOCK): "docked",
    ("ready", FORGET): "factory",
    ("ready", LAPSE): "safe_mode",
    ("ready", RECORD): "recording",
    ("ready", FAULT): "malfunctioning",
    ("ready", POWER_OFF): "off",
    ("recording", STOP): "finishing",
    ("recording", DOCK): "finishing",
    ("recording", POWER_OFF): "finishing",
    ("recording", FAULT): "malfunctioning",
    ("finishing", DOCK): "finishing",
    ("finishing", "undock_assigned"): "finishing",
    ("finishing", "undock_unassigned"): "finishing",
    ("finishing", POWER_OFF): "finishing",
    ("finishing", "closed_docked"): "docked",
    ("finishing", "closed_assigned"): "ready",
    ("finishing", "closed_unassigned"): "unassigned",
    ("finishing", FAULT): "malfunctioning",
    ("malfunctioning", DOCK): "malfunctioning",
    ("malfunctioning", "undock_assigned"): "malfunctioning",
    ("malfunctioning", "undock_unassigned"): "malfunctioning",
    ("malfunctioning", FAULT): "malfunctioning",
    ("malfunctioning", "repaired_docked"): "docked",
    ("malfunctioning", "repaired_assigned"): "ready",
    ("malfunctioning", "repaired_unassigned"): "unassigned",
    ("malfunctioning", POWER_OFF): "off",
    ("safe_mode", DOCK): "safe_mode",
    ("safe_mode", "undock_assigned"): "safe_mode",
    ("safe_mode", "undock_unassigned"): "safe_mode",
    ("safe_mode", "restore_docked"): "docked",
    ("safe_mode", "restore_assigned"): "ready",
    ("safe_mode", "restore_unassigned"): "unassigned",
    ("safe_mode", FORGET): "factory",
    ("safe_mode", FAULT): "malfunctioning",
    ("safe_mode", POWER_OFF): "off",
}


class BadTransition(Exception):
    """Something happened that cannot happen in that state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"camera: {event} cannot happen while {state}")
        self.state = state
        self.event = event


def next_state(state: str, event: str) -> str:
    """Where ``event`` leads from ``state``. BadTransition if it cannot happen there."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise BadTransition(state, event)
    return following


def placed(event: str, docked: bool, assigned: bool) -> str:
    """The name of ``event`` (POWER_ON, UNDOCK, CLOSED, REPAIRED, ADOPT or RESTORE) for where the camera is."""
    return f"{event}_docked" if docked else f"{event}_assigned" if assigned else f"{event}_unassigned"


def may_record(state: str) -> bool:
    """Whether a recording can begin."""
    return (state, RECORD) in TRANSITIONS


def belonging(state: str, adopted: bool, lapsed: bool) -> str:
    """What has happened to the camera's membership that ``state`` does not show yet: FORGET, LAPSE, or ADOPT or RESTORE
    for ``placed``; empty for nothing, or while something else has to end first."""
    if not adopted:
        return FORGET if (state, FORGET) in TRANSITIONS else ""
    if state == "factory":
        return ADOPT
    if lapsed:
        return LAPSE if (state, LAPSE) in TRANSITIONS else ""
    return RESTORE if state == "safe_mode" else ""
