"""The log of a controller is read by people: sentences."""

from __future__ import annotations

import string

from host_tools.controller.happening_words import SENTENCES, sentence


def test_a_happening_is_a_sentence():
    assert sentence("docked", {"camera": "CAM-1", "dock": "DOCK-1", "bay": 2}) == "CAM-1 is docked, DOCK-1 bay 2"
    text = "CAM-1: waits to be added"
    assert sentence("stranger", {"camera": "CAM-1", "admission": "factory", "text": text}) == text
    assert sentence("reader", {"url": "usb://1", "state": "ready", "text": ""}) == "reader usb://1: ready"


def test_what_has_no_sentence_is_told_without_what_is_empty():
    assert sentence("some_word", {"camera": "CAM-1", "text": "", "count": 0}) == "some word camera=CAM-1 count=0"
    assert sentence("docked", {"camera": "CAM-1"}) == "docked camera=CAM-1"


def test_a_board_that_says_lines_makes_no_line():
    assert "\n" not in sentence("trouble", {"recording": "00", "text": "one\ntwo"})
    for words in SENTENCES.values():
        assert [each for each in string.Formatter().parse(words) if each[1]], words
