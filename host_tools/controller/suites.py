"""Which suites a camera's recordings may be sealed with: what the board file of its model declares, and nothing else.

Law: from our own records, never from a recording or from what a camera says of it. Whoever is not known seals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from firmware.secure.suite import SEALED_ONLY
from host_tools.controller.members import Members
from host_tools.hardware import Board


def suites_by_board(members: Members, boards: Mapping[str, Board]) -> Callable[[str], frozenset[str]]:
    """What ``belief.of_system`` asks, by a camera's serial."""

    def suites_of(serial: str) -> frozenset[str]:
        member = members.find(serial)
        board = boards.get(member.model) if member is not None else None
        if board is None or board.firmware.suite is None:
            return SEALED_ONLY
        return frozenset({board.firmware.suite})

    return suites_of
