"""A board as plain data for its firmware: what ``compose(ports, board)`` gets, and what ``board_data.py`` holds."""

from __future__ import annotations

from typing import Any

from host_tools.hardware.model import Board, Peripheral


def board_data(board: Board, *, serial: str = "", firmware: str = "") -> dict[str, Any]:
    """Numbers, texts, lists and dicts only, so that ``repr`` of it is MicroPython source.

    ``serial``: the unit's own, empty where the board reads it from its chip. ``firmware``: version of the firmware.
    Keys: model, kind, serial, firmware, payload_bytes, watchdog_ms, usb (identity, functions in order), pins
    (name -> gpio, active_low, function, pull), expander (name -> chip, bit, active_low), channels (name -> source,
    input, gain), buses, chips (name -> part, kind and what else is known of it); a dock has bays and dock as well; a
    camera suite, storage, battery, buttons, video.
    """
    data: dict[str, Any] = {
        "model": board.model,
        "kind": board.kind,
        "serial": serial,
        "firmware": firmware,
        "payload_bytes": board.firmware.payload_bytes,
        "watchdog_ms": board.firmware.watchdog_ms,
        "usb": {
            "vid": board.usb.vid,
            "pid": board.usb.pid,
            "manufacturer": board.usb.manufacturer,
            "product": board.usb.product,
            "endpoints_max": board.usb.endpoints_max,
            "functions": [function.model_dump() for function in board.usb.functions],
        },
        "pins": {
            pin.name: {
                "gpio": pin.gpio,
                "active_low": pin.active == "low",
                "function": pin.function,
                "pull": pin.pull,
            }
            for pin in board.pins.soc
        },
        "expander": {
            pin.name: {"chip": pin.chip, "bit": pin.bit, "active_low": pin.active == "low"}
            for pin in board.pins.expander
        },
        "channels": {
            channel.name: {"source": channel.source, "input": channel.input, "gain": channel.gain}
            for channel in board.analogue.channels
        },
        "buses": {bus.name: _plain(bus.model_dump(exclude={"name"})) for bus in board.buses},
        "chips": {chip.name: _plain(_chip(chip)) for chip in board.peripherals},
    }
    if board.dock is not None:
        data["bays"] = list(board.bays)
        data["dock"] = board.dock.model_dump()
    data.update(_camera_data(board))
    return data


def _camera_data(board: Board) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if board.firmware.suite is not None:
        data["suite"] = board.firmware.suite
    if board.kind == "camera":
        data["storage"] = {medium.name: medium.model_dump(exclude={"name"}) for medium in board.storages}
    if board.battery is not None:
        data["battery"] = board.battery.model_dump()
    if board.buttons:
        data["buttons"] = {button.name: button.model_dump(exclude={"name"}) for button in board.buttons}
    if board.video is not None:
        data["video"] = _plain(board.video.model_dump())
    return data


def _chip(chip: Peripheral) -> dict[str, Any]:
    """Without what is not known of it: a small board keeps all of this in memory."""
    return chip.model_dump(exclude={"name", "note"}, exclude_defaults=True)


def _plain(value: Any) -> Any:
    """Tuples as lists."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
