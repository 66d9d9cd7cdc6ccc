"""Each Linux board's main starts the application that its board file names, with the data that was generated of it."""

import importlib

import pytest

from host_tools.hardware import board_data, board_models, find_board

LINUX = [model for model in board_models() if find_board(model).firmware.platform == "linux"]


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", LINUX)
def test_a_main_runs_what_its_board_file_names(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    main = importlib.import_module(f"boards.{model}.main")
    started: list[tuple[str, object]] = []
    monkeypatch.setattr(main.board, "main", lambda compose, data: started.append((compose.__module__, data)))
    main.main()
    [(application, data)] = started
    assert application.startswith(find_board(model).firmware.application + ".")
    assert data == board_data(find_board(model))


def test_there_are_linux_boards() -> None:
    assert len(LINUX) == 3
