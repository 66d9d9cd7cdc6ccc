"""What people were told and the mails that wait, in one file of the controller's folder.

Law: written as a whole and moved into place, before anything is sent and after it was: a restart finds every mail that
was not taken yet, and none that was. Everything here blocks. The file is for its owner alone: it says what is wrong.
"""

from __future__ import annotations

import logging
import threading

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from host_tools.controller.notify_rules import Key, Told

FILE = "notify.json"
MAILS_MAX = 100  # that wait: with more, people look at the dashboard; what is still wrong is told when there is room
AGE_MS_MAX = 3 * 86_400_000  # a mail that nobody took for so long says nothing new
BYTES_MAX = 4 << 20  # of the file: far above MAILS_MAX mails

LOG = logging.getLogger("openbwc.controller")


class Mail(BaseModel):
    """One that waits. ``id``: of its Message-ID, by which a reader's program knows a copy."""

    model_config = ConfigDict(extra="forbid")

    id: str
    subject: str
    body: str
    made_ms: int


class Book(BaseModel):
    """All that is kept. ``told``: event, device, what people know of it; ``made``: mails ever written."""

    model_config = ConfigDict(extra="forbid")

    made: int = 0
    told: list[tuple[str, str, Told]] = Field(default_factory=list[tuple[str, str, Told]])
    mails: list[Mail] = Field(default_factory=list[Mail])


class Outbox:
    """``files``: the controller's folder. PortFault from whatever writes."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._book = self._read()

    def told(self) -> dict[Key, Told]:
        """What people know, to be changed and given to ``keep``."""
        return {(event, device): told.model_copy(deep=True) for event, device, told in self._book.told}

    def mails(self) -> list[Mail]:
        """Those that wait, oldest first."""
        with self._lock:
            return list(self._book.mails)

    def number(self) -> int:
        """Of the next mail; none has it twice."""
        return self._book.made + 1

    def keep(self, new: list[Mail], told: dict[Key, Told]) -> None:
        """Take mails in, with what people are told by them. Durable when this returns, undone when it raises."""
        with self._lock:
            mails = [*self._book.mails, *new]
            rows = [(event, device, each) for (event, device), each in sorted(told.items())]
            self._write(Book(made=self._book.made + len(new), told=rows, mails=mails))

    def drop(self, mail_id: str) -> None:
        """This one is sent, or too old. Durable when this returns."""
        with self._lock:
            left = [mail for mail in self._book.mails if mail.id != mail_id]
            self._write(Book(made=self._book.made, told=self._book.told, mails=left))

    def forget(self) -> None:
        """Nobody is to be told anything any more, and nobody has been."""
        with self._lock:
            if self._book.mails or self._book.told:
                self._write(Book(made=self._book.made))

    def _read(self) -> Book:
        try:
            if not self._files.exists(FILE):
                return Book()
            file = self._files.open(FILE)
            try:
                data = bytearray(min(file.size_bytes(), BYTES_MAX))
                file.read_at(0, data)
            finally:
                file.close()
            return Book.model_validate_json(bytes(data))
        except (ValidationError, PortFault):
            LOG.error("%s cannot be read; begun anew, so that mails may come twice", FILE)
            return Book()

    def _write(self, book: Book) -> None:
        data = book.model_dump_json().encode()
        if self._files.exists(FILE + ".new"):
            self._files.remove(FILE + ".new")
        file = self._files.create(FILE + ".new")
        try:
            file.write_at(0, data)
            file.sync()
        finally:
            file.close()
        self._files.rename(FILE + ".new", FILE)
        self._book = book
        self._files.sync_folder("")
