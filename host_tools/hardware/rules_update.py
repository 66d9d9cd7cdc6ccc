"""What must agree about media, partitions and the slots that firmware can be in.

Law: pure, as ``rules``: takes a Board whose shape is right, yields problems with the path of the key to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from host_tools.hardware.errors import nearest
from host_tools.hardware.model import Board, Slot
from host_tools.hardware.problem import Path, Problem, repeated

BOOT_PARTITION_MAX = 4  # the Raspberry Pi's boot_partition counts the four entries of an MBR


def partitions(board: Board) -> Iterator[Problem]:
    """Each on a medium that is there, none numbered twice, all of them no larger than the medium."""
    media = {medium.name: medium for medium in board.storages}
    for index, partition in enumerate(board.partitions):
        if partition.storage not in media:
            remedy = nearest(partition.storage, media, "storages")
            yield Problem(("partition", index, "storage"), f"there is no storage {partition.storage}; {remedy}")
    for index in repeated([partition.name for partition in board.partitions]):
        name = board.partitions[index].name
        yield Problem(("partition", index, "name"), f"the partition {name} is there twice: rename one of them")
    for index in repeated([part.number and (part.storage, part.number) for part in board.partitions]):
        partition = board.partitions[index]
        text = f"partition {partition.number} of {partition.storage} is there twice"
        yield Problem(("partition", index, "number"), text)
    taken: Counter[str] = Counter()
    for index, partition in enumerate(board.partitions):
        taken[partition.storage] += partition.size_bytes
        medium = media.get(partition.storage)
        if medium is not None and taken[medium.name] > medium.size_bytes:
            text = f"up to here the partitions of {medium.name} take {taken[medium.name]} bytes, it has"
            yield Problem(("partition", index, "size_bytes"), f"{text} {medium.size_bytes}: make one smaller")
            return


def slots(board: Board) -> Iterator[Problem]:
    """Each in partitions that are there, apart from the others, and large enough for the firmware."""
    parts = {partition.name: partition for partition in board.partitions}
    for index, slot in enumerate(board.update.slots):
        for place, name in enumerate(slot.partitions):
            if name not in parts:
                path: Path = ("update", "slots", index, "partitions", place)
                yield Problem(path, f"there is no partition {name}; {nearest(name, parts, 'partitions')}")
                return
        yield from _method(board, index, slot)
    for index in repeated([slot.name for slot in board.update.slots]):
        name = board.update.slots[index].name
        yield Problem(("update", "slots", index, "name"), f"the slot {name} is there twice: rename one of them")
    places = [(name, slot.folder) for slot in board.update.slots for name in slot.partitions]
    owners = [index for index, slot in enumerate(board.update.slots) for _ in slot.partitions]
    for index in repeated(places):
        text = f"the partition {places[index][0]} is in two slots: an update would overwrite what runs"
        yield Problem(("update", "slots", owners[index], "partitions"), text)
    yield from _room(board)


def _method(board: Board, index: int, slot: Slot) -> Iterator[Problem]:
    path: Path = ("update", "slots", index)
    if board.update.method == "folder":
        if slot.folder is None or len(slot.partitions) != 1:
            yield Problem((*path, "name"), f"the slot {slot.name} needs a folder in one partition")
        return
    if slot.folder is not None:
        yield Problem((*path, "folder"), "tryboot starts from a partition, not from a folder")
    boots = [part for part in board.partitions if part.name in slot.partitions and part.filesystem == "fat"]
    if [part.number is not None and part.number <= BOOT_PARTITION_MAX for part in boots] != [True]:
        text = f"tryboot needs exactly one FAT partition in a slot, with a number from 1 to {BOOT_PARTITION_MAX}"
        yield Problem((*path, "partitions"), text)


def _room(board: Board) -> Iterator[Problem]:
    """A slot in a folder has its share of the partition."""
    sizes = {partition.name: partition.size_bytes for partition in board.partitions}
    sharers = Counter(name for slot in board.update.slots for name in slot.partitions)
    for index, slot in enumerate(board.update.slots):
        room_bytes = sum(sizes[name] // sharers[name] for name in slot.partitions)
        if board.memory.firmware_bytes_max > room_bytes:
            text = f"the slot {slot.name} has {room_bytes} bytes, the firmware's budget is"
            path: Path = ("update", "slots", index, "partitions")
            yield Problem(path, f"{text} {board.memory.firmware_bytes_max}: lower it, or make the slot larger")
