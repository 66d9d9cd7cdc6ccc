"""Pin headers: what is on which pin, and which GPIO can be which line of which bus.

Law: facts of processors and headers, from their makers' documents; a wiring list that contradicts them cannot be wired.
Sources: pinout figure of the Raspberry Pi Pico datasheet and function table of the RP2040 datasheet (section 1.4.3);
40-pin header of the Raspberry Pi (BCM numbering) and alternate functions of the BCM2835 peripherals document.
"""

from __future__ import annotations

# processor -> (header of its boards, cores, interpreter of the firmware on it)
SOCS: dict[str, tuple[str, int, str]] = {
    "RP2040": ("pico", 2, "micropython"),
    "RP2350": ("pico", 2, "micropython"),
    "BCM2835": ("pi40", 1, "cpython"),
    "BCM2710A1": ("pi40", 4, "cpython"),
    "BCM2711": ("pi40", 4, "cpython"),
    "BCM2712": ("pi40", 4, "cpython"),
}

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

# header -> number -> what is there instead of a GPIO
SUPPLIES: dict[str, dict[int, str]] = {
    "pico": {
        **dict.fromkeys((3, 8, 13, 18, 23, 28, 38), "GND"),
        30: "RUN", 33: "AGND", 35: "ADC_VREF", 36: "3V3", 37: "3V3_EN", 39: "VSYS", 40: "VBUS",
    },
    "pi40": {
        **dict.fromkeys((6, 9, 14, 20, 25, 30, 34, 39), "GND"),
        1: "3V3", 2: "5V", 4: "5V", 17: "3V3",
    },
}  # fmt: skip

# The Pico counts down one long side and up the other; the Pi's header has odd and even numbers side by side.
LAYOUT: dict[str, tuple[tuple[int, int], ...]] = {
    "pico": tuple((number, 41 - number) for number in range(1, 21)),
    "pi40": tuple((number, number + 1) for number in range(1, 40, 2)),
}

# Headers whose GPIOs include converter inputs.
ADC_GPIOS: dict[str, tuple[int, ...]] = {"pico": (26, 27, 28, 29), "pi40": ()}

GPIOS_OF_PICO = range(30)

# header -> (kind, unit) -> GPIOs that can be a line of that bus. A unit that is not here is not on the header.
BUS_GPIOS: dict[str, dict[tuple[str, int], frozenset[int]]] = {
    "pico": {
        ("i2c", 0): frozenset(gpio for gpio in GPIOS_OF_PICO if gpio % 4 in (0, 1)),
        ("i2c", 1): frozenset(gpio for gpio in GPIOS_OF_PICO if gpio % 4 in (2, 3)),
        ("spi", 0): frozenset(gpio for gpio in GPIOS_OF_PICO if gpio // 8 % 2 == 0),
        ("spi", 1): frozenset(gpio for gpio in GPIOS_OF_PICO if gpio // 8 % 2 == 1),
        ("uart", 0): frozenset(gpio for gpio in GPIOS_OF_PICO if (gpio + 4) // 8 % 2 == 0),
        ("uart", 1): frozenset(gpio for gpio in GPIOS_OF_PICO if (gpio + 4) // 8 % 2 == 1),
    },
    "pi40": {
        ("i2c", 0): frozenset((0, 1)),
        ("i2c", 1): frozenset((2, 3)),
        ("spi", 0): frozenset((7, 8, 9, 10, 11)),
        ("spi", 1): frozenset((16, 17, 18, 19, 20, 21)),
        ("uart", 0): frozenset((14, 15, 16, 17)),
        ("i2s", 0): frozenset((18, 19, 20, 21)),
    },
}

# GPIOs with a hardware pulse generator; every GPIO of an RP2040 has one.
PWM_GPIOS: dict[str, frozenset[int]] = {"pico": frozenset(GPIOS_OF_PICO), "pi40": frozenset((12, 13, 18, 19))}
