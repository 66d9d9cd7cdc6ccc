"""The boards as a page shows them: ``docs/boards.md`` has the table between its marks."""

from __future__ import annotations

from host_tools.hardware.files import board_models, find_board
from host_tools.hardware.model import Board


def boards() -> str:
    """A table of all boards, a row each, with a link to its file and its drawing."""
    lines = [
        "| board | module | interpreter | USB | functions (endpoints) | budgets: heap, firmware | slots | pins |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(find_board(model)) for model in board_models()]
    return "\n".join(lines) + "\n"


def _row(board: Board) -> str:
    functions = ", ".join(f"{function.name} {function.kind} ({function.endpoints})" for function in board.usb.functions)
    used = sum(function.endpoints for function in board.usb.functions)
    slots = ", ".join(slot.name for slot in board.update.slots)
    cells = (
        f"[`{board.model}`](../boards/{board.model}/board.toml)",
        board.soc.module,
        board.soc.python,
        f"{board.usb.vid:04x}:{board.usb.pid:04x}",
        f"{functions}: {used} of {board.usb.endpoints_max}",
        f"{_size(board.memory.heap_bytes)}, {_size(board.memory.firmware_bytes_max)}",
        f"{slots} by {board.update.method}",
        f"[drawing](boards/{board.model}.svg)",
    )
    return "| " + " | ".join(cells) + " |"


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MiB" if size_bytes >= 1 << 20 else f"{size_bytes >> 10} KiB"
