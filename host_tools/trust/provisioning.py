"""What a camera's maker does: a certificate authority of its own, and an IDevID for every camera it makes.

The emulator is the maker of emulated cameras, a workshop that of its own boards. The maker's key needs no passphrase
here: whoever has it can make cameras that a system *may* adopt, and an administrator adopts each on purpose.
"""

from __future__ import annotations

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.secure import certificates
from firmware.secure.certificates import IDEVID, CertificateFault
from firmware.secure.certificates_keys import new_key
from firmware.secure.certificates_request import read_request
from firmware.secure.certificates_store import CameraIdentity
from host_tools.trust.authority import Authority, make_issuing, make_root
from host_tools.trust.errors import TrustError, TrustFileError
from host_tools.trust.record import authority_from_fields, authority_to_fields

PATH = "manufacturer"
MANUFACTURER_BYTES_MAX = 16 << 10
_WHAT = "manufacturer"
_KEYS = frozenset({"format", "schema", "issuing"})


class Manufacturer:
    """Makes IDevIDs. ``root``: the certificate that systems have to trust to adopt its cameras."""

    def __init__(self, issuing: Authority, entropy: Entropy) -> None:
        self._issuing = issuing
        self._entropy = entropy

    @property
    def root(self) -> bytes:
        """See the class."""
        return self._issuing.chain[-1]

    def certify(self, request: bytes, now_ms: int) -> tuple[bytes, ...]:
        """The IDevID for whom a request names. TrustError if it does not hold, or asks for something else."""
        try:
            asked = read_request(request)
        except CertificateFault as error:
            raise TrustError(f"the camera's request does not hold: {error}") from error
        if asked.kind != IDEVID:
            raise TrustError(f"{asked.serial} asks its maker for {asked.kind}: a maker gives IDevIDs")
        return self._issuing.issue(IDEVID, asked.serial, asked.key, now_ms, self._entropy)

    def provision(self, camera: CameraIdentity, now_ms: int) -> None:
        """Give a new camera its key and its IDevID."""
        camera.provision(self.certify(camera.request(IDEVID), now_ms))


def make_manufacturer(files: Files, name: str, now_ms: int, entropy: Entropy) -> Manufacturer:
    """A new maker, kept in ``files``. Its root key is used once and not kept."""
    if files.exists(PATH):
        raise TrustError("this folder holds a manufacturer already: use an empty one")
    root = make_root(name, new_key(entropy), now_ms, entropy, forever=True)
    issuing = make_issuing(root, new_key(entropy), now_ms, entropy, forever=True)
    document = {
        "format": "openbwc-" + _WHAT,
        "schema": canonical.SCHEMA,
        "issuing": authority_to_fields(issuing),
    }
    file = files.create(PATH + ".new")
    try:
        file.write_at(0, canonical.encode(document))
        file.sync()
    finally:
        file.close()
    files.rename(PATH + ".new", PATH)
    files.sync_folder("")
    return Manufacturer(issuing, entropy)


def open_manufacturer(files: Files, entropy: Entropy) -> Manufacturer:
    """The maker that is kept in ``files``. TrustFileError if there is none or it does not hold."""
    try:
        file = files.open(PATH)
    except NotFound as error:
        raise TrustFileError("no manufacturer is here: make one") from error
    try:
        data = bytearray(min(file.size_bytes(), MANUFACTURER_BYTES_MAX + 1))
        file.read_at(0, data)
    finally:
        file.close()
    try:
        document = canonical.decode(data, _WHAT, MANUFACTURER_BYTES_MAX)
        canonical.require_kind(document, _WHAT)
        canonical.require_keys(document, _KEYS, _WHAT)
        issuing = authority_from_fields(document["issuing"], _WHAT)
        certificates.verify_authority(issuing.chain[0], issuing.chain[-1])
    except (FormatError, CertificateFault) as error:
        raise TrustFileError(f"the manufacturer's file was changed or is damaged: {error}") from error
    return Manufacturer(issuing, entropy)
