"""A reference destination of a scenario: a process of its own, behind a wire that can be slow or tell another time.

Law: real server, real TLS, real folder; what a scenario breaks is broken as people and disks break it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import sqlite3
import threading
from contextlib import closing, suppress
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from hil_tests.command_parts import bwc
from host_tools.bench.programs import LIMIT_S, Program, ScenarioFailed, free_port, until
from host_tools.bench.scenario_parts import Clip

CONNECT_S = 5.0  # for a connection within this machine
RELAY_BYTES = 16_384
DATE = re.compile(rb"(?im)^date: ([^\r\n]+)")


class DestinationServer:
    """Made and started by a scenario; ``port`` stays when it is stopped, killed or restored."""

    def __init__(self, folder: Path, settings: str = "", is_encrypted: bool = True) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.port = free_port()
        self._is_encrypted = is_encrypted
        bwc("destination", "create", str(folder), "--port", str(self.port))
        self._plain = (folder / "server.toml").read_text(encoding="utf-8")
        self.set(settings)
        options = ["--listen", "127.0.0.1", *([] if is_encrypted else ["--http"])]
        self._program = Program("destination", ["destination", "serve", str(folder), *options], self.log)

    def set(self, settings: str) -> None:
        """Other settings from the next start on."""
        (self.folder / "server.toml").write_text(self._plain + settings, encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._program.start()
        until(lambda: can_connect(self.port), "the destination to listen", check=self._program.check)

    def stop(self) -> None:
        """In order."""
        self._program.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._program.kill()

    def is_running(self) -> bool:
        """Whether it is."""
        return self._program.is_running()

    def issue(self, output: Path, port: int = 0) -> Path:
        """A connection file, for another port if something stands in between."""
        output.unlink(missing_ok=True)
        bwc("destination", "connection-file", str(self.folder), str(output))
        if port or not self._is_encrypted:
            text = output.read_text(encoding="utf-8").replace(f":{self.port}/", f":{port or self.port}/")
            if not self._is_encrypted:
                text = re.sub(r'  "HTTPSCertificate": \[[^]]*\],?\n', "", text.replace("https://", "http://"))
                text = re.sub(r",\n}", "\n}", text)
            output.write_text(text, encoding="utf-8")
        return output

    def back_up(self) -> Path:
        """A copy of everything, as a backup makes it."""
        copy = self.folder.with_name("backup")
        shutil.copytree(self.folder, copy)
        return copy

    def restore(self, backup: Path) -> None:
        """The copy in place of what is there."""
        shutil.rmtree(self.folder)
        shutil.copytree(backup, self.folder)

    def change(self, *statements: str) -> None:
        """What an administrator does over there, in the catalogue."""
        with closing(sqlite3.connect(self.folder / "catalogue.sqlite", timeout=LIMIT_S)) as catalogue, catalogue:
            for statement in statements:
                catalogue.execute(statement)

    def value(self, statement: str, *values: str) -> str:
        """The one value that a question to the catalogue answers; empty if there is none."""
        with closing(sqlite3.connect(self.folder / "catalogue.sqlite", timeout=LIMIT_S)) as catalogue:
            row = catalogue.execute(statement, values).fetchone()
        return str(row[0]) if row else ""

    def is_complete(self, container: str) -> bool:
        """Whether that recording has arrived whole."""
        return bool(self.value("SELECT 1 FROM containers WHERE name = ? AND completed_ms IS NOT NULL", container))

    def clip(self, container: str) -> Clip:
        """The one clip of a container."""
        file = self.value("SELECT file FROM objects WHERE container = ? AND name LIKE '%.mp4'", container)
        if not file:
            raise ScenarioFailed(f"container {container} has no clip")
        return Clip(self.folder / file)


class Relay:
    """A wire to a server: as slow as ``bytes_per_s``, and (over plain HTTP) telling a clock ``ahead_s`` off."""

    def __init__(self) -> None:
        self.port = free_port()
        self.bytes_per_s = 0
        self.ahead_s = 0
        self.passed_bytes = 0
        self._to_port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)

    def lead_to(self, port: int) -> None:
        """Where it ends."""
        self._to_port = port

    def __enter__(self) -> Relay:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            except OSError:
                writer.close()
                return
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._copy(reader, far_writer, is_answer=False))
                    both.create_task(self._copy(far_reader, writer, is_answer=True))
            except* OSError:
                pass
            finally:
                writer.close()
                far_writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_answer: bool) -> None:
        while data := await reader.read(RELAY_BYTES):
            if is_answer and self.ahead_s:
                data = DATE.sub(self._another_date, data, count=1)
            elif not is_answer:
                self.passed_bytes += len(data)
                if self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
            writer.write(data)
            await writer.drain()
        writer.close()

    def _another_date(self, found: re.Match[bytes]) -> bytes:
        moment = parsedate_to_datetime(found[1].decode()) + timedelta(seconds=self.ahead_s)
        return b"date: " + format_datetime(moment, usegmt=True).encode()


def can_connect(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), CONNECT_S).close()
    except OSError:
        return False
    return True
