"""A whole dock as a MicroPython process: ``dock_program.py WORLD [CABLE [BAYS]]``.

Portable. WORLD is the descriptor at whose other end pins and converters are; CABLE a terminal's path or a descriptor,
without it standard input and output are the cable; BAYS how many it has, one unless it is said.
"""

import sys

from firmware.dock import compose
from firmware.platform.unix_micropython.runner import Ports, run
from firmware.platform.unix_micropython.stream import standard_stream, stream_of
from firmware.platform.unix_micropython.world import WorldAdc, WorldPins, world_of
from tests.parity.dock_board import BOARD, WATCHDOG_MS


def place(text):
    return int(text) if text.isdigit() else text


def main(arguments):
    world = world_of(place(arguments[0]))
    stream = stream_of(place(arguments[1])) if len(arguments) > 1 else standard_stream()
    ports = Ports(stream, WorldPins(world), WorldAdc(world), WATCHDOG_MS)
    board = dict(BOARD)
    if len(arguments) > 2:
        board["bays"] = list(range(1, int(arguments[2]) + 1))
    run(compose(ports, board), ports)


if __name__ == "__main__":
    main(sys.argv[1:])
