"""How a program ends that is told to: SIGTERM, and SIGHUP of a terminal that is closed, do what Ctrl-C does, and each
has an exit code of its own. Under ``nohup``, which has SIGHUP ignored, it stays ignored.

Law: one handler for every verb, so that whatever a verb cleans up after Ctrl-C is cleaned up when a supervisor ends it.
Programs that run until they are told to stop answer all of them by themselves, and end with 0.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

SIGNAL_EXIT = 128  # and the number of the signal, as shells count
INTERRUPTED_EXIT = SIGNAL_EXIT + signal.SIGINT
TERMINATED_EXIT = SIGNAL_EXIT + signal.SIGTERM

_told: list[int] = []


def end_in_order() -> None:
    """Take SIGTERM and SIGHUP from now on as Ctrl-C. Signals are the main thread's: in another one they are left
    alone."""
    if threading.current_thread() is threading.main_thread():
        for number in _heard(signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _on_told)


def exit_code() -> int:
    """Of a program that was interrupted."""
    return SIGNAL_EXIT + _told[0] if _told else INTERRUPTED_EXIT


def on_signals(stop: Callable[[], None]) -> None:
    """Of a program that runs until it is told to stop, in its loop: what each of these signals calls from now on."""
    loop = asyncio.get_running_loop()
    for number in _heard(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def _heard(*numbers: signal.Signals) -> list[signal.Signals]:
    """Without SIGHUP where whoever started this program has it ignored."""
    is_deaf = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [number for number in numbers if number != signal.SIGHUP or not is_deaf]


def _on_told(number: int, frame: FrameType | None) -> None:
    _told.append(number)
    on_interrupt = signal.getsignal(signal.SIGINT)
    if callable(on_interrupt):  # an asyncio runner's cancels its task
        on_interrupt(signal.SIGINT, frame)
    else:  # started in a shell's background, where Ctrl-C is ignored
        raise KeyboardInterrupt
