"""The wire trace of a scenario: what its controller's ports have carried, decoded, as entries and as lines.

Law: reads the captures that the controller of the scenario wrote (``bwc controller --capture``), so it is the same on
any bench. A capture that is still being written is read as far as it goes. Bulk data is told by its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from host_tools.protocol.decode import FRAME, MESSAGE, SEALED, Entry, text_of
from host_tools.protocol.pcapng import CaptureFileError
from host_tools.protocol.replay import read_entries

LINE_CHARACTERS_MAX = 400  # of one entry: what is longer is bulk
LINES_KEPT_MAX = 2_000  # of a report: the end tells why it failed
QUIET = frozenset(
    {"ack", "ping", "pong", "probe", "probe_echo", "segment"}
)  # signs of life, tests of the line, envelopes


class Trace:
    """All captures in a folder, the oldest first. Every question reads them anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """One for each start of the controller."""
        return sorted(self.folder.glob("*.pcapng"))

    def entries(self, board: str | None = None) -> Iterator[Entry]:
        """Everything, or what one port has carried."""
        for path in self.files():
            try:
                yield from read_entries(path, board)
            except CaptureFileError:
                continue  # cut off in the middle of a block: its program was killed, or is writing it now

    def messages(self, name: str, board: str | None = None) -> list[Entry]:
        """Messages of that name."""
        return [entry for entry in self.entries(board) if entry.what == MESSAGE and entry.name == name]

    def lines(self, limit: int = LINES_KEPT_MAX) -> list[str]:
        """As ``bwc replay`` prints it, the newest ``limit`` of them, without what only keeps a line alive; the first
        line tells what was left out."""
        kept: list[str] = []
        dropped = 0
        for entry in self.entries():
            if entry.what == FRAME and entry.name in QUIET and not entry.remark:
                continue
            kept.append(text_of(entry)[:LINE_CHARACTERS_MAX])
            if len(kept) > 2 * limit:
                dropped += len(kept) - limit
                kept = kept[-limit:]
        dropped += max(0, len(kept) - limit)
        kept = kept[-limit:]
        return [f"({dropped} earlier lines left out)", *kept] if dropped else kept

    def counts(self) -> dict[str, int]:
        """How many messages, sealed records, frames and so on."""
        found: dict[str, int] = {MESSAGE: 0, SEALED: 0, FRAME: 0}
        for entry in self.entries():
            found[entry.what] = found.get(entry.what, 0) + 1
        return found
