"""Secrets that are typed: not shown, and asked for only where somebody can type.

Law: without a terminal nothing is read from elsewhere in its place; the line says which option takes a file.
"""

from __future__ import annotations

import os
import sys

import typer

TERMINAL = "/dev/tty"


class NoTerminal(Exception):
    """Nobody can be asked. One line that names the option."""


def ask_secret(prompt: str, option: str, twice: bool = False, err: bool = False) -> str:
    """What somebody types. ``option``: takes a file instead; ``err``: ask on standard error. NoTerminal."""
    if not has_terminal():
        raise NoTerminal(f"{prompt[:1].lower()}{prompt[1:]}: no terminal to ask at: use {option}")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=err))


def has_terminal() -> bool:
    """Whether what is typed can be read unseen."""
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
