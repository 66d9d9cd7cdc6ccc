"""The entropy port on Linux."""

import os

from firmware.ports.entropy import Entropy


class LinuxEntropy(Entropy):
    """The kernel's generator; waits at first boot until that has been seeded."""

    def random_bytes(self, count: int) -> bytes:
        """See Entropy."""
        return os.urandom(count)
