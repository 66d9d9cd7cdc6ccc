"""A satellite receiver at a UART, as far as a pseudo-terminal is one."""

import os
import termios
from pathlib import Path
from typing import Any

import pytest

from firmware.camera.location import Location
from firmware.formats import track
from firmware.platform.linux.receiver import open_receiver, receiver_or_none
from firmware.ports.errors import PortFault
from host_tools.hardware import board_data, find_board
from tests.unit.drivers.test_nmea import FIX, HERE


def camera() -> dict[str, Any]:
    return board_data(find_board("pi_zero_2w_camera"))


@pytest.mark.req("CAM-09")
def test_what_comes_at_the_uart_of_the_board_file_is_noted(tmp_path: Path):
    master, slave = os.openpty()
    (tmp_path / "serial0").symlink_to(os.ttyname(slave))
    stream = open_receiver(camera(), str(tmp_path / "serial%d"))
    assert stream is not None
    try:
        assert termios.tcgetattr(slave)[4:6] == [termios.B9600, termios.B9600]
        location = Location(stream)
        os.write(master, HERE[:50])
        location.step(0, "recording", False, 0)
        os.write(master, b"\x00\xff" + HERE)
        location.step(200, "recording", False, 0)
        (place,) = track.unpack(location.take_block())
        assert (place.latitude, place.longitude, place.at_ms) == (FIX.latitude, FIX.longitude, 200)
        assert location.reader.garbage == 1
    finally:
        stream.close()
        os.close(master)
        os.close(slave)


@pytest.mark.req("CAM-09")
def test_a_camera_whose_uart_is_not_there_goes_without(tmp_path: Path):
    with pytest.raises(PortFault, match="serial0 cannot be opened"):
        open_receiver(camera(), str(tmp_path / "serial%d"))
    assert receiver_or_none(camera(), str(tmp_path / "serial%d")) is None
    without = {**camera(), "chips": {}}
    assert open_receiver(without) is None
