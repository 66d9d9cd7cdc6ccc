"""What happens in a controller, told to whoever listens: progress bars, logs, tests waiting for something."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from host_tools.controller.happening_words import sentence

Happening = dict[str, Any]
Listener = Callable[[Happening], None]

LOG = logging.getLogger("openbwc.controller")


class Happenings:
    """Listeners get plain values: ``{"what": word, "at_unix_ms": …, ...}``. A listener must not block. ``wall_ms``: the
    controller's clock."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self.wall_ms = wall_ms
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` for everything from now on."""
        self._listeners.append(listener)

    def tell(self, what: str, **details: Any) -> None:
        """Something has happened."""
        if what != "progress":
            LOG.info("%s", sentence(what, details))
        happening = {"what": what, "at_unix_ms": self.wall_ms(), **details}
        for listener in self._listeners:
            listener(happening)
