"""Who is at fault. A reader answers with an event, with "need more", or with one of these."""


class LinkError(Exception):
    """Root of the two below; never raised itself."""


class LocalError(LinkError):
    """This side asked for something the protocol does not allow. A defect or a wrong argument here."""


class PeerError(LinkError):
    """The other side broke the protocol. The session that sees it ends; nothing else is harmed."""
