"""The board that the dock's process is: what its board.toml would say. Portable."""

WATCHDOG_MS = 8000

BOARD = {
    "model": "pico_dock_1",
    "serial": "E6614C311B7A2F21",
    "firmware": "0.1.0",
    "bays": [1],
    "dock": {"presence_open_uv": 2800000, "over_current_ua": 1400000, "shunt_uohm": 50000},
    "payload_bytes": 512,
}
