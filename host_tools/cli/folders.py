"""Folders that programs make for themselves, and what one program looks for in another's."""

from __future__ import annotations

import os
from pathlib import Path

from host_tools.cli.trusting import FOLDER_MODE
from host_tools.controller.settings import SettingsError

MAKER_FILE = "maker.pem"  # in a bench's folder: whom a system must trust before it can add the bench's cameras


def make_folder(folder: Path) -> Path:
    """The folder, made if it is not there, for nobody else to look into. SettingsError names one that cannot be."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be made ({error.strerror}); choose a folder you may write") from error
    if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise SettingsError(f"{folder}: cannot be written; choose a folder you may write")
    return folder
