"""What a port's fault means for the spool, in one line with the remedy."""

from collections.abc import Generator
from contextlib import contextmanager

from firmware.ports.errors import NoSpace, NotFound, PortFault, ReadOnly
from host_tools.custody.errors import CustodyError, CustodyFault, SpoolFull


def told(what: str, fault: PortFault) -> CustodyError:
    """The error to raise for ``fault``; ``what`` names the thing that was at hand."""
    if isinstance(fault, NoSpace):
        return SpoolFull(f"{what}: the spool's disk is full: deliver recordings or free space")
    if isinstance(fault, ReadOnly):
        return CustodyFault(f"{what}: the spool's disk cannot be written ({fault}): remount it writable")
    if isinstance(fault, NotFound):
        return CustodyFault(f"{what}: a file of the spool is gone ({fault}): check the disk, dock the camera again")
    return CustodyFault(f"{what}: the spool's disk failed ({fault}): check the disk")


@contextmanager
def telling(what: str) -> Generator[None]:
    """Port faults inside come out as custody's own errors."""
    try:
        yield
    except PortFault as fault:
        raise told(what, fault) from fault
