"""What a reader said at somebody else's computer: its bytes come here, and are judged as those of a reader of our own.

Law: pure, and keeps nothing: whoever pairs brings all readings of that badge, oldest first, each time. Whoever brings
them cuts the line's bytes into frames and answers and knows no rule about numbers; all of those are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from host_tools.readers import twn4_codec
from host_tools.readers.errors import ReaderError, TagRefused
from host_tools.readers.frames_125k import Frames125k
from host_tools.readers.pairing import TAPS, RepeatedTaps
from host_tools.readers.presence import Seen
from host_tools.readers.tags import Tag

Kind = Literal["ascii125k", "twn4"]
READINGS_MAX: Final = 8  # of one badge: OTHERS_MAX numbers end it long before


class Judgement(NamedTuple):
    """``is_sure``: the badge can be paired; else it is to be held to the reader ``left`` times more."""

    tag: Tag
    is_sure: bool
    left: int


def tag_of_reading(kind: Kind, data: bytes) -> Tag:
    """The badge of one reading: a whole frame of an ASCII reader, or a TWN4's answer to a search, status first.
    TagRefused if it is none."""
    if kind == "ascii125k":
        found: list[Tag] = Frames125k().feed(data)
        if len(found) == 1:
            return found[0]
        raise TagRefused("that is no frame of a 125 kHz reader: hold the badge to it again")
    try:
        tag = twn4_codec.tag_of(twn4_codec.result_of(twn4_codec.SEARCH_TAG, data))
    except ReaderError as error:
        raise TagRefused(f"that is no answer of a TWN4 to a search ({error}): hold the badge to it again") from error
    if tag is None:
        raise TagRefused("the reader saw no badge: hold it there again")
    return tag


def judge(readings: Sequence[tuple[Kind, bytes]], known: Mapping[str, str]) -> Judgement:
    """What becomes of a badge that was read so; ``known``: numbers that are paired already, with whom. TagRefused."""
    taps = RepeatedTaps(known.items())
    tags: list[Tag] = [tag_of_reading(kind, data) for kind, data in readings]
    is_sure = False
    for tag in tags:
        progress = taps.feed(Seen(tag))
        is_sure = progress is not None and progress.tag is not None
    if not tags:
        raise TagRefused("nothing was read yet: hold the badge to the reader")
    return Judgement(tags[-1], is_sure, 0 if is_sure else TAPS - _repeated(tags))


def _repeated(tags: Iterable[Tag]) -> int:
    """How often the last one was read in a row."""
    count, last = 0, None
    for tag in tags:
        count, last = (count + 1 if tag == last else 1), tag
    return count
