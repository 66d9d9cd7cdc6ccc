"""The one error of the vault, and how faults of the storage become it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from firmware.formats.errors import FormatError
from firmware.ports.errors import NoSpace, PortFault

VaultErrorKind = Literal["not_found", "out_of_range", "refused", "full", "storage"]


class VaultError(Exception):
    """``kind``: ``not_found`` no such recording; ``out_of_range`` beyond the end of an object; ``refused`` an
    authorisation that does not hold, or an operation out of order; ``full`` no space on the card; ``storage`` the card
    failed. The text is one line for people."""

    def __init__(self, kind: VaultErrorKind, text: str) -> None:
        super().__init__(text)
        self.kind: VaultErrorKind = kind


@contextmanager
def storage_faults(doing: str) -> "Generator[None]":
    """Faults of the storage, and values that cannot be written down, as a VaultError that says what was being done."""
    try:
        yield
    except NoSpace as fault:
        raise VaultError("full", f"{doing}: {fault}") from fault
    except PortFault as fault:
        raise VaultError("storage", f"{doing}: {fault}") from fault
    except FormatError as error:
        raise VaultError("refused", f"{doing}: {error}") from error
