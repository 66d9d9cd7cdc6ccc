"""What devices say of themselves, fit to be shown to people.

Law: whoever is plugged in chooses these words, before anybody has proved anything. What would move a terminal's cursor,
rename its window or break a line of a log is shown as a question mark; nothing is compared after that has been done
that was equal only because of it, since serials that count are letters, digits, dots and hyphens.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The same text with a question mark for every character that is not simply seen."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)
