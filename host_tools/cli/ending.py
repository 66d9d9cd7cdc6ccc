"""How a program ends that is told to: SIGTERM does what Ctrl-C does, and has an exit code of its own.

Law: one handler for every verb, so that whatever a verb cleans up after Ctrl-C is cleaned up when a supervisor ends it.
Programs that run until they are told to stop answer both signals by themselves, and end with 0.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

INTERRUPTED_EXIT = 130  # 128 and the number of SIGINT, as shells count
TERMINATED_EXIT = 143

_told: list[int] = []


def end_in_order() -> None:
    """Take SIGTERM from now on as Ctrl-C. Signals are the main thread's: in another one they are left alone."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _on_sigterm)


def exit_code() -> int:
    """Of a program that was interrupted."""
    return TERMINATED_EXIT if _told else INTERRUPTED_EXIT


def on_signals(stop: Callable[[], None]) -> None:
    """Of a program that runs until it is told to stop, in its loop: what either signal calls from now on."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    _told.append(number)
    on_interrupt = signal.getsignal(signal.SIGINT)
    if callable(on_interrupt):  # an asyncio runner's cancels its task
        on_interrupt(signal.SIGINT, frame)
    else:  # started in a shell's background, where Ctrl-C is ignored
        raise KeyboardInterrupt
