"""What is recorded on a card in these tests, and all bytes that a card holds."""

from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment

SPOKEN = b"a sentence that somebody said beside the camera "
MADE = [
    Fragment(FRAGMENT_INIT, b"ftyp+moov " + SPOKEN * 10, 0, 0, 0),
    Fragment(FRAGMENT_MEDIA, SPOKEN * 60, 0, 1000, 25),
    Fragment(FRAGMENT_MEDIA, SPOKEN * 22_000, 1000, 1000, 25),  # two chunks
    Fragment(FRAGMENT_MEDIA, SPOKEN, 2000, 1000, 25),
]


def everything(files: Files, folder: str = "") -> dict[str, bytes]:
    """Every file of a card, by path."""
    found: dict[str, bytes] = {}
    for name in files.list_folder(folder):
        path = f"{folder}/{name}" if folder else name
        try:
            file = files.open(path)
        except NotFound:
            found |= everything(files, path)
            continue
        buffer = bytearray(file.size_bytes())
        file.read_at(0, buffer)
        file.close()
        found[path] = bytes(buffer)
    return found


def joined(made: list[Fragment]) -> bytes:
    return b"".join(bytes(fragment.data) for fragment in made)
