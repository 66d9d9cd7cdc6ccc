"""What a bench can have and a scenario can ask for: the words of ``needs(...)`` and of a bench file's ``features``.

Law: words and their meaning, nothing else. A word of one bench alone begins with ``x-``; any other that is not in the
table is a slip of the pen and is answered with the nearest word there is.
"""

from __future__ import annotations

import re
from typing import Final

from host_tools.hardware.errors import nearest

FEATURE: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,40}$")
OWN_PREFIX: Final = "x-"

# Of the whole bench: whoever moves its boards, and what can be known there.
BENCH_FEATURES: Final[dict[str, str]] = {
    "any-bay": "a camera can be put into whatever bay a scenario names",
    "press": "buttons can be pressed",
    "look": "the lamps of a camera can be seen by a program, at any moment",
    "badge": "a badge can be held to an RFID reader",
    "power": "a board's own supply can be cut and restored",
    "cell": "a cell of any charge can be put into a camera",
    "hours": "a scenario may last for hours, or they are not waited for",
    "slow-link": "the line to a board can be made slow",
    "faults": "faults can be injected by name",
    "truth": "what a camera's encoder has made is known bit by bit",
    "wire": "which bytes a camera has served is known",
    "card": "what lies on a camera's card can be read",
    "kill": "the whole bench can be killed, frozen and started again",
    "factory": "a camera may leave its system and be added again",
}

# Of a board. All of them come from its description or the roster; a bench file may add its own.
BOARD_FEATURES: Final[dict[str, str]] = {
    "worn": "the roster gives the camera a wearer",
    "unworn": "the camera has no wearer",
    "battery": "the board has a battery",
    "storage": "the board keeps evidence",
    "bays-8": "a dock with eight bays",
}


def known_features() -> list[str]:
    """All words, in order."""
    return sorted({*BENCH_FEATURES, *BOARD_FEATURES})


def problem_with(feature: str) -> str:
    """Why this is no feature, and what was probably meant; empty if it is one."""
    if feature.startswith(OWN_PREFIX) or feature in BENCH_FEATURES or feature in BOARD_FEATURES:
        return ""
    return f"no feature is called {feature}; {nearest(feature, known_features(), 'features')} (your own begin with x-)"
