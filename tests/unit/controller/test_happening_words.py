"""The log of a controller is read by people: sentences."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import host_tools.controller
from host_tools.controller.happening_words import SENTENCES, sentence

TELLING = ("tell", "_tell", "_tell_offer")


def test_a_happening_is_a_sentence():
    assert sentence("docked", {"camera": "CAM-1", "dock": "DOCK-1", "bay": 2}) == "CAM-1 is docked, DOCK-1 bay 2"
    text = "CAM-1: waits to be added"
    assert sentence("stranger", {"camera": "CAM-1", "admission": "factory", "text": text}) == text
    assert sentence("reader", {"url": "usb://1", "state": "ready", "text": ""}) == "reader usb://1: ready"


def test_whatever_a_controller_tells_is_a_sentence():
    told: set[str] = set()
    for module in Path(host_tools.controller.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TELLING:
                told |= {str(each.value) for each in node.args[:2] if isinstance(each, ast.Constant)}
    assert len(told) > 40
    assert told - SENTENCES.keys() == {"progress", "reader"}  # the first makes no line, the second has cases


def test_a_tap_shows_what_it_came_to():
    tap = {"reader": "usb://1", "place": "hall", "tag": "…1a2b", "wearer": "W-1", "outcome": "refused", "camera": ""}
    text = "no camera is charged enough"
    assert sentence("tap", {**tap, "reasons": {}, "text": text}) == f"usb://1: badge …1a2b: {text}"
    over = {"kind": "docking_issue", "device": "DOCK-1:2"}
    assert sentence("contact_alert_over", over) == "DOCK-1:2: docking issue is over"


def test_what_has_no_sentence_is_told_without_what_is_empty():
    assert sentence("some_word", {"camera": "CAM-1", "text": "", "count": 0}) == "some word camera=CAM-1 count=0"
    assert sentence("docked", {"camera": "CAM-1"}) == "docked camera=CAM-1"
    assert sentence("reader", {"url": "usb://1"}) == "reader usb://1"  # of a controller of another version


def test_a_board_that_says_lines_makes_no_line():
    assert "\n" not in sentence("trouble", {"recording": "00", "text": "one\ntwo"})
    for words in SENTENCES.values():
        assert [each for each in string.Formatter().parse(words) if each[1]], words
