"""Pin headers: which GPIO is on which pin. A wiring list that contradicts them cannot be wired.

Sources: pinout figure of the Raspberry Pi Pico datasheet; 40-pin header of the Raspberry Pi (BCM numbering).
"""

from __future__ import annotations

# header -> GPIO -> number on the header
HEADERS: dict[str, dict[int, int]] = {
    "pico": {
        0: 1, 1: 2, 2: 4, 3: 5, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12, 10: 14, 11: 15, 12: 16, 13: 17, 14: 19, 15: 20,
        16: 21, 17: 22, 18: 24, 19: 25, 20: 26, 21: 27, 22: 29, 26: 31, 27: 32, 28: 34,
    },
    "pi40": {
        2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22,
        11: 23, 8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40,
    },
}  # fmt: skip

# Headers whose GPIOs include converter inputs.
ADC_GPIOS: dict[str, tuple[int, ...]] = {"pico": (26, 27, 28, 29), "pi40": ()}
