"""When a system may be reset, and what goes with it. CTRL-22, CTRL-02.

Law: pure. In a standard system nothing may be lost by a reset: every camera was removed, and everything delivered. In
evaluation mode recordings may be there, and cameras that are away are only warned about.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

SHOWN_MAX = 5  # of a list in one line


class Standing(NamedTuple):
    """What there is. ``cameras``: of the system, by serial; ``docked``: those of them that are here; ``undelivered``:
    recordings on the controller or in part on it; ``set_aside``: those nothing is tried with."""

    evaluation: bool
    cameras: Collection[str]
    docked: Collection[str]
    undelivered: int
    set_aside: int


@dataclass(frozen=True, slots=True)
class Reason:
    """``code``: one of ``REASONS``, for whoever says it in other words; ``names``: of some of ``count`` things."""

    code: str
    count: int
    names: tuple[str, ...]
    text: str


class Verdict(NamedTuple):
    """``left``: why it may not be done; ``goes``: what goes with it, and what stays behind."""

    left: list[Reason]
    goes: list[Reason]

    @property
    def obstacles(self) -> list[str]:
        """Why it may not be done, one line each."""
        return [reason.text for reason in self.left]

    @property
    def warnings(self) -> list[str]:
        """What goes with it, one line each."""
        return [reason.text for reason in self.goes]


DOCKED, AWAY, AWAY_STAY = "cameras_docked", "cameras_away", "cameras_stay"
UNDELIVERED, UNDELIVERED_STAY, SET_ASIDE = "undelivered", "undelivered_stay", "set_aside"
FOLLOW, UNDELIVERED_FOLLOW, REFUSED = "recordings_follow", "undelivered_follow", "refused"
REASONS: Final[dict[str, str]] = {
    DOCKED: "{count} cameras are docked and belong here ({names}): remove them first",
    AWAY: "{count} cameras are away ({names}): dock and remove them, or force-remove them",
    AWAY_STAY: "{count} cameras are away ({names}): they stay as they are, and are reset by their buttons",
    UNDELIVERED: "{count} recordings are not delivered: wait, retry the transfer, or download them",
    UNDELIVERED_STAY: "{count} recordings are not delivered: they stay on the controller until its folder is deleted",
    SET_ASIDE: "{count} recordings were set aside: download or reject them first",
    FOLLOW: "recordings that cameras still have go to the next destination",
    UNDELIVERED_FOLLOW: "{count} recordings are not delivered: they go to the next destination",
    REFUSED: "recordings were set aside for what this destination has refused: send or archive them first",
}


def judge_reset(standing: Standing) -> Verdict:
    """Whether the system may be reset now."""
    verdict = Verdict([], [])
    away = sorted(set(standing.cameras) - set(standing.docked))
    here = sorted(set(standing.cameras) & set(standing.docked))
    if here:
        verdict.left.append(_reason(DOCKED, len(here), here))
    if away and standing.evaluation:
        verdict.goes.append(_reason(AWAY_STAY, len(away), away))
    elif away:
        verdict.left.append(_reason(AWAY, len(away), away))
    if standing.undelivered and standing.evaluation:
        verdict.goes.append(_reason(UNDELIVERED_STAY, standing.undelivered))
    elif standing.undelivered:
        verdict.left.append(_reason(UNDELIVERED, standing.undelivered))
    if standing.set_aside and not standing.evaluation:
        verdict.left.append(_reason(SET_ASIDE, standing.set_aside))
    return verdict


def judge_leaving(standing: Standing) -> Verdict:
    """Whether the system may leave its destination now: what is on its way there would be stranded."""
    verdict = Verdict([], [_reason(FOLLOW, 0)])
    if standing.undelivered and standing.evaluation:
        verdict.goes.append(_reason(UNDELIVERED_FOLLOW, standing.undelivered))
    elif standing.undelivered:
        verdict.left.append(_reason(UNDELIVERED, standing.undelivered))
    if standing.set_aside:
        verdict.left.append(_reason(REFUSED, standing.set_aside))
    return verdict


def _reason(code: str, count: int, names: Sequence[str] = ()) -> Reason:
    text = REASONS[code].format(count=count, names=_some(names))
    return Reason(code, count, tuple(names[:SHOWN_MAX]), text)


def _some(serials: Sequence[str]) -> str:
    return ", ".join(serials[:SHOWN_MAX]) + (" …" if len(serials) > SHOWN_MAX else "")
