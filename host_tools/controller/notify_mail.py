"""One mail to one server: composed so that no text of ours or of a device's can become a header, sent, or a fault that
says what to do.

Law: everything here blocks, and each step of it ends by itself. A certificate that does not fit is never looked past.
"""

from __future__ import annotations

import contextlib
import email.policy
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from host_tools.controller.credential_files import CredentialFault, is_this_machine, read_secret
from host_tools.controller.notify_settings import PORTS, MailSettings
from host_tools.hardware.said import printable

ANSWER_S_MAX = 20  # for each answer of a server: some think for a while before they take a mail
SUBJECT_CHARACTERS_MAX = 160  # two lines of a mail program
SAID_CHARACTERS_MAX = 160  # of what a server says

NO_SERVER = "mail: no server; put mail_server into the settings file"


class MailFault(Exception):
    """It was not sent. One line. ``refused``: for good, as far as the server is concerned."""

    def __init__(self, text: str, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


def sender_of(settings: MailSettings) -> str:
    """Whom mail is from. MailFault: nobody, or there is no server at all."""
    if not settings.mail_server:
        raise MailFault(NO_SERVER)
    sender = settings.mail_from or (settings.mail_user if "@" in settings.mail_user else "")
    if not sender:
        raise MailFault("mail: no sender; put mail_from into the settings file")
    return sender


def compose(sender: str, address: str, subject: str, body: str, message_id: str, made_ms: int) -> EmailMessage:
    """A mail. MailFault: one of the addresses cannot be one."""
    message = EmailMessage(email.policy.SMTP)
    try:
        message["From"] = Address(addr_spec=one_line(sender))
        message["To"] = Address(addr_spec=one_line(address))
    except (MessageError, ValueError, IndexError):
        raise MailFault(f"mail: {one_line(address)[:80]} is no address: correct it in the settings") from None
    message["Subject"] = one_line(subject)[:SUBJECT_CHARACTERS_MAX]
    message["Date"] = format_datetime(datetime.fromtimestamp(made_ms / 1000, UTC))
    message["Message-ID"] = f"<{one_line(message_id)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers to it
    message.set_content("\n".join(printable(line) for line in body.split("\n")))
    return message


def one_line(text: str) -> str:
    """The text without anything that could end a header."""
    return " ".join(printable(text).split())


class Mailer:
    """The server of a settings file."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._client: smtplib.SMTP | None = None

    def lacks(self) -> str:
        """What the settings file lacks, so that no mail can go at all; "" if nothing."""
        try:
            sender_of(self._settings)
        except MailFault as fault:
            return str(fault)
        return ""

    def send(self, address: str, subject: str, body: str, message_id: str, made_ms: int) -> None:
        """Return when the server has taken it. MailFault."""
        sender = sender_of(self._settings)
        message = compose(sender, address, subject, body, message_id, made_ms)
        server = f"mail server {self._settings.mail_server}"
        try:
            client = self._connected(sender.rpartition("@")[2])
            try:
                client.send_message(message)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    client.quit()  # the mail is the server's already: how it says goodbye changes nothing
            finally:
                client.close()
        except CredentialFault as fault:
            raise MailFault(str(fault)) from fault
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _fault_of(server, error) from error
        finally:
            self._client = None

    def abort(self) -> None:
        """End a ``send`` that another thread is in."""
        client = self._client
        if client is not None and isinstance(client.sock, socket.socket):
            with contextlib.suppress(OSError):
                client.sock.shutdown(socket.SHUT_RDWR)

    def _connected(self, own_name: str) -> smtplib.SMTP:
        """A server that has let us in."""
        settings = self._settings
        if not settings.mail_server:
            raise MailFault(NO_SERVER)
        login = self._login()
        host, port = settings.mail_server, settings.mail_port or PORTS[settings.mail_security]
        if settings.mail_security == "tls":
            client = smtplib.SMTP_SSL(host, port, own_name, timeout=ANSWER_S_MAX, context=self._context())
        else:
            client = smtplib.SMTP(host, port, own_name, timeout=ANSWER_S_MAX)
        self._client = client
        try:
            if settings.mail_security == "starttls":
                client.starttls(context=self._context())
            if login is not None:
                client.login(*login)
        except (smtplib.SMTPException, OSError, ValueError):
            client.close()
            raise
        return client

    def _login(self) -> tuple[str, str] | None:
        settings = self._settings
        if not settings.mail_user or settings.mail_password_file is None:
            return None
        if settings.mail_security == "none" and not is_this_machine(settings.mail_server):
            raise MailFault("mail: a password needs an encrypted connection; set mail_security to starttls or tls")
        return settings.mail_user, read_secret(settings.mail_password_file)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.mail_ca_file)


def _fault_of(server: str, error: Exception) -> MailFault:
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailFault(
            f"{server}: its certificate does not fit ({error.verify_message}); name who vouches for it: mail_ca_file"
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return MailFault(f"{server} refuses user and password ({_said(error)}); check mail_user and the password file")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return _by_code(server, code, said)
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(server, error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MailFault(f"{server} cannot do it ({one_line(str(error))[:SAID_CHARACTERS_MAX]}); check mail_security")
    if isinstance(error, UnicodeError):
        return MailFault(f"{server}: user or password is not plain text; check the password file")
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return MailFault(
        f"{server}: no mail goes through ({one_line(text)[:SAID_CHARACTERS_MAX]}); check server and network"
    )


def _by_code(server: str, code: int, said: bytes | str) -> MailFault:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    shown = f"{code} {one_line(text)[:SAID_CHARACTERS_MAX]}"
    if 500 <= code < 600:
        return MailFault(f"{server} refuses the mail ({shown}); check the address and mail_from", refused=True)
    return MailFault(f"{server} takes no mail now ({shown}); it is tried again")


def _said(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{error.smtp_code} {one_line(text)[:SAID_CHARACTERS_MAX]}"
