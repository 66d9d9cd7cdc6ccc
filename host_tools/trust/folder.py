"""Where the trust record lies: one file of the files port, written once and moved into place. Its mode is the
port's: on Linux nobody but the controller's own account can read it.
"""

from __future__ import annotations

from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from host_tools.trust import record
from host_tools.trust.errors import TrustError, TrustFileError
from host_tools.trust.record import TrustRecord

PATH = "trust"
_NEW = PATH + ".new"


def exists(files: Files) -> bool:
    """Whether a system's trust is here."""
    return files.exists(PATH)


def require_empty(files: Files) -> None:
    """TrustError if a system's trust is here: it is never overwritten."""
    if exists(files):
        raise TrustError("this folder holds a system's trust already: use an empty one")


def read(files: Files) -> TrustRecord:
    """The record. TrustFileError if it is not there or does not hold."""
    try:
        file = files.open(PATH)
    except NotFound as error:
        raise TrustFileError("no system's trust is here: set up a system, or restore one from its key") from error
    try:
        data = bytearray(min(file.size_bytes(), record.RECORD_BYTES_MAX + 1))
        file.read_at(0, data)
    finally:
        file.close()
    return record.decode(bytes(data))


def write(files: Files, changed: TrustRecord) -> None:
    """Replace the record, durably and as a whole."""
    data = record.encode(changed)
    if files.exists(_NEW):
        files.remove(_NEW)
    file = files.create(_NEW)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()
    files.rename(_NEW, PATH)
    files.sync_folder("")
