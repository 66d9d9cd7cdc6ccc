"""What the status codes of the API mean to whoever delivers: one literal table.

Law: pure. Only a code that says *can never be stored* refuses a recording; everything else can be otherwise tomorrow,
and what this table does not have counts as that.
"""

from typing import NamedTuple

from host_tools.destinations.interface import (
    ContainerMissing,
    DestinationError,
    DestinationRefused,
    DestinationUnavailable,
)

ANSWER_CHARACTERS_MAX = 160  # of what the destination says itself, in our one line


class CredentialsRefused(DestinationUnavailable):
    """401, after authenticating again."""


class LicenceExhausted(DestinationUnavailable):
    """402: a licence more at the destination, then *retry transfer*."""


class DestinationFull(DestinationUnavailable):
    """507: storage more at the destination."""


class RightsMissing(DestinationUnavailable):
    """403: the account may not do this there."""


class Busy(DestinationUnavailable):
    """429, 503: it answers, and has no time."""


class ContainerRefused(DestinationRefused):
    """400 to a container of a recording: its wearer or camera is unknown there, or its times are impossible."""


class Meaning(NamedTuple):
    """Of a status code."""

    kind: type[DestinationError]
    text: str


MEANINGS: dict[int, Meaning] = {
    400: Meaning(DestinationRefused, "can never store this: send it to rejected storage, or download it"),
    401: Meaning(CredentialsRefused, "refuses the credentials: upload a new connection file"),
    402: Meaning(LicenceExhausted, "has no licence left: add one there, then retry the transfer"),
    403: Meaning(RightsMissing, "does not permit this: check the account's rights there"),
    404: Meaning(ContainerMissing, "has no such container: it is made anew"),
    408: Meaning(DestinationUnavailable, "waited too long for us: check the network"),
    411: Meaning(DestinationRefused, "wants a length: it is no destination of this API"),
    413: Meaning(DestinationRefused, "takes no object of this size: raise its limit, or download the recording"),
    422: Meaning(DestinationUnavailable, "received other bytes than were sent: check the network"),
    429: Meaning(Busy, "asks for patience: it is tried again later"),
    500: Meaning(DestinationUnavailable, "has an error of its own: look into its log"),
    503: Meaning(Busy, "is busy: it is tried again soon"),
    507: Meaning(DestinationFull, "is out of storage: make room there"),
}
OTHERWISE = Meaning(DestinationUnavailable, "answers what the API does not have: check that it is a destination")


def fault(location: str, action: str, status: int, answer: str) -> DestinationError:
    """The error for a status that is no success. ``answer``: what the destination wrote, for people."""
    meaning = MEANINGS.get(status, OTHERWISE)
    said = " ".join(answer.split())[:ANSWER_CHARACTERS_MAX]
    quoted = f" ({said})" if said and said.isprintable() else ""
    return meaning.kind(f"destination {location} {meaning.text}; {action}: {status}{quoted}")
