"""Real servers on this machine's loopback that mail and telemetry are sent to: aiosmtpd, mosquitto, amqtt."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ipaddress
import shutil
import ssl
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from host_tools.controller.notify_settings import MailSettings
from tests.patience import LIMIT_S

LOCAL = "127.0.0.1"
USER, PASSWORD = "bwc", "two ships in a bottle"


@dataclass
class Certificates:
    """A pair for both ends of a connection, which vouches for itself."""

    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What the server uses."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificates(folder: Path, name: str = "localhost") -> Certificates:
    """A pair in files, the key for its owner alone. Good for the name, and at 127.0.0.1 if that is this machine's."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    names += [x509.IPAddress(ipaddress.ip_address(LOCAL))] if name == "localhost" else []
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    made = Certificates(folder / f"{name}.pem", folder / f"{name}.key")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.touch(0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def secret_file(folder: Path, text: str = PASSWORD, mode: int = 0o600) -> Path:
    """A password in a file."""
    path = folder / "password"
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


@dataclass
class MailBox:
    """What a server has taken. ``answers``: what it says to the next recipients and mails, instead of taking them."""

    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    raw: list[bytes] = field(default_factory=list[bytes])
    at_recipient: list[str] = field(default_factory=list[str])
    at_data: list[str] = field(default_factory=list[str])
    recipients: list[str] = field(default_factory=list[str])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A recipient is named."""
        if self.at_recipient:
            return self.at_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """A mail is here."""
        if self.at_data:
            return self.at_data.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        made = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        self.recipients += envelope.rcpt_tos
        self.arrived.set()
        return "250 taken"

    @property
    def subjects(self) -> list[str]:
        """In order."""
        return [str(mail["Subject"]) for mail in self.mails]


@asynccontextmanager
async def mail_server(
    box: MailBox,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
    port: int = 0,
) -> AsyncGenerator[int]:
    """aiosmtpd; its port."""

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    def made() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of logins without STARTTLS, also where TLS is there before it
            return SMTP(
                box,
                hostname="mail.example.org",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=login,
                auth_require_tls=starttls is not None,
                authenticator=authenticate,
            )

    server = await asyncio.get_running_loop().create_server(made, LOCAL, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)


def mail_settings(port: int, **more: Any) -> MailSettings:
    """A server here, without encryption unless said."""
    values: dict[str, Any] = {
        "mail_server": LOCAL,
        "mail_port": port,
        "mail_security": "none",
        "mail_from": "bwc@example.org",
    }
    return MailSettings.model_validate({**values, **more})


async def until(holds: Callable[[], bool], what: str = "") -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not holds():  # noqa: ASYNC110  # what is waited for is another program's
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"did not happen: {what}") from None


def mosquitto() -> str | None:
    """The program, where it is installed."""
    return shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
