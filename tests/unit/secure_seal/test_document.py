"""Signed manifests: what is believed, and what is not however well it is made."""

from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats import manifest
from firmware.formats.errors import FormatError
from firmware.secure import certificates, document
from firmware.secure.document import Announced, EvidenceSigner, SignedManifest
from firmware.secure.document_trust import EvidenceTrust
from firmware.secure.signing import MemoryKey
from tests.unit.secure_seal.issuing import VALID_FROM_MS, YEAR_MS, certificate
from tests.unit.secure_seal.parts import (
    EVIDENCE,
    EVIDENCE_KEY,
    FOREIGN_KEY,
    OTHER,
    RECEIVED_MS,
    RECORDING,
    ROOT,
    ROOT_KEY,
    SERIAL,
    SIGNER,
    clear,
    seal,
)

CLOSED = seal().manifest
SIGNED = document.encode(CLOSED, SIGNER)
TRUST = EvidenceTrust([ROOT])
FIRST, SECOND = SIGNED.splitlines()


def announced(data: bytes, recording: bytes = RECORDING, serial: str = SERIAL) -> Announced:
    return Announced(recording, sha256(data).digest(), serial)


def believe(data: bytes, trust: EvidenceTrust = TRUST, received_ms: int = RECEIVED_MS) -> SignedManifest:
    """As a controller would that was told of exactly these bytes."""
    return document.judge(data, announced(data), trust, received_ms)


def signed_by(*chain: bytes, key: MemoryKey | None = None, of: manifest.Manifest = CLOSED) -> bytes:
    return document.encode(of, EvidenceSigner(key or SIGNER.key, chain))


@pytest.mark.req("CAM-19")
def test_a_signed_manifest_is_believed():
    found = believe(SIGNED)
    assert found.manifest == CLOSED
    assert found == document.decode(SIGNED)
    assert found.sha256 == sha256(SIGNED).digest()
    assert found.manifest_sha256 == sha256(FIRST).digest() == manifest.digest(FIRST)
    assert found.certificates == (EVIDENCE,)


def test_the_manifest_stands_there_as_it_is():
    assert manifest.encode(CLOSED) == FIRST
    assert SIGNED == FIRST + b"\n" + SECOND + b"\n"


@pytest.mark.req("CAM-19")
def test_any_changed_byte_shows():
    """Also where the attacker has the camera announce the changed document."""
    for position in range(len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[position] ^= 1
        with pytest.raises(FormatError):
            believe(bytes(changed))
        with pytest.raises(FormatError, match="another manifest than its camera announced"):
            document.judge(changed, announced(SIGNED), TRUST, RECEIVED_MS)


@pytest.mark.req("CAM-19")
def test_a_rewritten_manifest_shows():
    """A well-formed manifest, shorter by its last fragment, under the signature of the whole one."""
    fragments, chunks = CLOSED.fragments[:-1], CLOSED.chunks[: CLOSED.fragments[-1].first_chunk]
    shorter = replace(
        CLOSED,
        fragments=fragments,
        chunks=chunks,
        chunks_bytes=sum(entry.length for entry in chunks),
        content_bytes=sum(entry.content_bytes for entry in fragments),
    )
    forged = manifest.encode(shorter) + b"\n" + SECOND + b"\n"
    with pytest.raises(FormatError, match="the signature does not fit its manifest"):
        believe(forged)


@pytest.mark.req("CAM-19")
def test_a_replayed_manifest_shows():
    """An older manifest of the same recording is signed as it should be, but it is not what the camera announces."""
    older = signed_by(EVIDENCE, of=replace(CLOSED, cause_stop="power_lost", interrupted=True))
    assert believe(older).manifest.interrupted
    with pytest.raises(FormatError, match="another manifest than its camera announced"):
        document.judge(older, announced(SIGNED), TRUST, RECEIVED_MS)


def test_a_manifest_of_another_recording_shows():
    other = signed_by(EVIDENCE, of=seal(recording=OTHER).manifest)
    with pytest.raises(FormatError, match=f"the manifest is that of recording {OTHER.hex()}"):
        believe(other)


@pytest.mark.req("CAM-19")
def test_a_suite_that_the_board_does_not_use_shows():
    plain = signed_by(EVIDENCE, of=clear().manifest)
    with pytest.raises(FormatError, match="suite clear is not what its board uses"):
        believe(plain)
    accepted = replace(announced(plain), suites=frozenset({"clear"}))
    assert document.judge(plain, accepted, TRUST, RECEIVED_MS).manifest.suite == "clear"


def test_an_unsigned_manifest_shows():
    for unsigned in (FIRST, b"", SECOND):
        with pytest.raises(FormatError, match="not signed"):
            believe(unsigned)


# -- who signed


@pytest.mark.req("CAM-19")
def test_a_signature_by_another_key_shows():
    forged = signed_by(EVIDENCE, key=MemoryKey(FOREIGN_KEY))
    with pytest.raises(FormatError, match="the signature does not fit its manifest"):
        believe(forged)


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize(
    ("chain", "error"),
    [
        ((certificate(certificates.EVIDENCE, SERIAL, EVIDENCE_KEY, FOREIGN_KEY),), "not one of ours"),
        ((certificate(certificates.EVIDENCE, SERIAL, EVIDENCE_KEY, FOREIGN_KEY, "system-2"),), "not one of ours"),
        ((certificate(certificates.LDEVID, SERIAL, EVIDENCE_KEY, ROOT_KEY),), "with a certificate for LDevID"),
        ((certificate(certificates.CONTROLLER, SERIAL, EVIDENCE_KEY, ROOT_KEY),), "certificate for controller"),
        ((certificate(certificates.EVIDENCE, "OB-1", EVIDENCE_KEY, ROOT_KEY),), "signed by camera 'OB-1', not by"),
        ((EVIDENCE, EVIDENCE), "not one of ours"),
        ((EVIDENCE, ROOT), "not one of ours"),
        ((EVIDENCE, ROOT, ROOT, ROOT), "not one of ours"),
        ((b"no certificate",), "not one of ours"),
    ],
)
def test_certificates_that_do_not_count(chain: tuple[bytes, ...], error: str):
    with pytest.raises(FormatError, match=error):
        believe(signed_by(*chain))


def test_a_camera_cannot_sign_for_another():
    with pytest.raises(FormatError, match=f"signed by camera '{SERIAL}', not by 'OB-1'"):
        document.judge(SIGNED, announced(SIGNED, serial="OB-1"), TRUST, RECEIVED_MS)
    lying = signed_by(EVIDENCE, of=replace(CLOSED, camera_serial="OB-1"))
    for serial in ("OB-1", SERIAL):
        with pytest.raises(FormatError, match=f"signed by camera '{SERIAL}'"):
            document.judge(lying, announced(lying, serial=serial), TRUST, RECEIVED_MS)


def test_another_certificate_for_the_same_key_does_not_fit():
    """The signer's certificate is signed along, so that nobody exchanges it for one with a kinder date."""
    renewed = certificate(
        certificates.EVIDENCE,
        SERIAL,
        EVIDENCE_KEY,
        ROOT_KEY,
        valid_ms=(VALID_FROM_MS, VALID_FROM_MS + 2 * YEAR_MS // 3),
    )
    assert believe(signed_by(renewed)).certificates == (renewed,)
    exchanged = SIGNED.replace(EVIDENCE.hex().encode(), renewed.hex().encode())
    with pytest.raises(FormatError, match="the signature does not fit"):
        believe(exchanged)


def test_roots_of_imported_groups_count_too():
    assert believe(SIGNED, EvidenceTrust([certificate(certificates.ROOT, "x", FOREIGN_KEY, FOREIGN_KEY), ROOT]))
    with pytest.raises(FormatError, match="no root is known here"):
        believe(SIGNED, EvidenceTrust([]))


@pytest.mark.req("CAM-19")
def test_a_signer_is_judged_at_the_time_of_signing():
    """A certificate that has lapsed since takes nothing back; one that had lapsed then gives nothing."""
    long_after = RECEIVED_MS + 20 * YEAR_MS
    assert believe(SIGNED, received_ms=long_after).manifest == CLOSED
    for moved_ms, standing in ((YEAR_MS, "expired"), (-YEAR_MS, "not_yet_valid")):
        when = replace(CLOSED.stopped, unix_ms=CLOSED.stopped.unix_ms + moved_ms)
        with pytest.raises(FormatError, match=f"of {SERIAL} was {standing} when it signed"):
            believe(signed_by(EVIDENCE, of=replace(CLOSED, stopped=when)), received_ms=RECEIVED_MS + moved_ms)


def test_a_clock_that_was_wrong_costs_no_evidence():
    """Whoever has the key states any time he likes; so a certificate that holds on receipt is as good."""
    for moved_ms in (YEAR_MS, -YEAR_MS):
        when = replace(CLOSED.stopped, unix_ms=CLOSED.stopped.unix_ms + moved_ms)
        assert believe(signed_by(EVIDENCE, of=replace(CLOSED, stopped=when))).manifest.stopped == when


def test_without_a_clock_the_signer_is_judged_when_we_received_it():
    unknown = replace(CLOSED.stopped, unix_ms=0, source="none")
    data = signed_by(EVIDENCE, of=replace(CLOSED, stopped=unknown))
    assert believe(data)
    with pytest.raises(FormatError, match="was expired when it signed"):
        believe(data, received_ms=RECEIVED_MS + 20 * YEAR_MS)


def test_a_certificate_on_another_curve_signs_nothing():
    key = ec.derive_private_key(6, ec.SECP384R1())
    with pytest.raises(FormatError, match="not a P-256 public key"):
        believe(signed_by(certificate(certificates.EVIDENCE, SERIAL, key, ROOT_KEY)))


# -- form


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (SIGNED[:-1], "not one line of manifest and one of signature"),
        (SIGNED + b"\n", "not one line"),
        (SIGNED + SECOND + b"\n", "not one line"),
        (FIRST + b"\n", "not one line"),
        (FIRST + b"\n\n", "not JSON"),
        (SECOND + b"\n" + FIRST + b"\n", "manifest-signature: .* bytes, at most|format is not|not JSON"),
        (FIRST + b"\n" + SECOND.replace(b"p256", b"p384") + b"\n", "signed with ecdsa-p384-sha256, but only"),
        (FIRST + b"\n" + SECOND.replace(b'"schema":1', b'"schema":2') + b"\n", "schema is not 1"),
        (FIRST + b"\n" + SECOND.replace(b'"schema":1', b'"schema": 1') + b"\n", "not in canonical form"),
        (FIRST + b"\n" + SECOND.replace(EVIDENCE.hex().encode(), b"zz") + b"\n", "not bytes in lower-case"),
        (FIRST + b"\n" + SECOND.replace(b'"' + EVIDENCE.hex().encode() + b'"', b"") + b"\n", "0 certificates"),
        (FIRST + b"\n" + SECOND.replace(b"signature\":\"", b"signature\":\"" + b"00" * 73) + b"\n", "at most 72"),
        (FIRST + b"\n" + SECOND.replace(b'{"cert', b'{"a":1,"cert') + b"\n", "unknown field 'a'"),
    ],
)  # fmt: skip
def test_a_signed_manifest_has_its_form(data: bytes, error: str):
    with pytest.raises(FormatError, match=error):
        document.decode(data)


def test_a_signed_manifest_has_limits():
    for count in (0, 5):
        with pytest.raises(FormatError, match=f"{count} certificates instead of 1 to 4"):
            signed_by(*[EVIDENCE] * count)
    with pytest.raises(FormatError, match="at most 4096 are allowed"):
        signed_by(bytes(4097))
    with pytest.raises(FormatError, match="at most 67108864 are allowed"):
        document.decode(bytes(document.SIGNED_BYTES_MAX + 1))
