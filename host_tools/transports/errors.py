"""What can go wrong with a port. Each is one line for a person: the thing, then the remedy."""


class PortError(Exception):
    """A port cannot be opened."""


class UnknownScheme(PortError):
    """No transport is registered for that kind of URL."""


class PortMissing(PortError):
    """There is nothing under that name."""


class PortBusy(PortError):
    """Another program holds the port."""


class PortDenied(PortError):
    """The user may not open the port."""


class PortAmbiguous(PortError):
    """Several ports could be meant."""


class LinkLost(Exception):
    """An open pipe is gone (unplugged, hung up, reset): one error, whatever the operating system raised."""
