"""An erase authorisation counts only with the signature of the camera's own controller."""

import hmac

import pytest

from firmware.formats import authorisation
from firmware.formats.authorisation import SIGNED_PREFIX, EraseAuthorisation, Signer, Verifier
from firmware.formats.errors import FormatError

GIVEN = EraseAuthorisation("OB-000042", bytes(range(16)), bytes(range(32)), "acknowledged", 7, 1_750_000_000_000)


class Mac(Signer, Verifier):
    """A keyed digest: enough to show the seam that a real signature will fill."""

    suite = "mac"

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        assert data.startswith(SIGNED_PREFIX)
        return hmac.digest(self._key, data, "sha256")

    def verify(self, data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(data), signature)


def test_a_signed_one_counts_for_its_own_verifier_only() -> None:
    own, other = Mac(b"own"), Mac(b"other")
    document = authorisation.encode(GIVEN, own)
    assert authorisation.decode(document, own) == GIVEN
    with pytest.raises(FormatError, match="not one of this camera's controller"):
        authorisation.decode(document, other)
    with pytest.raises(FormatError, match="signed with mac, but only unsigned counts"):
        authorisation.decode(document)


def test_an_unsigned_one_does_not_count_where_signatures_do() -> None:
    with pytest.raises(FormatError, match="signed with unsigned, but only mac counts"):
        authorisation.decode(authorisation.encode(GIVEN), Mac(b"own"))


def test_every_field_is_covered_by_the_signature() -> None:
    own = Mac(b"own")
    document = authorisation.encode(GIVEN, own)
    for old, new in (
        (b'"counter":7', b'"counter":8'),
        (b"OB-000042", b"OB-000043"),
        (b"acknowledged", b"pressure"),
        (b"1750000000000", b"1750000000001"),
        (b"0001020304", b"0001020305"),
    ):
        assert old in document
        with pytest.raises(FormatError, match="signature"):
            authorisation.decode(document.replace(old, new), own)


def test_unsigned_means_no_signature() -> None:
    document = authorisation.encode(GIVEN).replace(b'"signature":""', b'"signature":"00"')
    with pytest.raises(FormatError, match="signature"):
        authorisation.decode(document)


def test_it_fits_the_message_that_carries_it() -> None:
    longest = EraseAuthorisation("ä" * 120, bytes(16), bytes(32), "w" * 32, (1 << 63) - 1, (1 << 63) - 1)

    class Long(Mac):
        def sign(self, data: bytes) -> bytes:
            return bytes(512)

    assert len(authorisation.encode(longest, Long(b""))) <= authorisation.AUTHORISATION_BYTES_MAX
    escaped = EraseAuthorisation("\x01" * 240, bytes(16), bytes(32), "w", 1, 1)
    with pytest.raises(FormatError, match="at most 2048"):
        authorisation.encode(escaped, Long(b""))
