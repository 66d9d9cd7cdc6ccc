"""A board's suite is taken from its file, and a camera that seals never passes for one that does not."""

import pytest

from firmware.formats.chunk import SUITE_CLEAR
from firmware.secure.suite import SEALED_ONLY
from host_tools.controller.members import Member, Members
from host_tools.controller.suites import suites_by_board
from host_tools.hardware import board_models, find_board

BOARDS = {model: find_board(model) for model in board_models()}
SEALING = BOARDS["pi_zero_2w_camera"]
CLEAR = SEALING.model_copy(
    update={"model": "lab_camera", "firmware": SEALING.firmware.model_copy(update={"suite": SUITE_CLEAR})}
)


@pytest.mark.req("CAM-19")
def test_the_board_file_decides():
    members = Members()
    suites_of = suites_by_board(members, {**BOARDS, "lab_camera": CLEAR})
    assert suites_of("CAM-0001") == SEALED_ONLY  # nobody knows it yet
    for model, suites in (
        ("pi_zero_2w_camera", SEALED_ONLY),
        ("lab_camera", {SUITE_CLEAR}),
        ("a model of the future", SEALED_ONLY),
        ("pico_dock_1", SEALED_ONLY),
    ):
        members.note(Member("CAM-0001", model, 0, 0))
        assert suites_of("CAM-0001") == suites


def test_all_cameras_of_the_house_seal():
    assert all(board.firmware.suite == "aes-256-gcm" for board in BOARDS.values() if board.kind == "camera")
    assert all(board.firmware.suite is None for board in BOARDS.values() if board.kind == "dock")
