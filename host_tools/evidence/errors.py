"""What can go wrong at the destination: for people who run it, and as status codes for controllers."""

from firmware.ports.errors import IoFault


class EvidenceError(Exception):
    """The destination cannot do what its owner asked; one line that names the thing and the remedy."""


class Refusal(Exception):
    """An answer that is no success: ``status`` of the API's table, and one line for the people at the controller."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class StoreAway(IoFault):
    """The store of objects takes and gives nothing now; the same may succeed later, and nothing was kept of it."""


class StoreDamaged(IoFault):
    """An object is not in its store as it was received; one line that names it and the remedy."""
