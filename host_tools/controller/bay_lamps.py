"""What a bay's lamp tells of the camera in it.

Law: pure; the patterns themselves are the dock's.
"""

from host_tools.controller.cameras import CameraView
from host_tools.trust.admission import FACTORY, MEMBER


def lamp_for(view: CameraView) -> str:
    """The lamp pattern that tells a person what a docked camera is doing."""
    if view.offered:
        return "assigned"
    if view.admission == FACTORY:
        return "docked"
    if view.trouble or view.admission != MEMBER:
        return "error"
    if view.offloading or view.status.get("recordings", 0):
        return "offloading"
    return "ready" if view.wearer else "docked"
