"""What a camera remembers of the erasures it was told to make: the highest counter ever, and the latest of them.

One checked line of canonical JSON. The counter makes an old authorisation worthless; the latest erasures make a
repeated one harmless.
"""

from dataclasses import dataclass

from firmware.formats import canonical
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.manifest import SHA256_BYTES
from firmware.formats.recording_id import RECORDING_ID_BYTES

ERASED_MAX = 64  # more than a controller asks for before it reads the list of recordings again
ERASURES_BYTES_MAX = 16384  # ERASED_MAX rows of at most 130 characters fit twice

_KEYS = frozenset({"format", "schema", "counter", "erased"})
_WIDTH = 3


@dataclass(frozen=True, slots=True)
class Erased:
    """One authorisation that was accepted."""

    counter: int
    recording: bytes
    manifest_sha256: bytes


@dataclass(frozen=True, slots=True)
class Erasures:
    """``counter``: the highest accepted so far; ``erased``: the latest ERASED_MAX, oldest first."""

    counter: int = 0
    erased: "tuple[Erased, ...]" = ()

    def remembers(self, recording: bytes, manifest_sha256: bytes) -> bool:
        """Whether erasing this recording has been accepted before."""
        return any((row.recording, row.manifest_sha256) == (recording, manifest_sha256) for row in self.erased)

    def accepted(self, authorisation: EraseAuthorisation) -> bool:
        """Whether this very authorisation has been accepted before."""
        return _row_of(authorisation) in self.erased

    def after(self, authorisation: EraseAuthorisation) -> "Erasures":
        """These and one more."""
        return Erasures(authorisation.counter, (*self.erased, _row_of(authorisation))[-ERASED_MAX:])


def encode(erasures: Erasures) -> bytes:
    """The content of the file. FormatError beyond a limit."""
    fields: dict[str, object] = {
        "format": "openbwc-erasures",
        "schema": canonical.SCHEMA,
        "counter": erasures.counter,
        "erased": [[row.counter, row.recording.hex(), row.manifest_sha256.hex()] for row in erasures.erased],
    }
    _from_fields(fields)
    return canonical.encode_line(fields)


def decode(data: "bytes | bytearray | memoryview") -> Erasures:
    """What the content of the file says. FormatError if anything in it does not fit."""
    return _from_fields(canonical.decode_line(data, "erasures", ERASURES_BYTES_MAX))


def _from_fields(fields: canonical.Document) -> Erasures:
    canonical.require_kind(fields, "erasures")
    canonical.require_keys(fields, _KEYS, "erasures")
    rows = canonical.rows(fields["erased"], "erasures.erased", ERASED_MAX, _WIDTH)
    return Erasures(
        counter=canonical.integer(fields["counter"], "erasures.counter"),
        erased=tuple(
            Erased(
                counter=canonical.integer(row[0], f"erasures.erased[{number}]"),
                recording=canonical.binary(row[1], f"erasures.erased[{number}]", RECORDING_ID_BYTES),
                manifest_sha256=canonical.binary(row[2], f"erasures.erased[{number}]", SHA256_BYTES),
            )
            for number, row in enumerate(rows)
        ),
    )


def _row_of(authorisation: EraseAuthorisation) -> Erased:
    return Erased(authorisation.counter, authorisation.recording, authorisation.manifest_sha256)
