"""The firmware of pi_cm4_camera: its application on its platform."""

from boards.pi_cm4_camera.board_data import BOARD
from firmware.camera import compose
from firmware.platform.linux import board


def main() -> None:
    """Be this board."""
    board.main(compose, BOARD)


if __name__ == "__main__":
    main()
