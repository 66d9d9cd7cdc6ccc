"""How long tests wait for what takes a moment.

A test waits for the thing itself, never for a time in which it ought to have come; this is when it gives up. A machine
that is busy with other work is not broken, and a wait that is not used up costs nothing.
"""

from __future__ import annotations

from typing import Final

LIMIT_S: Final = 120.0  # a hundred times what the slowest takes on a quiet machine; well within pytest's own limit
