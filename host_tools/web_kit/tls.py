"""A server's TLS: from two files to a context that OpenSSL answers handshakes with.

Law: what OpenSSL takes is OpenSSL's word alone. A certificate that looks right may be refused by it all the same (an
issuer's key that is too short, a digest that is too old), so this is asked before one is chosen.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from host_tools.web_kit.errors import WebError


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context, TLS 1.2 at least. WebError if the pair cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise WebError(f"{certificate}: the certificate or its key cannot be used ({error}): make them anew") from error
    return context
