"""For the suites of this room, which run under pytest and under MicroPython alike."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable


def expect_fault(fault: "type[Exception]", operation: "Callable[..., object]", *arguments: object) -> str:
    """Call ``operation`` and return the text of the ``fault`` that it must raise; AssertionError if it does not."""
    try:
        operation(*arguments)
    except fault as raised:
        text = str(raised)
        assert text != "", "a fault needs a text"
        assert "\n" not in text, "a fault's text is one line"
        return text
    raise AssertionError("%s was not raised" % fault.__name__)
