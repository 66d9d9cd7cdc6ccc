"""What the server has told, kept in its folder: two files, the older one dropped when the newer is full.

Law: one line each, with its time in UTC; nothing secret is ever told. For people who look for the cause of a red light,
and for the export of logs.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

LOG_NAME = "destination.log"
OLDER_NAME = "destination.log.1"
LOG_BYTES_MAX = 4 << 20  # each: some tens of thousands of lines
LINE_CHARACTERS_MAX = 2_000


class LogBook:
    """May be called from several threads. A disk that does not take a line does not stop the server."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_NAME
        self._older = folder / OLDER_NAME
        self._lock = threading.Lock()
        self.lost_lines = 0

    def tell(self, text: str, now_ms: int) -> None:
        """Keep a line."""
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{moment} {' '.join(text.split())[:LINE_CHARACTERS_MAX]}\n"
        with self._lock:
            try:
                if self._path.exists() and self._path.stat().st_size >= LOG_BYTES_MAX:
                    self._path.replace(self._older)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(line)
            except OSError:
                self.lost_lines += 1

    def text(self) -> str:
        """All that is kept, oldest first."""
        with self._lock:
            parts = [path.read_text(encoding="utf-8", errors="replace") for path in self._paths() if path.exists()]
        return "".join(parts)

    def _paths(self) -> tuple[Path, Path]:
        return self._older, self._path
