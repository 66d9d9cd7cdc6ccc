"""The firmware of pi_dock: its application on its platform."""

from boards.pi_dock.board_data import BOARD
from firmware.dock import compose
from firmware.platform.linux import board


def main() -> None:
    """Be this board."""
    board.main(compose, BOARD)


if __name__ == "__main__":
    main()
