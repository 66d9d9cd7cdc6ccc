"""What can go wrong with a reader. Each is one line for a person: the thing, then the remedy."""


class ReaderError(Exception):
    """A reader cannot be used."""


class ReaderLost(ReaderError):
    """An open reader is gone, or does not answer any more."""


class UnsupportedReader(ReaderError):
    """There is a reader, but not one that this software can use as it is."""


class TagRefused(ReaderError):
    """A tag that must not be paired with anybody, or not as it was read."""
