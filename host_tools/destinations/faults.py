"""What keeps recordings from their destination, in one word each: for status, pages and alerts.

Law: pure; one literal table over the errors of this room. The word tells a program what the error's own line tells
people; what the table does not have is ``unavailable`` or ``refused``.
"""

from typing import Final

from host_tools.destinations.attached import AnotherDestination, CapabilityMissing
from host_tools.destinations.clock_check import ClocksDisagree
from host_tools.destinations.http_status import (
    Busy,
    ContainerRefused,
    CredentialsRefused,
    DestinationFull,
    LicenceExhausted,
    RightsMissing,
)
from host_tools.destinations.interface import (
    ContainerMissing,
    DestinationError,
    DestinationRefused,
    SourceMismatch,
)
from host_tools.destinations.swift_session import CertificateRefused, Unreachable

UNAVAILABLE: Final = "unavailable"

# The first that fits.
WORDS: tuple[tuple[type[DestinationError], str], ...] = (
    (Unreachable, "unreachable"),
    (CertificateRefused, "certificate"),
    (CredentialsRefused, "credentials"),
    (ClocksDisagree, "clock"),
    (AnotherDestination, "another_destination"),
    (CapabilityMissing, "capability"),
    (LicenceExhausted, "licence"),
    (DestinationFull, "full"),
    (RightsMissing, "rights"),
    (Busy, "busy"),
    (ContainerRefused, "unknown_wearer_or_camera"),
    (ContainerMissing, "container_missing"),
    (SourceMismatch, "damaged"),
    (DestinationRefused, "refused"),
)


def fault_word(error: Exception) -> str:
    """The word for it."""
    return next((word for kind, word in WORDS if isinstance(error, kind)), UNAVAILABLE)
