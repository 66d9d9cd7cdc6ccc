"""A PostgreSQL server of one run: Debian's package, below one folder, on a socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

USER = "postgres"  # the server refuses to run as root
PROGRAMS = "/usr/lib/postgresql/*/bin"


class RowServer:
    """``folder``: short, since a socket's path is; its owner may be another user than ours."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/").glob(f"{PROGRAMS[1:]}/initdb"))
        if not found:
            raise SystemExit("initdb is missing, so there is no PostgreSQL: apt-get install postgresql")
        self._programs = found[-1].parent
        self.folder = folder
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        self._run("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "--no-sync", "--locale=C.UTF-8")

    def url(self, database: str) -> str:
        """Of a database, which is made."""
        self._run("createdb", "-h", str(self.folder), "-U", USER, database)
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """``immediate``: as a crash does it."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def _run(self, program: str, *words: str) -> None:
        user = pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None
        group = pwd.getpwnam(USER).pw_gid if os.geteuid() == 0 else None
        subprocess.run(
            [str(self._programs / program), *words], check=True, stdout=subprocess.DEVNULL, cwd="/",
            user=user, group=group, extra_groups=[] if user is not None else None,
        )  # fmt: skip
