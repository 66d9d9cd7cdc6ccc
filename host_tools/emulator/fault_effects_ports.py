"""What each fault of cables, USB ports and readers does, and how it is undone: the part of ``fault_effects`` for all
that is plugged in, whatever firmware it has.

Law: as there. A reader that acts as a keyboard says nothing here, so it has neither a cable's faults nor a reader's.
"""

from __future__ import annotations

from host_tools.emulator.errors import FaultUnsupported
from host_tools.emulator.fault_effects import DIP_S, Hands, Site
from host_tools.emulator.reader_world import ReaderWorld
from host_tools.emulator.usb_ports import DIP, PULLED

FULL_SPEED_BYTES_PER_S = 1_000_000  # 12 Mbit/s less its overhead: 19 bulk packets of 64 bytes a millisecond


def link(kind: str) -> Hands:
    """See line."""

    def do_it(site: Site) -> None:
        site.world.line.set_fault(kind)

    def undo(site: Site) -> None:
        site.world.line.clear_fault(kind)

    return Hands(do_it, undo, _needs_cable)


def usb(kind: str) -> Hands:
    """See usb_ports."""

    def do_it(site: Site) -> None:
        site.bench.usb_ports.fault(site.board, kind)

    def undo(site: Site) -> None:
        site.bench.usb_ports.clear(site.board, kind)

    return Hands(do_it, undo)


def reader(kind: str) -> Hands:
    """See reader_faults."""

    def do_it(site: Site) -> None:
        site.reader.set_fault(kind)

    def undo(site: Site) -> None:
        site.reader.clear_fault(kind)

    return Hands(do_it, undo, _needs_cable)


def _needs_cable(site: Site) -> None:
    if isinstance(site.world, ReaderWorld) and not site.world.has_port:
        text = f"{site.board} is a {site.world.kind} and types its numbers, which nobody hears here"
        raise FaultUnsupported(f"unsupported: {text}; usb is what can fail of it")


def _full_speed(site: Site) -> None:
    site.bench.usb_ports.fault(site.board, "slow")
    site.world.line.limit(FULL_SPEED_BYTES_PER_S)


def _high_speed(site: Site) -> None:
    site.bench.usb_ports.clear(site.board, "slow")
    site.world.line.limit(None)


def _dip(site: Site) -> None:
    site.bench.usb_ports.fault(site.board, DIP)
    site.timers.append(site.bench.faults.later(DIP_S, lambda: _dipped(site)))


def _dipped(site: Site) -> None:
    _power_back(site)
    site.healed()


def _power_back(site: Site) -> None:
    site.bench.usb_ports.clear(site.board, DIP)


LINK_UNPLUG = usb("unplug")._replace(check=_needs_cable)
USB_FULL_SPEED = Hands(_full_speed, _high_speed)
READER_DIP = Hands(_dip, _power_back, _needs_cable)
READER_UNPLUG = usb(PULLED)._replace(check=_needs_cable)
