"""Any bytes give a value or a FormatError of one line, and nothing else: a card may have been made by anybody."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import document, document_private, hpke_wrapping, signing
from firmware.secure.hpke_keys import PUBLIC_KEY_BYTES, KeyRing, RecipientKey
from firmware.secure.sealing import GcmOpener
from firmware.secure.sealing_file import FileSealer
from firmware.secure.suite import opener_for
from tests.unit.secure_seal.parts import EVIDENCE_KEY, RECORDING, SIGNER, SYSTEM_KEY, pair, seal

SEALED = seal(sizes=((50,), (70, 3)))
OPENER = GcmOpener(RECORDING, bytes(32))
FILES = FileSealer(bytes(32), SeededEntropy(1))
PUBLIC = EVIDENCE_KEY.public_key()


def wrapped_opener(wrapped: bytes) -> object:
    return opener_for(replace(SEALED.manifest, wrapped_keys=(wrapped,)), KeyRing([SYSTEM_KEY]))


# Reader, and a whole thing of its kind that a change may begin with.
READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "chunk": (lambda data: OPENER.open(0, data), pair()[0].seal(0, bytes(40), True)),
    "private part": (OPENER.reveal, pair()[0].conceal(bytes(40))),
    "private document": (document_private.decode, b'{"format":"openbwc-private","schema":1}'),
    "sealed file": (lambda data: FILES.open("assignment", data), FILES.seal("assignment", bytes(40))),
    "wrapped key": (wrapped_opener, SEALED.manifest.wrapped_keys[0]),
    "wrapped key's parts": (hpke_wrapping.decode, SEALED.manifest.wrapped_keys[0]),
    "public key": (RecipientKey, SYSTEM_KEY.recipient.raw[:PUBLIC_KEY_BYTES]),
    "signing key": (signing.load_public, SIGNER.key.public_der),
    "signed manifest": (document.decode, document.encode(SEALED.manifest, SIGNER)),
    "signature": (lambda data: signing.holds(PUBLIC, b"data", data), signing.sign(SIGNER.key, b"data")),
}


@pytest.mark.parametrize(("read", "whole"), READERS.values(), ids=READERS)
@given(data=st.data())
def test_any_bytes(read: Callable[[bytes], object], whole: bytes, data: st.DataObject):
    if data.draw(st.booleans()):
        given_bytes = data.draw(st.binary(max_size=200))
    else:
        start = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(start, min(len(whole), start + 8)))
        given_bytes = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    assert "\n" not in told_by(read, given_bytes)


def told_by(read: Callable[[bytes], object], data: bytes) -> str:
    """What the reader says against these bytes; nothing if it takes them."""
    try:
        read(data)
    except FormatError as error:
        return str(error)
    return ""
