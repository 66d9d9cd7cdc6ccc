"""A domain in memory, and people and cameras to put into it."""

from __future__ import annotations

from host_tools.hardware import find_board
from host_tools.system.catalogue import abilities_of
from host_tools.system.records import CameraEntry, FixedAssignment, Wearer
from host_tools.system.system import System

NOW_MS = 1_767_225_600_000
ZERO, CM4 = "pi_zero_2w_camera", "pi_cm4_camera"
ABILITIES = {model: abilities_of(find_board(model)) for model in (ZERO, CM4)}
ADA = Wearer(id="W-001", name="Ada Lovelace", tags=("04A1B2C3",))
EVE = Wearer(id="W-002", name="Eve Example")


def make_system() -> System:
    """Ada has CAM-0001 for always; Eve has nothing; CAM-0002 is a bigger model and nobody's."""
    system = System(abilities=ABILITIES)
    with system.change("ann", NOW_MS) as edit:
        edit.put(ADA)
        edit.put(EVE)
        edit.put(CameraEntry(serial="CAM-0001", model=ZERO))
        edit.put(CameraEntry(serial="CAM-0002", model=CM4))
        edit.put(FixedAssignment(camera="CAM-0001", wearer="W-001"))
    return system
