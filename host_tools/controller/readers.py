"""RFID readers at work: those that the settings name and those that are plugged in, each in a task of its own.

Law: knows readers and tags, nothing of wearers or cameras. A reader that is lost, floods or lies ends its own task and
is tried again; nothing else notices. A reader that cannot be used is named with its USB identity and what can be done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from host_tools.controller.happenings import Happenings
from host_tools.hardware import UsbDevice, read_usb_tree
from host_tools.readers.errors import ReaderError, ReaderLost, UnsupportedReader
from host_tools.readers.interface import READY, Reader
from host_tools.readers.presence import Gone, Seen
from host_tools.readers.registry import open_reader, reader_of_usb, unsupported_reader
from host_tools.readers.tags import Tag
from host_tools.transports.registry import Registry

LOOK_S = 0.5  # between two looks at the USB tree: a reader is ready long before a person has let go of its plug
RETRY_S = 2.0  # before a reader that was lost or cannot be opened is tried again
RETRY_UNSUPPORTED_S = 10.0  # it will not change by itself; somebody may put other firmware onto it
READERS_MAX = 16  # of one controller: more are a fault of the USB tree

OPENING, READY_STATE, LOST_STATE, UNSUPPORTED_STATE = "opening", "ready", "lost", "unsupported"

LOG = logging.getLogger("openbwc.readers")


class ReaderPlace(NamedTuple):
    """A reader that the settings name. ``place``: where it stands, in words of the organisation."""

    url: str
    place: str = ""


class Found(NamedTuple):
    """A reader that is there. ``problem``: why it cannot be used, empty if it can."""

    url: str
    place: str
    identity: str
    problem: str


@dataclass
class ReaderView:
    """What status shows of a reader. ``state``: opening, ready, lost or unsupported."""

    url: str
    place: str
    identity: str = ""
    state: str = OPENING
    model: str = ""
    version: str = ""
    number: str = ""
    text: str = ""
    taps: int = 0

    def plain(self) -> dict[str, Any]:
        """As status prints it."""
        return dict(vars(self))


class ReaderFinder:
    """``usb_root``, ``dev``: as for boards; None: readers are found by the settings alone."""

    def __init__(self, named: Iterable[ReaderPlace], usb_root: Path | None, dev: Path, place: str = "") -> None:
        self._named = tuple(named)
        self._usb_root = usb_root
        self._dev = dev
        self._place = place

    def look(self) -> list[Found]:
        """All of them, those that the settings name first; what these have open is not found a second time."""
        found = {each.url: Found(each.url, each.place, "", "") for each in self._named}
        for device in () if self._usb_root is None else read_usb_tree(self._usb_root):
            each = self._plugged(device)
            if each is not None and not any(self._same(each.url, known) for known in found):
                found[each.url] = each
        return list(found.values())[:READERS_MAX]

    def _plugged(self, device: UsbDevice) -> Found | None:
        identity = f"{device.vid:04x}:{device.pid:04x} at USB port {device.location}"
        problem = unsupported_reader(device.vid, device.pid)
        if problem:
            return Found(f"usb-reader:{device.location}", self._place, identity, problem)
        url = reader_of_usb(device.vid, device.pid, str((self._dev / device.ttys[0]).absolute()) if device.ttys else "")
        return Found(url, self._place, identity, "") if url else None

    @staticmethod
    def _same(url: str, known: str) -> bool:
        """Whether two URLs open one port."""
        return _port_of(url) == _port_of(known)


class ReaderDesk:
    """``run`` until cancelled. ``on_tap`` is called on the loop for every badge that was held to a reader."""

    def __init__(
        self,
        finder: ReaderFinder,
        ports: Registry,
        now_ms: Callable[[], int],
        happenings: Happenings,
        on_tap: Callable[[ReaderView, Tag], None],
    ) -> None:
        self.views: dict[str, ReaderView] = {}
        self._finder = finder
        self._ports = ports
        self._now_ms = now_ms
        self._happenings = happenings
        self._on_tap = on_tap
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._shows: dict[str, _Show] = {}

    async def run(self) -> None:
        """Follow what is plugged in."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._follow(tasks, {each.url: each for each in self._finder.look()})
                await asyncio.sleep(LOOK_S)

    def show(self, url: str, word: str, back_after_s: float = 0.0) -> None:
        """Have a reader show a word of SIGNALS, then READY after some time, if any. Nothing where there is none."""
        show = self._shows.get(url)
        if show is not None:
            show.want(word, back_after_s)

    def problems(self) -> dict[str, str]:
        """Readers that cannot be used now, by name of the problem."""
        return {f"reader {view.url}": view.text for view in self.views.values() if view.text}

    def _follow(self, tasks: asyncio.TaskGroup, found: dict[str, Found]) -> None:
        for url in [url for url in self._tasks if url not in found]:
            self._tasks.pop(url).cancel()
            del self.views[url]
            self._happenings.tell("reader", url=url, state="unplugged", text="")
        for url, each in found.items():
            if url not in self._tasks:
                self.views[url] = ReaderView(url, each.place, each.identity)
                self._tasks[url] = tasks.create_task(self._keep(self.views[url], each))

    async def _keep(self, view: ReaderView, found: Found) -> None:
        while True:
            pause_s = RETRY_S
            try:
                if found.problem:
                    raise UnsupportedReader(found.problem)
                await self._serve(view)
            except UnsupportedReader as error:
                self._turn(view, UNSUPPORTED_STATE, _named(str(error), found))
                pause_s = RETRY_UNSUPPORTED_S
            except ReaderError as error:
                self._turn(view, LOST_STATE, _named(str(error), found))
            except Exception as error:  # the edge of a task: a reader must not end the controller
                LOG.exception("%s: the reader's task has failed", view.url)
                self._turn(view, LOST_STATE, f"{view.url}: reading failed ({error!r}); report this with the log")
                pause_s = RETRY_UNSUPPORTED_S
            await asyncio.sleep(pause_s)

    async def _serve(self, view: ReaderView) -> None:
        reader = await open_reader(view.url, self._ports, self._now_ms)
        try:
            view.model, view.version, view.number = (
                reader.identity.model,
                reader.identity.version,
                reader.identity.number,
            )
            await reader.signal(READY)
            show = self._shows[view.url] = _Show(reader)
            self._turn(view, READY_STATE, "")
            showing = asyncio.create_task(show.run())
            try:
                await self._hear(view, reader)
            finally:
                self._shows.pop(view.url, None)
                showing.cancel()
                await asyncio.wait({showing})
                if not showing.cancelled() and (error := showing.exception()) is not None:
                    LOG.info("%s: showed nothing any more: %s", view.url, error)
        finally:
            reader.close()

    async def _hear(self, view: ReaderView, reader: Reader) -> None:
        while True:
            event = await reader.next_event()
            if isinstance(event, Seen):
                view.taps += 1
                self._on_tap(view, event.tag)
            elif not isinstance(event, Gone):
                self._happenings.tell("reader", url=view.url, state="restarted", text="")

    def _turn(self, view: ReaderView, state: str, text: str) -> None:
        if (view.state, view.text) != (state, text):
            view.state, view.text = state, text
            self._happenings.tell("reader", url=view.url, state=state, text=text)


class _Show:
    """What one open reader shows: the latest wish, whole commands only: a command that is broken off leaves an answer
    behind, which the next one would take for its own."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._word, self._back_after_s = READY, 0.0
        self._wanted = asyncio.Event()

    def want(self, word: str, back_after_s: float) -> None:
        """Show that as soon as the reader takes it."""
        self._word, self._back_after_s = word, back_after_s
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled, or the reader is lost: whoever waits for its next tap is told that."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                back_after_s = self._back_after_s
                await self._signal(self._word)
                if back_after_s and not await self._is_wanted_within(back_after_s):
                    await self._signal(READY)
        except ReaderLost:
            return

    async def _signal(self, word: str) -> None:
        """What a reader refuses to show now (it has no buzzer) does not keep it from showing what comes after."""
        try:
            await self._reader.signal(word)
        except ReaderLost:
            raise
        except ReaderError as error:
            LOG.info("%s does not show %s: %s", self._reader.identity.url, word, error)

    async def _is_wanted_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._wanted.wait()
        except TimeoutError:
            return False


def _named(text: str, found: Found) -> str:
    """A problem with the USB identity, where that is known and not said yet."""
    return f"{text} ({found.identity})" if found.identity and found.identity not in text else text


def _port_of(url: str) -> str:
    return url.partition("://")[2].partition("?")[0]
