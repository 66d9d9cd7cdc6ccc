"""Keys in memory: gone with the object. For tests and simulation."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import NotFound
from firmware.ports.keystore import PROTECTED_BY_NOTHING, Keystore, check_slot

if TYPE_CHECKING:
    from firmware.ports.keystore import Buffer, KeyAlgorithm


class MemoryKeystore(Keystore):
    """See Keystore. ``algorithm`` makes and uses the keys."""

    protection = PROTECTED_BY_NOTHING

    def __init__(self, algorithm: "KeyAlgorithm") -> None:
        self._algorithm = algorithm
        self._keys = {}  # type: dict[str, bytes]

    def make_key(self, slot: str) -> None:
        """See Keystore."""
        self._keys[check_slot(slot)] = self._algorithm.make()

    def has_key(self, slot: str) -> bool:
        """See Keystore."""
        return check_slot(slot) in self._keys

    def public_key(self, slot: str) -> bytes:
        """See Keystore."""
        return self._algorithm.public_key(self._private(slot))

    def sign(self, slot: str, data: "Buffer") -> bytes:
        """See Keystore."""
        return self._algorithm.sign(self._private(slot), data)

    def tls_key(self, slot: str) -> bytes:
        """See Keystore."""
        return self._algorithm.tls_key(self._private(slot))

    def destroy(self, slot: str) -> None:
        """See Keystore."""
        self._keys.pop(check_slot(slot), None)

    def _private(self, slot: str) -> bytes:
        private = self._keys.get(check_slot(slot))
        if private is None:
            raise NotFound("key slot %s is empty: make a key first" % slot)
        return private
