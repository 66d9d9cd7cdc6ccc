"""The vectors of tests/vectors/secure hold for our code and the independent reader; the documentation shows them."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from firmware.formats import authorisation, header, track
from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy
from firmware.secure import document, document_private, hpke_wrapping
from firmware.secure.document import Announced, EvidenceSigner
from firmware.secure.document_private import PrivatePart
from firmware.secure.document_trust import EvidenceTrust
from firmware.secure.hpke_keys import KeyRing, SealingKey
from firmware.secure.sealing import SUITE_SEALED, GcmOpener, GcmSealer
from firmware.secure.sealing_file import FileSealer
from firmware.secure.signing import MemoryKey, P256Signer, P256Verifier
from firmware.secure.suite import opener_for
from tests.unit.secure_seal import reader
from tests.unit.secure_seal.issuing import p256
from tests.unit.secure_seal.parts import PHONE_KEY, RECEIVED_MS, SYSTEM_KEY, seal, sealing_suite

ROOT = Path(__file__).parents[3]
NAMES = ("recording", "document", "authorisation", "file", "xwing")
VECTORS = {name: json.loads((ROOT / f"tests/vectors/secure/{name}.json").read_text()) for name in NAMES}
RECORDING, DOCUMENT, AUTHORISATION, FILE, XWING = (VECTORS[name]["vectors"][0] for name in NAMES)
IDENTITY = bytes.fromhex(RECORDING["recording"])
KEY = bytes.fromhex(RECORDING["recording_key"])
SEEDS = [bytes.fromhex(row["seed"]) for row in RECORDING["recipients"]]
RING = KeyRing(map(SealingKey, SEEDS))


class Given(Entropy):
    """Draws what a vector says."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = drawn

    def random_bytes(self, count: int) -> bytes:
        assert count == len(self._drawn)
        return self._drawn


def refused(name: str) -> Any:
    found = VECTORS[name]["refused"]
    return pytest.mark.parametrize("entry", found, ids=[entry["name"] for entry in found])


# -- our code


def test_recipients_unwrap_the_key():
    for row, seed in zip(RECORDING["recipients"], SEEDS, strict=True):
        key = SealingKey(seed)
        entry = hpke_wrapping.decode(bytes.fromhex(row["wrapped_key"]))
        assert entry.key_id == key.key_id == bytes.fromhex(row["key_id"])
        assert hpke_wrapping.unwrap(entry, key, RECORDING["suite"], IDENTITY) == KEY


def test_sealing_makes_the_vectors_bytes():
    sealer, opener = GcmSealer(IDENTITY, KEY), GcmOpener(IDENTITY, KEY)
    part = PrivatePart(**{name: RECORDING["private"][name] for name in ("wearer_id", "wearer_name", "profile")})
    assert document_private.encode(part) == RECORDING["private"]["plaintext"].encode()
    private = sealer.conceal(document_private.encode(part))
    assert private.hex() == RECORDING["private"]["hex"]
    assert document_private.decode(opener.reveal(private)) == part
    places, number = bytes.fromhex(RECORDING["places"]["plaintext"]), RECORDING["places"]["fragment"]
    sealed_places = sealer.conceal_places(number, places)
    assert sealed_places.hex() == RECORDING["places"]["hex"]
    assert opener.reveal_places(number, sealed_places) == places
    for row in RECORDING["chunks"]:
        plaintext = bytes.fromhex(row["plaintext"])
        assert sealer.seal(row["index"], plaintext, row["last"]).hex() == row["hex"]
        assert opener.open(row["index"], bytes.fromhex(row["hex"])) == plaintext


def test_header_and_manifest_open_the_chunks():
    closed = document.decode(DOCUMENT["text"].encode()).manifest
    for opener in (opener_for(header.decode(RECORDING["header"].encode()), RING), opener_for(closed, RING)):
        content = b"".join(opener.open(row["index"], bytes.fromhex(row["hex"])) for row in RECORDING["chunks"])
        assert sha256(content).hexdigest() == RECORDING["content_sha256"] == closed.content_sha256.hex()
    sealed = [sha256(bytes.fromhex(row["hex"])).digest() for row in RECORDING["chunks"]]
    assert [entry.sealed_sha256 for entry in closed.chunks] == sealed


@refused("recording")
def test_refused_parts_of_a_recording(entry: dict[str, Any]):
    with pytest.raises(FormatError, match=entry["error"]):
        _read_part(entry, bytes.fromhex(entry["hex"]))


def test_signing_makes_the_vectors_bytes():
    found = document.decode(DOCUMENT["text"].encode())
    signer = EvidenceSigner(MemoryKey(_key("document", "evidence_private_key")), found.certificates)
    assert document.encode(found.manifest, signer) == DOCUMENT["text"].encode()
    assert found.sha256.hex() == DOCUMENT["sha256"]
    assert found.manifest_sha256.hex() == DOCUMENT["manifest_sha256"]
    assert found.signature.hex() == DOCUMENT["signature"]
    assert _judge(DOCUMENT["text"]) == found


@refused("document")
def test_refused_documents(entry: dict[str, Any]):
    with pytest.raises(FormatError, match=entry["error"]):
        _judge(entry["text"])


def test_an_authorisation_of_the_vectors_counts():
    key = MemoryKey(_key("authorisation", "controller_private_key"))
    assert key.public_der.hex() == VECTORS["authorisation"]["controller_der"]
    given = authorisation.decode(AUTHORISATION["text"].encode(), P256Verifier([key.public_der]))
    assert authorisation.encode(given, P256Signer(key)) == AUTHORISATION["text"].encode()
    assert given.manifest_sha256.hex() == DOCUMENT["sha256"]


@refused("authorisation")
def test_refused_authorisations(entry: dict[str, Any]):
    verifier = P256Verifier([bytes.fromhex(VECTORS["authorisation"]["controller_der"])])
    with pytest.raises(FormatError, match=entry["error"]):
        authorisation.decode(entry["text"].encode(), verifier)


def test_a_file_of_the_vectors_opens():
    sealer = FileSealer(bytes.fromhex(VECTORS["file"]["device_key"]), Given(bytes.fromhex(FILE["nonce"])))
    assert sealer.seal(FILE["file"], FILE["plaintext"].encode()).hex() == FILE["hex"]
    assert sealer.open(FILE["file"], bytes.fromhex(FILE["hex"])).decode() == FILE["plaintext"]


@refused("file")
def test_refused_files(entry: dict[str, Any]):
    sealer = FileSealer(bytes.fromhex(VECTORS["file"]["device_key"]), Given(bytes(12)))
    with pytest.raises(FormatError, match=entry["error"]):
        sealer.open(entry["file"], bytes.fromhex(entry["hex"]))


# -- the independent reader


def test_the_reader_is_independent():
    source = Path(reader.__file__).read_text()
    assert "firmware" not in source
    assert "host_tools" not in source


def test_the_reader_and_we_do_x_wing_as_published():
    seed = bytes.fromhex(XWING["seed"])
    assert reader.decapsulate(seed, bytes.fromhex(XWING["encapsulation"])).hex() == XWING["shared_secret"]
    assert sha256(reader.public_key(seed)).hexdigest() == XWING["public_key_sha256"]
    assert SealingKey(seed).recipient.raw == reader.public_key(seed)


@pytest.mark.req("CAM-19")
def test_the_reader_reads_a_whole_recording():
    """From the files of a card and one seed to the content, by the documentation alone."""
    closed = reader.read_signed(DOCUMENT["text"].encode(), bytes.fromhex(VECTORS["document"]["root"]))
    begun = reader.read_line(RECORDING["header"].encode())
    identity = bytes.fromhex(closed["recording"])
    assert (begun["recording"], begun["wrapped_keys"]) == (closed["recording"], closed["wrapped_keys"])
    for seed, wrapped in zip(SEEDS, closed["wrapped_keys"], strict=True):
        assert reader.recording_key(seed, bytes.fromhex(wrapped), identity, closed["suite"]) == KEY
    content = bytearray()
    ends = {row[1] + row[2] - 1 for row in closed["fragments"]}
    for index, (row, known) in enumerate(zip(RECORDING["chunks"], closed["chunks"], strict=True)):
        sealed = bytes.fromhex(row["hex"])
        assert sha256(sealed).hexdigest() == known[2]
        plaintext, last = reader.open_chunk(KEY, identity, index, sealed)
        assert last == (index in ends)
        content += plaintext
    assert sha256(content).hexdigest() == closed["content_sha256"]
    names = reader.open_private(KEY, identity, bytes.fromhex(RECORDING["private"]["hex"]))
    assert names == {name: RECORDING["private"][name] for name in ("wearer_id", "wearer_name", "profile")}
    given = RECORDING["places"]
    read = reader.open_places(KEY, identity, given["fragment"], bytes.fromhex(given["hex"]))
    assert read == track.unpack(bytes.fromhex(given["plaintext"]))


def test_the_reader_reads_what_is_sealed_today():
    fresh = seal(sealing_suite(SYSTEM_KEY, PHONE_KEY), sizes=((9,), (11, 10), (0,)))
    for seed, wrapped in zip(SEEDS, fresh.manifest.wrapped_keys, strict=True):
        key = reader.recording_key(seed, wrapped, fresh.manifest.recording, fresh.manifest.suite)
        opened = [reader.open_chunk(key, fresh.manifest.recording, index, fresh.chunk(index)) for index in range(4)]
        assert [plaintext for plaintext, _ in opened] == list(fresh.plaintexts)
        assert [last for _, last in opened] == [True, False, True, True]


def test_the_reader_reads_the_rest():
    given = reader.read_authorisation(
        AUTHORISATION["text"].encode(), bytes.fromhex(VECTORS["authorisation"]["controller_point"])
    )
    assert given["manifest_sha256"] == DOCUMENT["sha256"]
    opened = reader.open_file(bytes.fromhex(VECTORS["file"]["device_key"]), FILE["file"], bytes.fromhex(FILE["hex"]))
    assert opened.decode() == FILE["plaintext"]


@refused("recording")
def test_the_reader_refuses_it_too(entry: dict[str, Any]):
    with pytest.raises((AssertionError, InvalidTag)):
        _read_part_independently(entry, bytes.fromhex(entry["hex"]))


def test_the_reader_sees_an_exchanged_manifest():
    (forged,) = [entry["text"] for entry in VECTORS["document"]["refused"] if entry["name"] == "manifest exchanged"]
    with pytest.raises(InvalidSignature):
        reader.read_signed(forged.encode(), bytes.fromhex(VECTORS["document"]["root"]))


# -- the documentation


@pytest.mark.parametrize(
    "shown",
    [
        RECORDING["recipients"][0]["seed"],
        RECORDING["recipients"][0]["key_id"],
        RECORDING["recipients"][0]["wrapped_key"][:88],
        RECORDING["recording_key"],
        RECORDING["chunks"][1]["hex"],
        RECORDING["private"]["plaintext"],
        RECORDING["private"]["hex"][:64],
        RECORDING["places"]["hex"],
        DOCUMENT["signed_hex"],
        DOCUMENT["signature"],
        DOCUMENT["sha256"],
        AUTHORISATION["text"].partition('"signature"')[2],
        FILE["hex"][:40],
    ],
)
def test_the_documentation_shows_the_vectors(shown: str):
    assert shown in (ROOT / "docs/formats.md").read_text()


def _read_part(entry: dict[str, Any], data: bytes) -> None:
    if entry["what"] == "chunk":
        closed = document.decode(DOCUMENT["text"].encode()).manifest
        opener_for(closed, RING).open(entry["index"], data)
    elif entry["what"] == "private part":
        GcmOpener(IDENTITY, KEY).reveal(data)
    elif entry["what"] == "places":
        GcmOpener(IDENTITY, KEY).reveal_places(entry["fragment"], data)
    else:
        opener_for(header.Header(IDENTITY, SUITE_SEALED, (data,), _info()), RING)


def _read_part_independently(entry: dict[str, Any], data: bytes) -> None:
    if entry["what"] == "chunk":
        _, last = reader.open_chunk(KEY, IDENTITY, entry["index"], data)
        assert last == RECORDING["chunks"][entry["index"]]["last"]
    elif entry["what"] == "private part":
        reader.open_private(KEY, IDENTITY, data)
    elif entry["what"] == "places":
        reader.open_places(KEY, IDENTITY, entry["fragment"], data)
    else:
        reader.recording_key(SEEDS[0], data, IDENTITY, RECORDING["suite"])


def _key(name: str, field: str) -> Any:
    return p256(int(VECTORS[name][field], 16))


def _info() -> header.RecordingInfo:
    return header.decode(RECORDING["header"].encode()).info


def _judge(text: str) -> document.SignedManifest:
    told = Announced(IDENTITY, sha256(text.encode()).digest(), VECTORS["document"]["camera_serial"])
    return document.judge(text.encode(), told, EvidenceTrust([bytes.fromhex(VECTORS["document"]["root"])]), RECEIVED_MS)
