"""Paths of the files port: relative, ``/`` between names, never out of the root."""

from firmware.ports.errors import PortFault

NAME_CHARACTERS_MAX = 120  # every file system of a card or a server takes as much, in any alphabet
DEPTH_MAX = 8  # vault and spool need three


def split_path(path: str) -> "list[str]":
    """The names of a path; none for the root ``""``. PortFault if it is absolute or leaves the root."""
    if path == "":
        return []
    names = path.split("/")
    if len(names) > DEPTH_MAX:
        raise PortFault("path %s is more than %d folders deep" % (repr(path), DEPTH_MAX))
    for name in names:
        if name in ("", ".", "..") or "\x00" in name or len(name) > NAME_CHARACTERS_MAX:
            raise PortFault("path %s is refused: use plain names below the root, with / between them" % repr(path))
    return names


def split_name(path: str) -> "tuple[list[str], str]":
    """The folders of a path and the name in the last of them. PortFault for the root, which has no name."""
    names = split_path(path)
    if not names:
        raise PortFault("the root itself cannot be made, renamed or removed")
    return names[:-1], names[-1]
