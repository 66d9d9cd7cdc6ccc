"""What board.toml says of pi_dock, for its firmware. `make docs` writes it: change board.toml."""

BOARD = {
    "model": "pi_dock",
    "kind": "dock",
    "serial": "",
    "firmware": "",
    "payload_bytes": 4096,
    "watchdog_ms": 10000,
    "usb": {
        "vid": 4617,
        "pid": 5,
        "manufacturer": "OpenBWC",
        "product": "OpenBWC dock, 1 bay, Linux",
        "endpoints_max": 7,
        "functions": [
            {"name": "link", "kind": "acm"},
        ],
    },
    "pins": {
        "bay1.power": {"gpio": 23, "active_low": False, "function": "out", "pull": "down"},
        "bay1.drive": {"gpio": 24, "active_low": False, "function": "out", "pull": "down"},
        "bay1.lamp_green": {"gpio": 5, "active_low": False, "function": "out", "pull": "none"},
        "bay1.lamp_red": {"gpio": 6, "active_low": False, "function": "out", "pull": "none"},
        "spi0.ce0": {"gpio": 8, "active_low": True, "function": "spi", "pull": "none"},
        "spi0.miso": {"gpio": 9, "active_low": False, "function": "spi", "pull": "none"},
        "spi0.mosi": {"gpio": 10, "active_low": False, "function": "spi", "pull": "none"},
        "spi0.sclk": {"gpio": 11, "active_low": False, "function": "spi", "pull": "none"},
    },
    "expander": {},
    "channels": {
        "bay1.presence": {"source": "converter", "input": 0, "gain": 1.0},
        "bay1.coupling": {"source": "converter", "input": 1, "gain": 1.0},
        "bay1.supply": {"source": "converter", "input": 2, "gain": 0.5},
        "bay1.current": {"source": "converter", "input": 3, "gain": 20.0},
        "supply.rail": {"source": "converter", "input": 4, "gain": 0.5},
        "bay1.temperature": {"source": "converter", "input": 5, "gain": 1.0},
    },
    "buses": {
        "spi0": {
            "kind": "spi",
            "unit": 0,
            "pins": ["spi0.sclk", "spi0.mosi", "spi0.miso", "spi0.ce0"],
            "frequency_hz": 1000000,
        },
    },
    "chips": {
        "converter": {"part": "MCP3208", "kind": "adc", "bus": "spi0", "inputs": 8},
        "power_switch": {"part": "TPS2553", "kind": "switch"},
        "current_amplifier": {"part": "INA180A1", "kind": "amplifier"},
        "hub_chip": {"part": "USB2512B", "kind": "hub"},
    },
    "bays": [1],
    "dock": {
        "supply_uv": 5100000,
        "charge_ua": 1000000,
        "over_current_ua": 1400000,
        "shunt_uohm": 50000,
        "presence_open_uv": 2800000,
    },
}
