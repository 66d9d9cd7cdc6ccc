"""Boards in software: the same firmware, with ports supplied by physical models instead of hardware.

Law: one more platform. It supplies ports and a bench around them, and holds no second copy of firmware logic.
Imports the firmware applications by the names that board.toml gives.
"""
