"""Faults that ports report. An application catches these and nothing of the platform's own."""


class PortFault(Exception):
    """Something a board was asked to do could not be done. The text names the thing."""


class Unprovided(PortFault):
    """The platform does not provide this operation of a port at all."""

    def __init__(self, port: object, operation: str) -> None:
        super().__init__("%s does not provide %s" % (type(port).__name__, operation))


class NotFound(PortFault):
    """No such file or folder."""


class AlreadyExists(PortFault):
    """A file or folder of that name is there already."""


class NoSpace(PortFault):
    """The storage is full."""


class ReadOnly(PortFault):
    """The storage, or this file, cannot be written."""


class IoFault(PortFault):
    """The storage failed to read or write (worn card, pulled card, bad sector)."""


class SensorFault(PortFault):
    """The camera sensor or its encoder failed."""
