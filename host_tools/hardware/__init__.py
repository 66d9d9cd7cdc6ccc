"""Boards as data, and where they sit on USB.

Law: reads board.toml files and the sysfs layout of USB; opens no device, imports no board and no application.
A board file is checked when it is loaded: what is wrong with it is said in one line with file, line and key.
"""

from host_tools.hardware.errors import BoardFileError
from host_tools.hardware.export import board_data
from host_tools.hardware.files import board_models, find_board, load_board
from host_tools.hardware.model import Board
from host_tools.hardware.source import board_data_source
from host_tools.hardware.usb import UsbDevice, bay_of, device_of_tty, find_device, link_tty, read_usb_tree

__all__ = (
    "Board",
    "BoardFileError",
    "UsbDevice",
    "bay_of",
    "board_data",
    "board_data_source",
    "board_models",
    "device_of_tty",
    "find_board",
    "find_device",
    "link_tty",
    "load_board",
    "read_usb_tree",
)
