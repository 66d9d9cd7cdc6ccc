"""The hunt finds a secret however it was written, and says nothing of it."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure.certificates_keys import P256, DeviceKeyWrap
from host_tools.accounts.secret import load_secret
from host_tools.bench.secret_hunt import SecretHunt, SecretLeaked
from host_tools.trust.folder import PATH as TRUST_PATH

KEY = SeededEntropy("a key").random_bytes(32)
PASSWORD = 'pöny "stable" 7 & more'

WRITINGS = {
    "raw": KEY,
    "hex": KEY.hex().encode(),
    "HEX": KEY.hex().upper().encode(),
    "hex dump": "\n".join(KEY[at : at + 16].hex(" ") for at in (0, 16)).encode(),
    "fingerprint style": KEY.hex(":").upper().encode(),
    "repr": f"key={KEY!r}".encode(),
    "repr of bytearray": f"key={bytearray(KEY)!r}".encode(),
    "base64": base64.b64encode(KEY),
    "base64, shifted by one": base64.b64encode(b"x" + KEY + b"yz"),
    "base64, shifted by two": base64.b64encode(b"xy" + KEY),
    "base64 for addresses": base64.urlsafe_b64encode(KEY),
    "first half": KEY[:16].hex().encode(),
    "cut off": KEY.hex()[:25].encode(),
    "password": PASSWORD.encode(),
    "password in JSON": json.dumps({"password": PASSWORD}).encode(),
    "password in an address": f"?password={urllib.parse.quote(PASSWORD)}".encode(),
    "password in base64": base64.b64encode(f"ada:{PASSWORD}".encode()),
    "password in hex": PASSWORD.encode().hex().encode(),
}


@pytest.fixture
def hunt() -> SecretHunt:
    made = SecretHunt()
    made.add("the key", KEY)
    made.add("the password", PASSWORD)
    return made


@pytest.mark.parametrize("writing", WRITINGS)
def test_it_is_found_however_it_was_written(writing, hunt: SecretHunt, tmp_path: Path):
    log = tmp_path / "a.log"
    log.write_bytes(b"12:00:00 started\n12:00:01 \xff " + WRITINGS[writing] + b" and so on\n")
    with pytest.raises(SecretLeaked, match=r"the (key|password) \([a-zJP]") as leaked:
        hunt.must_find_nothing(log)
    told = str(leaked.value)
    assert str(log) in told
    assert "pöny" not in told
    assert KEY.hex()[:8] not in told.lower()


def test_what_is_no_secret_is_not_found(hunt: SecretHunt, tmp_path: Path):
    log = tmp_path / "a.log"
    log.write_bytes(
        SeededEntropy("other bytes").random_bytes(200_000) + b"pony stable 7 & more " + KEY[:8].hex().encode()
    )
    hunt.must_find_nothing(log)


def test_a_hunt_for_nothing_or_nowhere_is_an_error(hunt: SecretHunt):
    with pytest.raises(ValueError, match="needs secrets and files"):
        hunt.must_find_nothing()
    with pytest.raises(ValueError, match="needs secrets and files"):
        SecretHunt().must_find_nothing(Path(__file__))
    with pytest.raises(ValueError, match="cannot be looked for"):
        hunt.add("too short", "abc")


def test_keys_of_a_folder_are_gathered(tmp_path: Path):
    (tmp_path / "controller").mkdir()
    (tmp_path / "card").mkdir()
    load_secret(LinuxFiles(tmp_path / "controller"), SeededEntropy(1))
    keystore = FilesKeystore(LinuxFiles(tmp_path / "card"), P256(SeededEntropy("camera")))
    keystore.make_key("idevid")
    (tmp_path / "chips").mkdir()
    (tmp_path / "chips" / "otp").write_bytes(KEY)
    wrapped = FilesKeystore(
        LinuxFiles(tmp_path / "chips"), P256(SeededEntropy(3)), DeviceKeyWrap(KEY, SeededEntropy(4))
    )
    wrapped.make_key("ldevid")
    seed = SeededEntropy("seed").random_bytes(32)
    key = SeededEntropy("issuing").random_bytes(32)
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "manufacturer").write_text("OpenBWC\n")
    document = {
        "format": "openbwc-trust",
        "issuing": {"key": key.hex()},
        "controller": {"key": KEY.hex()},
        "sealing": [[1, 0, seed.hex()]],
    }
    (tmp_path / "controller" / "trust").mkdir()
    (tmp_path / "controller" / "trust" / TRUST_PATH).write_text(json.dumps(document))
    hunt = SecretHunt()
    assert hunt.add_folder(tmp_path) == [
        "card/keys/idevid",
        "chips/keys/ldevid",
        "chips/otp",
        "controller/people.key",
        "controller/trust/trust: controller key",
        "controller/trust/trust: issuing key",
        "controller/trust/trust: sealing seed 1",
    ]
    log = tmp_path / "a.log"
    log.write_text(f"public {keystore.public_key('idevid').hex()}")
    hunt.must_find_nothing(log)
    for store, slot in ((keystore, "idevid"), (wrapped, "ldevid")):
        log.write_text(store.tls_key(slot).decode())
        with pytest.raises(SecretLeaked, match=slot):
            hunt.must_find_nothing(log)
    for secret in (seed, key, (tmp_path / "controller" / "people.key").read_bytes()):
        log.write_text(base64.b64encode(secret).decode())
        with pytest.raises(SecretLeaked):
            hunt.must_find_nothing(log)
