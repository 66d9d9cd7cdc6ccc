"""Every keystore passes the suite of its port, here and under MicroPython, and keeps its keys as well as it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.ports import keystore_suite
from firmware.ports.errors import NotFound, PortFault, Unprovided
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.keystore import Keystore
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import certificates_keys
from firmware.secure.certificates_keys import P256, DeviceKeyWrap, KeystoreKey, holds
from firmware.secure.signing import load_public
from tests.house import micropython
from tests.house.tree import ROOT

Case = Callable[..., None]
DEVICE_KEY = bytes(range(32))

ON_MICROPYTHON = """
from hashlib import sha256

from firmware.ports import keystore_suite
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.keystore import KeyAlgorithm
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore


class Toy(KeyAlgorithm):
    # Shows the port's own logic; signs nothing that anybody should believe.
    def __init__(self):
        self.entropy = SeededEntropy(1)

    def make(self):
        return self.entropy.random_bytes(32)

    def public_key(self, private):
        return sha256(private).digest()

    def sign(self, private, data):
        return sha256(self.public_key(private) + bytes(data)).digest()

    def tls_key(self, private):
        return b"toy"


def verifies(public, data, signature):
    return sha256(public + data).digest() == signature


for new in (MemoryKeystore, lambda toy: FilesKeystore(MemoryFiles(), toy)):
    for case in keystore_suite.CASES:
        case(lambda: (new(Toy()), verifies))
        print(case.__name__)
"""


def new_memory() -> Keystore:
    return MemoryKeystore(P256(SeededEntropy(1)))


def new_files(files: MemoryFiles | PowerCutFiles | None = None) -> Keystore:
    return FilesKeystore(files or MemoryFiles(), P256(SeededEntropy(1)))


def new_wrapped(files: MemoryFiles | None = None, device_key: bytes = DEVICE_KEY) -> Keystore:
    entropy = SeededEntropy(1)
    return FilesKeystore(files or MemoryFiles(), P256(entropy), DeviceKeyWrap(device_key, entropy))


def verifies(public: bytes, data: bytes, signature: bytes) -> bool:
    return holds(load_public(public), data, signature)


@pytest.mark.parametrize("new", [new_memory, new_files, new_wrapped])
@pytest.mark.parametrize("case", keystore_suite.CASES, ids=[case.__name__ for case in keystore_suite.CASES])
def test_suite(new: Callable[[], Keystore], case: Case):
    case(lambda: (new(), verifies))


def test_suite_under_micropython(tmp_path: Path):
    lines = micropython.run(ON_MICROPYTHON, [], tmp_path, ROOT).split()
    assert len(lines) == 2 * len(keystore_suite.CASES)


def test_keys_in_files_are_there_after_a_restart():
    files = MemoryFiles()
    keystore = new_files(files)
    keystore.make_key("idevid")
    public = keystore.public_key("idevid")
    assert new_files(files.crash()).public_key("idevid") == public


def test_power_may_fail_at_any_moment_of_a_change():
    counted = PowerCutFiles(MemoryFiles())
    keystore = new_files(counted)
    keystore.make_key("one")
    keystore.make_key("one")
    for cut in range(counted.changes):
        medium = MemoryFiles()
        keys: list[bytes] = []
        try:
            cut_store = new_files(PowerCutFiles(medium, cut))
            for _ in range(2):
                cut_store.make_key("one")
                keys.append(cut_store.public_key("one"))
        except PowerCut:
            pass
        for seed in range(4):
            after = new_files(medium.crash_mixed(seed))
            assert not keys or after.public_key("one"), (cut, seed)


def test_a_wrapped_key_does_not_lie_on_the_card():
    files = MemoryFiles()
    keystore = new_wrapped(files)
    keystore.make_key("idevid")
    file = files.open("keys/idevid")
    kept = bytearray(file.size_bytes())
    file.read_at(0, kept)
    pem = serialization.load_pem_private_key(keystore.tls_key("idevid"), None)
    assert isinstance(pem, ec.EllipticCurvePrivateKey)
    assert pem.private_numbers().private_value.to_bytes(32, "big") not in bytes(kept)


def test_a_wrapped_key_opens_on_its_board_and_in_its_slot_only():
    files = MemoryFiles()
    new_wrapped(files).make_key("idevid")
    with pytest.raises(PortFault, match="idevid was not wrapped on this board"):
        new_wrapped(files, bytes(32)).sign("idevid", b"data")
    files.rename("keys/idevid", "keys/ldevid_a")
    with pytest.raises(PortFault, match="ldevid_a was not wrapped"):
        new_wrapped(files).sign("ldevid_a", b"data")
    with pytest.raises(PortFault, match="31 bytes"):
        DeviceKeyWrap(bytes(31), SeededEntropy(1))


@pytest.mark.parametrize("content", [b"", bytes(32), b"\xff" * 32, bytes(31), bytes(600)])
def test_a_slot_with_something_else_in_it_is_a_fault(content: bytes):
    files = MemoryFiles()
    files.make_folder("keys")
    file = files.create("keys/idevid")
    file.write_at(0, content)
    file.close()
    with pytest.raises(PortFault, match="make a new one"):
        new_files(files).sign("idevid", b"data")


def test_a_destroyed_key_is_gone_after_a_restart():
    files = MemoryFiles()
    keystore = new_files(files)
    keystore.make_key("idevid")
    keystore.destroy("idevid")
    with pytest.raises(NotFound, match="idevid"):
        new_files(files.crash()).sign("idevid", b"data")


def test_a_slot_signs_certificates_without_showing_its_key():
    keystore = new_memory()
    keystore.make_key("idevid")
    key = KeystoreKey(keystore, "idevid")
    assert key.public_key() == load_public(keystore.public_key("idevid"))
    assert (key.key_size, key.curve.name) == (256, "secp256r1")
    for refused in (
        key.private_numbers,
        lambda: key.exchange(ec.ECDH(), key.public_key()),
        lambda: key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    ):
        with pytest.raises(Unprovided):
            refused()
    with pytest.raises(PortFault, match="SHA-256 alone"):
        key.sign(b"data", ec.ECDSA(hashes.SHA384()))


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=lambda curve: curve.name)
def test_orders_are_those_of_the_curves(curve: ec.EllipticCurve):
    """The largest private key is one below the order; OpenSSL knows."""
    order = certificates_keys._ORDERS[curve.name]
    assert ec.derive_private_key(order - 1, curve).key_size == curve.key_size
    with pytest.raises(ValueError, match="EC key"):
        ec.derive_private_key(order, curve)


def test_the_same_entropy_makes_the_same_keys():
    """So that a simulation can be replayed; a board's entropy never is the same."""
    assert P256(SeededEntropy(3)).make() == P256(SeededEntropy(3)).make()
    assert P256(SeededEntropy(3)).make() != P256(SeededEntropy(4)).make()
