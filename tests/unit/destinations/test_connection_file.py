"""The connection file: every rule of the public description, and what other makers' files do beside it."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.destinations.connection_file import (
    FILE_BYTES_MAX,
    ConnectionFile,
    ConnectionFileError,
    check_change,
    parse,
    write,
)
from host_tools.evidence.certificates import self_signed

PEM = self_signed(("127.0.0.1",), 1_767_225_600_000).certificate
RSA = rsa.generate_private_key(65_537, 1024).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
EC = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

PLAIN: dict[str, Any] = {
    "ConnectionFileVersion": "1.0",
    "SiteName": "Malmö",
    "ApplicationName": "Case store",
    "ApplicationVersion": "7.1",
    "ContentDestinationAsNTPServer": False,
    "AuthenticationTokenURI": ["https://10.0.0.1:8443/auth/v1.0"],
    "HTTPSCertificate": [base64.b64encode(PEM).decode()],
    "BlobAPIKey": "secret",
    "BlobAPIUserName": "axis:bws",
}


def file(**changes: Any) -> bytes:
    document = {**PLAIN, **changes}
    return json.dumps({key: value for key, value in document.items() if value is not Ellipsis}).encode()


@pytest.mark.req("DEST-01", "DEST-02")
def test_what_is_not_said_is_as_the_description_says():
    found = parse(file())
    assert found.container_type == "mkv"
    assert not found.has_full_support
    assert not found.wants_encryption
    assert found.certificates == (PEM,)
    assert found.user == "axis:bws"
    assert "secret" not in repr(found)


@pytest.mark.req("DEST-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"PublicKey": "", "PublicKeyId": ""},  # the public example writes these where encryption is off
        {"PublicKey": "not even base64", "WantEncryption": False},
        {"BlobAPI": "Swift 1.0", "NTPServer": "unknown keys are not our business"},
        {"HTTPSCertificate": [PEM.decode()]},
        {"HTTPSCertificate": ...},
        {"HTTPSCertificate": ..., "AuthenticationTokenURI": ["http://10.0.0.1/auth/v1.0"]},
        {"AuthenticationTokenURI": "https://10.0.0.1/auth/v1.0"},
        {"ContainerType": "mp4"},
    ],
)
def test_files_of_other_makers_are_taken(changes: dict[str, Any]):
    assert parse(file(**changes)).site == "Malmö"


@pytest.mark.req("DEST-01")
def test_a_byte_order_mark_is_no_fault():
    assert parse(b"\xef\xbb\xbf" + file()).site == "Malmö"


@pytest.mark.req("DEST-01")
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"ConnectionFileVersion": "2.0"}, "ConnectionFileVersion"),
        ({"ConnectionFileVersion": ...}, "ConnectionFileVersion"),
        ({"SiteName": "x" * 65}, "SiteName"),
        ({"SiteName": ""}, "SiteName"),
        ({"ApplicationName": "x" * 257}, "ApplicationName"),
        ({"ApplicationVersion": "x" * 129}, "ApplicationVersion"),
        ({"ContentDestinationAsNTPServer": "yes"}, "ContentDestinationAsNTPServer"),
        ({"ContentDestinationAsNTPServer": ...}, "ContentDestinationAsNTPServer"),
        ({"AuthenticationTokenURI": []}, "AuthenticationTokenURI"),
        ({"AuthenticationTokenURI": ["https://h/a"] * 11}, "AuthenticationTokenURI"),
        ({"AuthenticationTokenURI": ["https://h/" + "a" * 512]}, "AuthenticationTokenURI"),
        ({"AuthenticationTokenURI": ["http://10.0.0.1/auth/v1.0"]}, "AuthenticationTokenURI"),
        ({"AuthenticationTokenURI": ["file:///etc/passwd"], "HTTPSCertificate": ...}, "AuthenticationTokenURI"),
        ({"AuthenticationTokenURI": ["https://h:99999/"]}, "AuthenticationTokenURI"),
        ({"HTTPSCertificate": ["bm90IGEgY2VydGlmaWNhdGU="]}, "HTTPSCertificate"),
        ({"HTTPSCertificate": ["%%%"]}, "HTTPSCertificate"),
        ({"HTTPSCertificate": [1]}, "HTTPSCertificate"),
        ({"BlobAPIKey": "x" * 65}, "BlobAPIKey"),
        ({"BlobAPIUserName": "a\r\nX-Other: b"}, "BlobAPIUserName"),
        ({"ContainerType": "avi"}, "ContainerType"),
        ({"WantEncryption": True}, "PublicKey"),
        ({"WantEncryption": True, "PublicKey": ""}, "PublicKey"),
        ({"WantEncryption": True, "PublicKey": base64.b64encode(EC).decode(), "PublicKeyId": "k"}, "PublicKey"),
        ({"WantEncryption": True, "PublicKey": base64.b64encode(RSA).decode()}, "PublicKeyId"),
        ({"FullStoreAndReadSupport": 1}, "FullStoreAndReadSupport"),
    ],
)
def test_a_broken_rule_names_its_key(changes: dict[str, Any], key: str):
    with pytest.raises(ConnectionFileError, match=key) as caught:
        parse(file(**changes))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_too_long_is_not_read():
    with pytest.raises(ConnectionFileError, match="too many"):
        parse(file(Filler="x" * FILE_BYTES_MAX))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PLAIN, "PublicKey"]), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_bytes_are_a_file_or_one_line(data: bytes):
    assert "\n" not in outcome(data)


def outcome(data: bytes) -> str:
    try:
        return parse(data).site
    except ConnectionFileError as error:
        return str(error)


@pytest.mark.req("DEST-01")
def test_what_is_written_is_read_again():
    made = ConnectionFile(
        "Site",
        "App",
        "1",
        ("https://[::1]:8443/auth/v1.0",),
        "u",
        "k",
        (PEM, PEM),
        "mp4",
        True,
        True,
        True,
        RSA,
        "key-1",
    )
    assert parse(write(made)) == made
    plain = replace(made, wants_encryption=False, public_key=b"", public_key_id="", certificates=())
    assert parse(write(plain)) == plain
    assert "PublicKey" not in json.loads(write(plain))


@pytest.mark.req("DEST-01")
def test_what_may_change_later_and_what_may_not():
    known = parse(file(FullStoreAndReadSupport=True, ContainerType="mp4"))
    for change in ({"site": "b"}, {"user": "b"}, {"key": "b"}, {"auth_uris": ("https://b/",)}, {"certificates": ()}):
        check_change(known, replace(known, **change))
    check_change(replace(known, has_full_support=False), known)
    check_change(known, replace(known, wants_encryption=True, public_key=RSA, public_key_id="k"))
    with pytest.raises(ConnectionFileError, match="ContainerType"):
        check_change(known, replace(known, container_type="mkv"))
    with pytest.raises(ConnectionFileError, match="FullStoreAndReadSupport"):
        check_change(known, replace(known, has_full_support=False))
    with pytest.raises(ConnectionFileError, match="WantEncryption"):
        check_change(replace(known, wants_encryption=True), known)
