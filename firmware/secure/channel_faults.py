"""Why a channel could not be, in words: one table, and what OpenSSL's own reasons mean in it."""

import ssl
from dataclasses import dataclass

# code, what it says, remedy for the reader of a log
FAULTS = (
    ("unknown_issuer", "the peer's certificate was issued by nobody trusted here", "it belongs to another system"),
    ("refused_there", "the peer does not accept our certificate", "it belongs to another system"),
    ("no_certificate", "the peer shows no certificate", "it is no board or controller of ours"),
    ("bad_certificate", "the peer's certificate does not hold", "provision or adopt it anew"),
    ("wrong_purpose", "the peer's certificate is for another purpose", "it plays a part that is not its own"),
    ("wrong_serial", "the peer's certificate is another device's", "one of the two serials is forged"),
    ("downgraded", "the peer, or somebody between, wants an older protocol", "update the older side"),
    ("resumed", "a session was resumed", "sessions are never resumed here: update the other side"),
    ("truncated", "the stream ended before the peer said so", "dock the camera again"),
    ("timeout", "the peer did not prove itself in time", "dock the camera again"),
    ("flooded", "the peer sent too much before it proved itself", "it speaks another protocol"),
    ("protocol", "the peer's bytes are no TLS 1.3", "it speaks another protocol, or the bytes were changed"),
)
TEXTS = {code: f"{what}: {remedy}" for code, what, remedy in FAULTS}

# The first part found in OpenSSL's reason decides. An alert is what the peer says about us.
_REASONS = (
    ("ALERT_PROTOCOL_VERSION", "downgraded"),
    ("ALERT_NO_APPLICATION_PROTOCOL", "downgraded"),
    ("ALERT_UNKNOWN_CA", "refused_there"),
    ("ALERT_CERTIFICATE", "refused_there"),
    ("ALERT_BAD_CERTIFICATE", "refused_there"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "refused_there"),
    ("ALERT_ACCESS_DENIED", "refused_there"),
    ("UNSUPPORTED_PROTOCOL", "downgraded"),
    ("WRONG_SSL_VERSION", "downgraded"),
    ("INAPPROPRIATE_FALLBACK", "downgraded"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "no_certificate"),
    ("UNEXPECTED_EOF", "truncated"),
)
# X509_V_ERR_* of openssl/x509_vfy.h
_VERIFY_CODES = {
    2: "unknown_issuer",  # unable to get issuer certificate
    7: "unknown_issuer",  # certificate signature failure
    18: "unknown_issuer",  # self-signed certificate
    19: "unknown_issuer",  # self-signed certificate in chain
    20: "unknown_issuer",  # unable to get local issuer certificate
    21: "unknown_issuer",  # unable to verify the first certificate
    26: "wrong_purpose",  # unsuitable certificate purpose
    79: "wrong_purpose",  # invalid CA certificate
}
_TEXT_CHARACTERS_MAX = 160


@dataclass(frozen=True, slots=True)
class Fault:
    """``code``: a word of FAULTS; ``text``: one line that says what and what to do."""

    code: str
    text: str


def fault(code: str, detail: str = "") -> Fault:
    """A fault by its word, with what is known beyond it."""
    return Fault(code, TEXTS[code] if not detail else f"{TEXTS[code]} ({detail[:_TEXT_CHARACTERS_MAX]})")


def fault_of(error: ssl.SSLError) -> Fault:
    """What an error of OpenSSL means here."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return fault(_VERIFY_CODES.get(error.verify_code, "bad_certificate"), error.verify_message)
    if isinstance(error, ssl.SSLEOFError):
        return fault("truncated")
    reason = error.reason or ""
    for part, code in _REASONS:
        if part in reason:
            return fault(code)
    return fault("protocol", reason.lower().replace("_", " "))
