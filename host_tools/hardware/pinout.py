"""What is on each pin of a board's header, and the drawing of it.

Law: pure. The terminal's table is drawn by the command line from the same rows.
"""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape

from host_tools.hardware.files import find_board
from host_tools.hardware.headers import HEADERS, LAYOUT, SUPPLIES
from host_tools.hardware.model import Board, SocPin

FREE = "free"
GROUND = "ground"
SUPPLY = "supply"
GROUNDS = ("GND", "AGND")

# What a pin is used for -> its colour, in the drawing and in the terminal.
COLOURS: dict[str, str] = {
    "in": "#2f7ed8",
    "out": "#d1462f",
    "adc": "#8e44ad",
    "i2c": "#16866f",
    "i2s": "#b8860b",
    "pwm": "#c2437e",
    "spi": "#4b6b8a",
    "uart": "#5d7a1f",
    GROUND: "#222222",
    SUPPLY: "#a61c1c",
    FREE: "#c8c8c8",
}

ROW_PX = 24
TOP_PX = 64
WIDTH_PX = 820
PAD_PX = 9  # radius of a pin
COLUMN_PX = 15  # from the middle to a column of pins
TEXT_PX = 40  # from the middle to the text beside them
LINE_PX = 18


class HeaderPin(NamedTuple):
    """``what``: a key of COLOURS; ``label``: what the header calls it; ``name``: the board's own name, empty if it has
    none; ``notes``: what else there is to know, such as ``active low``."""

    number: int
    what: str
    label: str
    name: str
    notes: str


def header_rows(board: Board) -> list[tuple[HeaderPin, HeaderPin]]:
    """The header from its pin 1 on, the two pins of a row side by side."""
    used = {pin.physical: pin for pin in board.pins.soc if pin.physical is not None}
    gpios = {number: gpio for gpio, number in HEADERS[board.soc.header].items()}
    supplies = SUPPLIES[board.soc.header]

    def view(number: int) -> HeaderPin:
        if number in supplies:
            label = supplies[number]
            return HeaderPin(number, GROUND if label in GROUNDS else SUPPLY, label, "", "")
        pin = used.get(number)
        label = f"GPIO {gpios[number]}"
        return HeaderPin(number, FREE, label, "", "") if pin is None else _used(number, label, pin)

    return [(view(left), view(right)) for left, right in LAYOUT[board.soc.header]]


def elsewhere(board: Board) -> list[str]:
    """Lines of the board that are not on the header: the processor's own, and those of shift registers."""
    lines = [
        f"GPIO {pin.gpio}: {pin.name}, {pin.function}, on the module itself"
        for pin in board.pins.soc
        if pin.physical is None
    ]
    chips = {pin.chip: [each for each in board.pins.expander if each.chip == pin.chip] for pin in board.pins.expander}
    for chip, pins in chips.items():
        names = ", ".join(f"{pin.bit} {pin.name}" for pin in pins)
        lines.append(f"{chip}: {names}")
    return lines


def pinout_svg(model: str) -> str:
    """The drawing of a board's header. BoardFileError for a board that is not there."""
    board = find_board(model)
    rows = header_rows(board)
    notes = [line for text in elsewhere(board) for line in _wrapped(text)]
    header_bottom_px = TOP_PX + ROW_PX * len(rows) + 12
    height_px = header_bottom_px + 30 + LINE_PX * len(notes) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height_px}" role="img" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12">',
        f"<title>{escape(board.title)}: pin-out</title>",
        f'<rect width="{WIDTH_PX}" height="{height_px}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold" fill="#111111">{escape(board.title)}</text>',
        f'<text x="16" y="46" fill="#444444">{escape(_subtitle(board))}</text>',
        f'<rect x="{WIDTH_PX // 2 - 32}" y="{TOP_PX - 6}" width="64" height="{ROW_PX * len(rows) + 12}" rx="6" '
        'fill="#e9ece6" stroke="#8a9a80"/>',
    ]
    for index, (left, right) in enumerate(rows):
        y_px = TOP_PX + ROW_PX * index + ROW_PX // 2
        parts += _pin(left, -1, y_px) + _pin(right, 1, y_px)
    parts += _legend(header_bottom_px + 18)
    for index, note in enumerate(notes):
        y_px = header_bottom_px + 44 + LINE_PX * index
        parts.append(f'<text x="16" y="{y_px}" fill="#444444">{escape(note)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _used(number: int, label: str, pin: SocPin) -> HeaderPin:
    notes = [pin.function]
    if pin.active == "low":
        notes.append("active low")
    if pin.pull != "none":
        notes.append(f"pull {pin.pull}")
    return HeaderPin(number, pin.function, label, pin.name, ", ".join(notes))


def _subtitle(board: Board) -> str:
    header = {"pico": "Pico header, USB connector at the top", "pi40": "40-pin header, pin 1 at the top left"}
    return f"{board.model}, revision {board.revision}; {board.soc.module}; {header[board.soc.header]}"


def _pin(pin: HeaderPin, side: int, y_px: int) -> list[str]:
    """One pin with its texts; ``side``: -1 left, 1 right."""
    middle_px = WIDTH_PX // 2
    x_px = middle_px + side * COLUMN_PX
    colour = COLOURS[pin.what]
    ink = "#333333" if pin.what == FREE else "#ffffff"
    anchor = "end" if side < 0 else "start"
    label_px, name_px = middle_px + side * TEXT_PX, middle_px + side * (TEXT_PX + 62)
    shape = (
        f'<rect x="{x_px - PAD_PX}" y="{y_px - PAD_PX}" width="{2 * PAD_PX}" height="{2 * PAD_PX}" fill="{colour}"/>'
        if pin.number == 1
        else f'<circle cx="{x_px}" cy="{y_px}" r="{PAD_PX}" fill="{colour}"/>'
    )
    texts = [
        shape,
        f'<text x="{x_px}" y="{y_px + 3}" text-anchor="middle" font-size="9" fill="{ink}">{pin.number}</text>',
        f'<text x="{label_px}" y="{y_px + 4}" text-anchor="{anchor}" fill="#777777">{escape(pin.label)}</text>',
    ]
    if pin.name:
        name = f'<tspan font-weight="bold" fill="{colour}">{escape(pin.name)}</tspan>'
        notes = f'<tspan fill="#777777">{escape(pin.notes)}</tspan>'
        both = f"{notes}  {name}" if side < 0 else f"{name}  {notes}"
        texts.append(f'<text x="{name_px}" y="{y_px + 4}" text-anchor="{anchor}" xml:space="preserve">{both}</text>')
    return texts


def _legend(y_px: int) -> list[str]:
    parts: list[str] = []
    step_px = (WIDTH_PX - 32) // len(COLOURS)
    for index, (what, colour) in enumerate(COLOURS.items()):
        x_px = 16 + step_px * index
        parts.append(f'<circle cx="{x_px + 6}" cy="{y_px - 4}" r="6" fill="{colour}"/>')
        parts.append(f'<text x="{x_px + 17}" y="{y_px}" fill="#444444">{what}</text>')
    return parts


def _wrapped(text: str, characters: int = 120) -> list[str]:
    """Lines of a long list, broken between its parts."""
    lines = [""]
    for part in text.split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(longer) > characters:
            lines.append("    " + part)
        else:
            lines[-1] = longer
    return lines
