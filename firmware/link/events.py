"""What a Session reports. Events are data; a reader asks ``next_event`` until it answers None."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

if TYPE_CHECKING:
    from typing import Any, NamedTuple

    Fields = dict[str, Any]

    class Opened(NamedTuple):
        """Both ends agree on a version, a frame size and a salt; earlier state of the session is gone."""

        version: int
        payload_max: int
        capabilities: int

    class Secured(NamedTuple):
        """The secure channel stands: ``peer`` is who has proved to be there (firmware.secure's PeerIdentity)."""

        peer: object

    class Closed(NamedTuple):
        """The session is over: ``reason`` is a CLOSE_* number, ``text`` one line for people."""

        reason: int
        text: str

    class Refused(NamedTuple):
        """The board speaks only versions ``version_min`` to ``version_max``."""

        version_min: int
        version_max: int

    class Announced(NamedTuple):
        """A board (re)started; the host should open a session."""

    class Message(NamedTuple):
        """A message of the table. ``request`` ties answers to questions; 0 where nothing was asked."""

        name: str
        fields: Fields
        request: int

    class BadMessage(NamedTuple):
        """A message that is unknown, malformed or of the wrong direction; the session has answered ``error``."""

        number: int
        request: int
        code: int

    class Data(NamedTuple):
        """Bytes of a pulled range. ``data`` is a view that is valid only until the next ``receive``."""

        request: int
        offset: int
        data: memoryview

    class PullDone(NamedTuple):
        """Every byte of that pull has been reported by a Data event."""

        request: int

    class PullFailed(NamedTuple):
        """The board cannot answer that pull; ``code`` is one of ERROR_CODES."""

        request: int
        code: int

    class Probe(NamedTuple):
        """PRBS bytes came back (host) or arrived (board; the session echoes them by itself)."""

        run: int
        phase: int
        data: bytes

    Change = Opened | Secured | Closed | Refused | Announced
    Event = Change | Message | BadMessage | Data | PullDone | PullFailed | Probe
else:
    Opened = namedtuple("Opened", ("version", "payload_max", "capabilities"))
    Secured = namedtuple("Secured", ("peer",))
    Closed = namedtuple("Closed", ("reason", "text"))
    Refused = namedtuple("Refused", ("version_min", "version_max"))
    Announced = namedtuple("Announced", ())
    Message = namedtuple("Message", ("name", "fields", "request"))
    BadMessage = namedtuple("BadMessage", ("number", "request", "code"))
    Data = namedtuple("Data", ("request", "offset", "data"))
    PullDone = namedtuple("PullDone", ("request",))
    PullFailed = namedtuple("PullFailed", ("request", "code"))
    Probe = namedtuple("Probe", ("run", "phase", "data"))
