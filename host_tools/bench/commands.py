"""Commands of a bench file: which placeholders each of them has, and how it is filled in.

Law: pure. No shell reads a command: it is split into words first, and filled in afterwards.
"""

from __future__ import annotations

import shlex
import string

from host_tools.hardware.errors import nearest

ALWAYS = ("board", "serial", "dock", "bay")
FURTHER = {"press": ("button", "hold_s"), "slow": ("bytes_per_s",), "cell": ("percent",)}  # of one command alone


def filled(command: str, values: dict[str, object]) -> list[str]:
    """The words of a command with its placeholders filled in."""
    return [word.format(**values) for word in shlex.split(command)]


def problem_with_command(command: str, verb: str) -> str:
    """What is wrong with the command of that key, and the remedy; empty if nothing is."""
    known = (*ALWAYS, *FURTHER.get(verb, ()))
    try:
        words = shlex.split(command)
        names = [name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None]
    except ValueError as error:
        return f"{command!r} is no command ({error}); close its quotes and braces, and write {{{{ for a brace itself"
    if not words:
        return "names no program; write one, or leave the key out"
    for name in names:
        if name not in known:
            return f"{{{name}}} is no placeholder; {nearest(name, known, 'known')}"
    try:
        filled(command, {name: 0 if name in ("bay", "hold_s", "bytes_per_s", "percent") else "" for name in known})
    except (ValueError, TypeError) as error:
        return f"{command!r} cannot be filled in ({error}); write a placeholder as {{board}}"
    return ""
