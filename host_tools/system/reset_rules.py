"""When a system may be reset, and what goes with it. CTRL-22, CTRL-02.

Law: pure. In a standard system nothing may be lost by a reset: every camera was removed, and everything delivered. In
evaluation mode recordings may be there, and cameras that are away are only warned about.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

SHOWN_MAX = 5  # of a list in one line


class Standing(NamedTuple):
    """What there is. ``cameras``: of the system, by serial; ``docked``: those of them that are here; ``undelivered``:
    recordings on the controller or in part on it; ``set_aside``: those nothing is tried with."""

    evaluation: bool
    cameras: Collection[str]
    docked: Collection[str]
    undelivered: int
    set_aside: int


class Verdict(NamedTuple):
    """``obstacles``: why it may not be done, one line each; ``warnings``: what goes with it."""

    obstacles: list[str]
    warnings: list[str]


def judge_reset(standing: Standing) -> Verdict:
    """Whether the system may be reset now."""
    obstacles: list[str] = []
    warnings: list[str] = []
    away = sorted(set(standing.cameras) - set(standing.docked))
    here = sorted(set(standing.cameras) & set(standing.docked))
    if here:
        obstacles.append(f"{len(here)} cameras are docked and belong here ({_some(here)}): remove them first")
    if away:
        line = f"{len(away)} cameras are away ({_some(away)})"
        if standing.evaluation:
            warnings.append(f"{line}: they stay as they are, and are reset by their buttons")
        else:
            obstacles.append(f"{line}: dock and remove them, or force-remove them")
    if standing.undelivered:
        line = f"{standing.undelivered} recordings are not delivered"
        if standing.evaluation:
            warnings.append(f"{line}: they stay on the controller until its folder is deleted")
        else:
            obstacles.append(f"{line}: wait, retry the transfer, or download them")
    if standing.set_aside and not standing.evaluation:
        obstacles.append(f"{standing.set_aside} recordings were set aside: download or reject them first")
    return Verdict(obstacles, warnings)


def judge_leaving(standing: Standing) -> Verdict:
    """Whether the system may leave its destination now: what is on its way there would be stranded."""
    obstacles: list[str] = []
    warnings = ["recordings that cameras still have go to the next destination"]
    if standing.undelivered:
        line = f"{standing.undelivered} recordings are not delivered"
        if standing.evaluation:
            warnings.append(f"{line}: they go to the next destination")
        else:
            obstacles.append(f"{line}: wait, retry the transfer, or download them")
    if standing.set_aside:
        obstacles.append("recordings were set aside for what this destination has refused: send or archive them first")
    return Verdict(obstacles, warnings)


def _some(serials: list[str]) -> str:
    return ", ".join(serials[:SHOWN_MAX]) + (" …" if len(serials) > SHOWN_MAX else "")
