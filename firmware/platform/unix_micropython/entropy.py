"""The entropy port: the system's generator."""

import os

from firmware.ports.entropy import Entropy


class SystemEntropy(Entropy):
    """What the kernel gives."""

    def random_bytes(self, count: int) -> bytes:
        """See Entropy."""
        return os.urandom(count)
