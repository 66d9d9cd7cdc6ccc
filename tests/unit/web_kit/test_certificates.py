"""Certificates of a server: made, asked for, installed, chosen; and shown to browsers without a pause."""

from __future__ import annotations

import asyncio
import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_tools.web_kit import certificates
from host_tools.web_kit.certificate_folder import CERTIFICATES_MAX, OWN_NAME, CertificateFolder
from host_tools.web_kit.errors import WebError
from host_tools.web_kit.guard import Receive, Scope, Send
from host_tools.web_kit.serving import TlsFront, serving
from tests.patience import LIMIT_S

NOW_MS = int(datetime.now(UTC).timestamp() * 1000)  # a browser looks at the machine's clock, too
DAY_MS = 86_400_000
HOSTS = ("127.0.0.1", "localhost", "station.example")


class Authority:
    """Signs requests, as somebody's own one would. ``days``: for how long it is valid itself."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None, days: int = 365) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
        now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name).public_key(self.key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip

    def sign(self, request: str, days: int = 90, use: x509.ObjectIdentifier | None = None) -> bytes:
        """A certificate with its chain, in PEM. ``use``: what it says that it is for, if anything."""
        asked = x509.load_pem_x509_csr(request.encode())
        assert asked.is_signature_valid
        now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
        names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        builder = (
            x509.CertificateBuilder().subject_name(asked.subject).issuer_name(self.name).public_key(asked.public_key())
            .serial_number(2).not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=days))
            .add_extension(names, critical=False)
        )  # fmt: skip
        if use is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        leaf = builder.sign(self.key, hashes.SHA256())
        return leaf.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    return CertificateFolder(tmp_path / "https", "A station")


@pytest.mark.req("CTRL-15")
def test_the_first_start_makes_one_and_the_next_keeps_it(folder: CertificateFolder, tmp_path: Path):
    pair = folder.ensure(HOSTS, NOW_MS)
    first = pair.certificate.read_bytes()
    assert CertificateFolder(tmp_path / "https", "A station").ensure(("other.example",), NOW_MS + DAY_MS) == pair
    assert pair.certificate.read_bytes() == first
    said = certificates.describe(first)
    assert set(said.hosts) == set(HOSTS)
    assert said.self_signed
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "https").iterdir()} == {0o600}


@pytest.mark.req("CTRL-15")
def test_a_request_is_signed_installed_and_activated(folder: CertificateFolder):
    folder.ensure(HOSTS, NOW_MS)
    request = folder.request("city-2026", HOSTS, "City")
    assert "PRIVATE" not in request
    assert {each["name"]: each["state"] for each in folder.all()} == {OWN_NAME: "active", "city-2026": "requested"}
    assert [each["request"] for each in folder.all() if each["state"] == "requested"] == [request], "to be had again"
    with pytest.raises(WebError, match="install what was signed first"):
        folder.activate("city-2026", NOW_MS)
    folder.install("city-2026", Authority().sign(request), NOW_MS)
    folder.activate("city-2026", NOW_MS)
    assert {each["name"]: each["state"] for each in folder.all()} == {OWN_NAME: "installed", "city-2026": "active"}
    with pytest.raises(WebError, match="is in use"):
        folder.remove("city-2026")
    folder.remove(OWN_NAME)
    assert [each["name"] for each in folder.all()] == ["city-2026"]


@pytest.mark.req("CTRL-15")
def test_names_are_unique_and_plain(folder: CertificateFolder):
    folder.make_self_signed("spare", HOSTS, NOW_MS)
    with pytest.raises(WebError, match="the name is taken"):
        folder.request("spare", HOSTS)
    for name in ("", "../key", "UPPER", ".hidden", "a" * 41, "a/b", "é"):
        with pytest.raises(WebError, match="certificate name"):
            folder.make_self_signed(name, HOSTS, NOW_MS)
    for number in range(CERTIFICATES_MAX - 1):
        folder.make_self_signed(f"n{number}", ("localhost",), NOW_MS)
    with pytest.raises(WebError, match="remove one"):
        folder.make_self_signed("one-more", HOSTS, NOW_MS)


def test_what_is_not_right_is_not_installed(folder: CertificateFolder):
    request, other = folder.request("a", HOSTS), folder.request("b", HOSTS)
    authority = Authority()
    leaf = authority.sign(request).split(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n"
    stranger = Authority().certificate.public_bytes(Encoding.PEM)
    for pem, said in (
        (b"nothing", "is none in PEM form"),
        (authority.sign(other), "for another key"),
        (authority.sign(request, days=-1), "not valid today"),
        (leaf + stranger, "does not fit together"),
        (Authority(days=-1).sign(request), "its issuer CN=An authority is not valid today"),
        (authority.sign(request, use=ExtendedKeyUsageOID.CLIENT_AUTH), "is not for servers"),
        (authority.sign(request) * 9, "a chain of more than"),
        (b"x" * (certificates.PEM_BYTES_MAX + 1), "more than"),
    ):
        with pytest.raises(WebError, match=said):
            folder.install("a", pem, NOW_MS)
    folder.install("a", leaf, NOW_MS)
    with pytest.raises(WebError, match="is installed already"):
        folder.install("a", leaf, NOW_MS)
    with pytest.raises(WebError, match="there is none of that name"):
        folder.install("c", leaf, NOW_MS)


# An algorithm, a curve that are none, and twice the same extension: of other schools, and of whoever tries.
@pytest.mark.parametrize(
    ("there", "instead"),
    [("2a8648ce3d0201", "2a8648ce3d0277"), ("2a8648ce3d030107", "2a8648ce3d030177"), ("551d25", "551d11")],
)
def test_a_certificate_of_a_kind_that_nobody_here_knows_is_refused_in_one_line(
    folder: CertificateFolder, there: str, instead: str
):
    request = folder.request("odd", HOSTS)
    authority = Authority()
    pem = authority.sign(request, use=ExtendedKeyUsageOID.SERVER_AUTH)
    leaf = x509.load_pem_x509_certificates(pem)[0].public_bytes(Encoding.DER)
    odd = leaf.replace(bytes.fromhex(there), bytes.fromhex(instead))
    with pytest.raises(WebError, match="is of a kind that this software cannot use"):
        folder.install("odd", ssl.DER_cert_to_PEM_cert(odd).encode(), NOW_MS)


@pytest.mark.req("CTRL-15")
def test_what_tls_would_not_take_is_never_chosen(folder: CertificateFolder, tmp_path: Path):
    """It looks right and OpenSSL refuses it. Chosen all the same, no controller would start with it again."""
    first = folder.ensure(HOSTS, NOW_MS)
    weak = Authority(rsa.generate_private_key(65_537, 1_024))
    pem = weak.sign(folder.request("weak", HOSTS))
    with pytest.raises(WebError, match="this machine's TLS does not take it"):
        folder.install("weak", pem, NOW_MS)
    (tmp_path / "https" / "weak.pem").write_bytes(pem)  # as one that an older OpenSSL has taken
    with pytest.raises(WebError, match="cannot be used"):
        folder.activate("weak", NOW_MS)
    assert CertificateFolder(tmp_path / "https", "A station").ensure(HOSTS, NOW_MS) == first


@pytest.mark.req("CTRL-15")
def test_a_server_starts_whatever_became_of_its_certificate(folder: CertificateFolder, tmp_path: Path):
    home = tmp_path / "https"
    folder.ensure(HOSTS, NOW_MS)
    (home / f"{OWN_NAME}.key").unlink()  # a power cut between the two files of the first start
    TlsFront(*folder.ensure(HOSTS, NOW_MS))
    (home / f"{OWN_NAME}.pem").write_bytes(b"damaged")
    pair = folder.ensure(HOSTS, NOW_MS)
    TlsFront(*pair)
    assert pair.certificate.name == f"{OWN_NAME}-2.pem"
    assert [each["name"] for each in folder.all() if each["state"] == "active"] == [f"{OWN_NAME}-2"]
    request = folder.request("city", HOSTS)
    (home / "city.key").write_bytes(b"damaged")
    with pytest.raises(WebError, match="its key on the disk is damaged"):
        folder.install("city", Authority().sign(request), NOW_MS)


@pytest.mark.parametrize("host", ["höst name", "a b", "<b>", "a\nb", ".a", "a..b", "-a", "*", "a.*", "x" * 64, "a/b"])
def test_hosts_that_are_none_are_named(folder: CertificateFolder, host: str):
    with pytest.raises(WebError, match="is no address and no name"):
        folder.make_self_signed("x", (host,), NOW_MS)
    folder.make_self_signed("y", ("*.station.example", "pc_7", "::1"), NOW_MS)


def rsa_pair(folder: Path) -> tuple[Path, Path]:
    """A certificate with a key of another kind, as an authority of the old school gives."""
    key = rsa.generate_private_key(65_537, 2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old school")])
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    leaf = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "rsa.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "rsa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "rsa.pem", folder / "rsa.key"


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that says hello."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def connect(port: int, trusted: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that trusts exactly one certificate."""
    context = ssl.create_default_context(cafile=str(trusted))
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")


async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """One request on it."""
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"200" in head.splitlines()[0]
    return await reader.readexactly(5)


@pytest.mark.req("CTRL-15")
def test_a_certificate_is_swapped_and_open_connections_go_on(folder: CertificateFolder, tmp_path: Path):
    async def main() -> None:
        pair = folder.ensure(HOSTS, NOW_MS)
        front = TlsFront(*pair)
        async with asyncio.timeout(LIMIT_S), serving(hello, "127.0.0.1", 0, front) as port:
            reader, writer = await connect(port, pair.certificate)
            assert await asks(reader, writer) == b"hello"
            certificate, key = rsa_pair(tmp_path)
            front.swap(certificate, key)
            assert await asks(reader, writer) == b"hello"  # the old connection
            new_reader, new_writer = await connect(port, certificate)
            assert await asks(new_reader, new_writer) == b"hello"
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(port, pair.certificate)
            with pytest.raises(WebError, match="cannot be used"):
                front.swap(pair.certificate, key)
            for each in (writer, new_writer):
                each.close()
                await each.wait_closed()

    asyncio.run(main())


def test_whoever_connects_and_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.web_kit.serving.HEAD_S_MAX", 0.05)

    async def main() -> None:
        async with asyncio.timeout(LIMIT_S), serving(hello, "127.0.0.1", 0, None) as port:
            for sent in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
                writer.close()

    asyncio.run(main())


def test_whoever_connects_and_is_silent_takes_no_descriptor_beyond_the_last(
    folder: CertificateFolder, monkeypatch: pytest.MonkeyPatch
):
    """Before TLS nobody is asked who they are, and a process has a thousand descriptors, which recordings need."""
    monkeypatch.setattr("host_tools.web_kit.serving.SILENT_MAX", 1)

    async def main() -> None:
        pair = folder.ensure(HOSTS, NOW_MS)
        async with asyncio.timeout(LIMIT_S), serving(hello, "127.0.0.1", 0, TlsFront(*pair), 2) as port:
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with suppress(ConnectionResetError):
                assert await reader.read() == b"", "one too many is hung up on"
            assert not [each for each, _ in silent if each.at_eof()], "at once, and not when its time is over"
            writer.close()
            silent.pop()[1].close()
            while True:  # until the server has seen that one has gone
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    taken = await connect(port, pair.certificate)
                    assert await asks(*taken) == b"hello"
                    break
            for _, each in (*silent, taken):
                each.close()

    asyncio.run(main())


def test_a_port_that_is_taken_is_named():
    async def main() -> None:
        async with serving(hello, "127.0.0.1", 0, None) as port:
            with pytest.raises(WebError, match=f"127.0.0.1:{port}: is taken"):
                async with serving(hello, "127.0.0.1", port, None):
                    pass

    asyncio.run(main())
