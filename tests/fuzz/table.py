"""All targets by name, with the inputs that each begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from tests.fuzz import format_targets, link_targets, place_targets


class Target(NamedTuple):
    """``run`` raises if the invariant of its docstring is broken; ``begin`` gives good and bad inputs to begin with;
    ``runs``: mutations in a short run, half a second's worth."""

    name: str
    run: Callable[[bytes], None]
    begin: Callable[[], Iterable[bytes]]
    runs: int = 3000

    def seeds(self) -> tuple[bytes, ...]:
        """What to begin with: what broke the target once, and then the rest."""
        return (*map(bytes.fromhex, BROKE_ONCE.get(self.name, ())), *self.begin())


# Inputs that broke a target until they were found, in hexadecimal.
BROKE_ONCE: Final = {
    # An open frame whose payload is a byte short: the tap raised.
    "listeners": ("00c5b701010000000011000000e84d7ed50000000000000000000000000000000000bdf1efc9",),
}


def journal_seeds() -> Iterator[bytes]:
    """Single lines, and all lines as one file."""
    found = list(format_targets.vectors("journal"))
    yield from found
    yield b"".join(found)


TARGETS: Final = {
    target.name: target
    for target in (
        Target("frame_reader", link_targets.frame_reader, link_targets.frame_seeds),
        Target("portable_decoder", link_targets.portable_decoder, link_targets.body_seeds),
        Target("construct_decoder", link_targets.construct_decoder, link_targets.body_seeds),
        Target("control_stream", link_targets.control_stream, link_targets.control_seeds),
        Target("session_raw", link_targets.session_raw, link_targets.raw_seeds),
        Target("session_frames", link_targets.session_frames, link_targets.session_seeds),
        Target("listeners", link_targets.listeners, link_targets.listener_seeds, 200),
        Target("manifest", format_targets.manifest_decoder, lambda: format_targets.vectors("manifest")),
        Target("header", format_targets.header_decoder, lambda: format_targets.vectors("header")),
        Target("erasures", format_targets.erasures_decoder, lambda: format_targets.vectors("erasures")),
        Target("authorisation", format_targets.authorisation_decoder, lambda: format_targets.vectors("authorisation")),
        Target("journal", format_targets.journal_decoder, journal_seeds),
        Target("marks", format_targets.marked_decoder, lambda: format_targets.vectors("marks")),
        Target("chunk", format_targets.chunk_decoder, format_targets.chunk_seeds),
        Target("names", format_targets.destination_names, format_targets.name_seeds),
        Target("places", place_targets.places_decoder, place_targets.places_seeds),
        Target("receiver", place_targets.receiver, place_targets.receiver_seeds, 1000),
        Target("captures", format_targets.captures, format_targets.capture_seeds),
    )
}
