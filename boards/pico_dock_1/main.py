"""The firmware of pico_dock_1: its application on its platform."""

from boards.pico_dock_1.board_data import BOARD
from firmware.dock import compose
from firmware.platform.rp2 import board


def main() -> None:
    """Be this board."""
    board.main(compose, BOARD)


if __name__ == "__main__":
    main()
